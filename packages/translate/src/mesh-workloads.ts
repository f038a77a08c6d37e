// From pods, WorkloadEntries, ServiceEntries and EndpointSlices to the workloads of the mesh: what each derivation reads and makes.
// Run by mesh-index.ts. The rules themselves are pure functions of what is read here.

import { serviceKey } from '@ambient-mesh/model/service';
import type { PortMap, Workload } from '@ambient-mesh/model/workload';
import type { Dependant } from './derive/table.ts';
import type { Labels } from './kinds/meta.ts';
import type { PeerAuthentication } from './kinds/peer-authentication.ts';
import type { Pod } from './kinds/pod.ts';
import { placesOfLabels } from './label-pairs.ts';
import { bindingFor, networkOf, type Reading, stands } from './mesh-services.ts';
import { objectOf } from './mesh-tables.ts';
import { allowWaypointPolicy, peerAuthenticationKeys } from './peer-authentication.ts';
import { inRevision } from './revision.ts';
import { selects } from './selector.ts';
import type { ServiceInfo } from './service-info.ts';
import { portsOnEntry, portsOnPod } from './service-ports.ts';
import { byText } from './text-order.ts';
import { type Waypoint, waypointsOf } from './waypoint.ts';
import { entryLabels, inlineEndpoints, workloadFromEndpoint, workloadFromEntry } from './workload-from-entry.ts';
import { workloadFromPod } from './workload-from-pod.ts';
import { workloadsFromSlice } from './workload-from-slice.ts';

type Made = Generator<readonly [uid: string, Workload]>;

const gatewayName = 'gateway.networking.k8s.io/gateway-name';

export function* podWorkload(reading: Reading, key: string, by: Dependant): Made {
  const { tables, settings } = reading;
  const pod = tables.pods.read(key, by);
  if (pod === undefined) return;
  const infos = infosOfPod(reading, pod, by);
  const own = pod.meta.labels[gatewayName] ? tables.waypoints.read(`${pod.meta.namespace}/${pod.meta.labels[gatewayName]}`, by) : undefined;
  // What is a waypoint goes through none.
  const waypoint = own === undefined ? bindingFor(reading, { kind: 'Pod', meta: pod.meta }, 'workload', by).waypoint : undefined;
  const binding = own?.inboundBinding;
  const workload = workloadFromPod(pod, {
    settings,
    network: networkOf(reading, by),
    node: pod.node === '' ? undefined : tables.nodes.read(pod.node, by),
    services: portsBy(infos, (info) => portsOnPod(info.source, pod.namedPorts)),
    policies: policiesOf(reading, { namespace: pod.meta.namespace, labels: pod.meta.labels, infos, waypoint }, by),
    waypoint: waypoint?.address,
    applicationTunnel: binding && { protocol: binding.protocol, ...(binding.port > 0 && { port: binding.port }) },
  });
  if (workload !== undefined) yield [workload.uid, workload];
}

export function* entryWorkload(reading: Reading, key: string, by: Dependant): Made {
  const { tables, settings } = reading;
  const entry = tables.workloadEntries.read(key, by);
  if (entry === undefined || !inRevision(entry.meta, settings.revision)) return;
  const labels = entryLabels(entry);
  const kinds = settings.servicesSelectEntries ? ['Service', 'ServiceEntry'] : ['ServiceEntry'];
  const { namespace } = entry.meta;
  const infos = selecting(reading, { kinds, namespace, labels }, by);
  const { waypoint } = bindingFor(reading, { kind: 'WorkloadEntry', meta: { ...entry.meta, labels } }, 'workload', by);
  const workload = workloadFromEntry(entry, {
    settings,
    network: networkOf(reading, by),
    services: portsBy(infos, (info) => portsOnEntry(info.source, entry.ports)),
    policies: policiesOf(reading, { namespace, labels, infos, waypoint }, by),
    waypoint: waypoint?.address,
  });
  yield [workload.uid, workload];
}

export function* endpointWorkloads(reading: Reading, key: string, by: Dependant): Made {
  const { tables, settings } = reading;
  const entry = tables.serviceEntries.read(key, by);
  if (entry === undefined || !inRevision(entry.meta, settings.revision)) return;
  const { meta } = entry;
  const all = [...tables.infos.readBy('object', objectOf({ kind: 'ServiceEntry', ...meta }), by)].filter((info) =>
    stands(reading, info, by),
  );
  if (all.length === 0) return;
  const network = networkOf(reading, by);
  const seen = new Set<string>();
  for (const inline of inlineEndpoints(entry)) {
    const infos = all.filter(({ service }) => inline.host === undefined || service.hostname === inline.host);
    if (infos.length === 0) continue;
    const subject = { kind: 'Endpoint', meta: { namespace: meta.namespace, labels: inline.endpoint.labels, annotations: {} } } as const;
    const waypoint = inline.implied ? undefined : bindingFor(reading, subject, 'workload', by).waypoint;
    const workload = workloadFromEndpoint(entry, inline, {
      settings,
      network,
      services: portsBy(infos, (info) => portsOnEntry(info.source, inline.endpoint.ports)),
      policies: policiesOf(reading, { namespace: meta.namespace, labels: meta.labels, infos, waypoint }, by),
      waypoint: waypoint?.address,
    });
    // The same address twice is one workload: the first counts.
    if (seen.has(workload.uid)) continue;
    seen.add(workload.uid);
    yield [workload.uid, workload];
  }
}

export function* sliceWorkloads(reading: Reading, key: string, by: Dependant): Made {
  const { tables, settings } = reading;
  const slice = tables.endpointSlices.read(key, by);
  if (slice === undefined || slice.service === '' || slice.endpoints.every(({ pod }) => pod !== undefined)) return;
  const [info] = tables.infos.readBy('object', objectOf({ kind: 'Service', namespace: slice.meta.namespace, name: slice.service }), by);
  if (info === undefined || info.source.kind !== 'Service') return;
  const service = { key: serviceKey(info.service), ports: info.source.ports };
  for (const workload of workloadsFromSlice(slice, service, { settings, network: networkOf(reading, by) })) yield [workload.uid, workload];
}

function infosOfPod(reading: Reading, pod: Pod, by: Dependant): readonly ServiceInfo[] {
  const { tables, settings } = reading;
  const kinds = settings.entriesSelectPods ? ['Service', 'ServiceEntry'] : ['Service'];
  const { namespace, name, labels, uid } = pod.meta;
  const infos = selecting(reading, { kinds, namespace, labels }, by);
  for (const { info: key, pods } of tables.targetSlices.readBy('pod', `${namespace}/${name}`, by)) {
    const info = tables.infos.read(key, by);
    // A new pod of the same name is not the one that the slice means.
    const meant = pods.some((one) => one.name === name && one.namespace === namespace && one.uid === uid);
    if (info !== undefined && meant && !infos.includes(info)) infos.push(info);
  }
  return infos;
}

interface Selected {
  readonly kinds: readonly string[];
  readonly namespace: string;
  readonly labels: Labels;
}

function selecting(reading: Reading, { kinds, namespace, labels }: Selected, by: Dependant): ServiceInfo[] {
  const found: ServiceInfo[] = [];
  for (const kind of kinds)
    for (const place of placesOfLabels(`${kind}/${namespace}`, labels))
      for (const info of reading.tables.infos.readBy('selector', place, by))
        if (selects(info.selector ?? {}, labels) && stands(reading, info, by)) found.push(info);
  return found;
}

/** In the order of names, so that equal mappings have equal bytes. */
function portsBy(infos: readonly ServiceInfo[], ports: (info: ServiceInfo) => PortMap): ReadonlyMap<string, PortMap> {
  if (infos.length === 0) return noPorts;
  return new Map(infos.map((info) => [serviceKey(info.service), ports(info)] as const).sort(([a], [b]) => byText(a, b)));
}

const noPorts: ReadonlyMap<string, PortMap> = new Map();

interface PolicyQuestion {
  readonly namespace: string;
  readonly labels: Labels;
  readonly infos: readonly ServiceInfo[];
  readonly waypoint: Waypoint | undefined;
}

/** Facts: control-plane §3.7. */
function policiesOf(reading: Reading, { namespace, labels, infos, waypoint }: PolicyQuestion, by: Dependant): readonly string[] {
  const { tables, settings } = reading;
  const { rootNamespace } = settings;
  const keys = new Set<string>();
  for (const scope of new Set([namespace, rootNamespace]))
    for (const place of placesOfLabels(scope, labels))
      for (const { policy, selector } of tables.verdicts.readBy('place', place, by))
        if (policy !== undefined && selects(selector ?? {}, labels)) keys.add(policy.key);
  const converted = peerAuthenticationKeys(peerAuthenticationsFor(reading, namespace, labels, by), { namespace, labels }, settings);
  const allowed = settings.allowWaypoints
    ? [waypoint, ...infos.flatMap(({ binding }) => waypointsOf(binding))].flatMap(
        (each) => (each && allowWaypointPolicy(each, settings)?.key) ?? [],
      )
    : none;
  const sorted = [...keys].sort(byText);
  return sorted.length + converted.length + allowed.length === 0 ? none : [...sorted, ...converted, ...new Set(allowed)];
}

const none: readonly string[] = [];

function peerAuthenticationsFor(
  { tables, settings }: Reading,
  namespace: string,
  labels: Labels,
  by: Dependant,
): readonly PeerAuthentication[] {
  const table = tables.peerAuthentications;
  const found = [...table.readBy('place', namespace, by)];
  if (namespace !== settings.rootNamespace) found.push(...table.readBy('place', settings.rootNamespace, by));
  for (const place of placesOfLabels(namespace, labels)) found.push(...table.readBy('place', place, by));
  return found.length === 0 ? found : found.filter(({ meta }) => inRevision(meta, settings.revision));
}
