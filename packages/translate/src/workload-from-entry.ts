// WorkloadEntries, and endpoints written into a ServiceEntry, as workloads of the mesh (facts: control-plane §3.11, §3.12). Pure.
import { parseIp } from '@ambient-mesh/model/address';
import type { Workload } from '@ambient-mesh/model/workload';
import type { EntryEndpoint, ServiceEntry, WorkloadEntry } from './kinds/entries.ts';
import type { Labels, Meta } from './kinds/meta.ts';
import { canonicalOf, identityOf, localityOf, type Surroundings, tunnelOf } from './workload-common.ts';

/** The entry's own labels and those in its spec; its own win. */
export const entryLabels = ({ meta, labels }: WorkloadEntry): Labels => ({ ...labels, ...meta.labels });

export const entryUid = (clusterId: string, { meta }: Pick<WorkloadEntry, 'meta'>): string =>
  `${clusterId}/networking.istio.io/WorkloadEntry/${meta.namespace}/${meta.name}`;

export function workloadFromEntry(entry: WorkloadEntry, around: Surroundings): Workload {
  const { meta } = entry;
  const labels = entryLabels(entry);
  const workloadName = meta.annotations['istio.io/autoRegistrationGroup'] || labels['service.istio.io/workload-name'] || meta.name;
  return workloadOf(entry, { uid: entryUid(around.settings.clusterId, entry), meta: { ...meta, labels }, workloadName }, around);
}

/** An endpoint as the mesh uses it: written out, or implied by the host of an entry that is resolved by DNS. */
export interface InlineEndpoint {
  readonly endpoint: EntryEndpoint;
  /** Nobody wrote it: its labels, and a waypoint for it, do not exist. */
  readonly implied: boolean;
  /** The host that it is for; undefined: all of the entry's. */
  readonly host: string | undefined;
}

const resolvedByName: ReadonlySet<string> = new Set(['DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS']);

export function inlineEndpoints({ endpoints, workloadSelector, resolution, hosts }: ServiceEntry): readonly InlineEndpoint[] {
  if (endpoints.length > 0) return endpoints.map((endpoint) => ({ endpoint, implied: false, host: undefined }));
  if (workloadSelector !== undefined || !resolvedByName.has(resolution)) return [];
  return hosts.map((host) => ({ endpoint: { ...nothing, address: host }, implied: true, host }));
}

const nothing: EntryEndpoint = { address: '', labels: {}, ports: {}, network: '', locality: '', weight: 0, serviceAccount: '' };

export const endpointUid = (clusterId: string, { meta }: Pick<ServiceEntry, 'meta'>, { address }: Pick<EntryEndpoint, 'address'>): string =>
  `${clusterId}/networking.istio.io/ServiceEntry/${meta.namespace}/${meta.name}/${address}`;

export function workloadFromEndpoint(entry: ServiceEntry, { endpoint }: InlineEndpoint, around: Surroundings): Workload {
  const { meta } = entry;
  return workloadOf(endpoint, { uid: endpointUid(around.settings.clusterId, entry, endpoint), meta, workloadName: meta.name }, around);
}

interface Told {
  readonly uid: string;
  readonly meta: Meta;
  readonly workloadName: string;
}

/** Nobody watches their health, so they count as healthy. */
function workloadOf(spec: EntryEndpoint, { uid, meta, workloadName }: Told, around: Surroundings): Workload {
  const ip = parseIp(spec.address);
  return {
    uid,
    name: meta.name,
    namespace: meta.namespace,
    addresses: ip === undefined ? [] : [ip],
    hostname: ip === undefined ? spec.address : '',
    network: spec.network || around.network,
    ...tunnelOf(meta),
    identity: identityOf(around.settings, meta.namespace, spec.serviceAccount),
    ...(around.waypoint && { waypoint: around.waypoint }),
    node: '',
    ...canonicalOf(meta.labels, workloadName),
    workloadType: 'pod',
    workloadName,
    authorizationPolicies: around.policies,
    health: 'Healthy',
    clusterId: around.settings.clusterId,
    services: around.services,
    locality: localityOf(spec.locality),
    networkMode: 'Standard',
    capacity: spec.weight > 0 ? spec.weight : 1,
  };
}
