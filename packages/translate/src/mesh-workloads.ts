// From pods, WorkloadEntries, ServiceEntries and EndpointSlices to the workloads of the mesh: what each derivation reads and makes.
// Run by mesh-index.ts. The rules themselves are pure functions of what is read here.

import { serviceKey } from '@ambient-mesh/model/service';
import type { PortMap, Workload } from '@ambient-mesh/model/workload';
import type { Dependant } from './derive/table.ts';
import type { Pod } from './kinds/pod.ts';
import { selectionKey } from './label-pairs.ts';
import { policiesSelecting, servicesSelecting } from './mesh-selection.ts';
import { bindingFor, networkOf, type Reading, stands } from './mesh-services.ts';
import { objectOf, type Selection } from './mesh-tables.ts';
import { allowWaypointPolicy } from './peer-authentication.ts';
import { requireWaypointKey } from './require-waypoint.ts';
import { inRevision } from './revision.ts';
import type { ServiceInfo } from './service-info.ts';
import { portsOnEntry, portsOnPod } from './service-ports.ts';
import type { TranslateSettings } from './settings.ts';
import { byText } from './text-order.ts';
import { type Waypoint, waypointsOf } from './waypoint.ts';
import { entryLabels, inlineEndpoints, workloadFromEndpoint, workloadFromEntry } from './workload-from-entry.ts';
import { workloadFromPod } from './workload-from-pod.ts';
import { workloadsFromSlice } from './workload-from-slice.ts';

type Made = Generator<readonly [uid: string, Workload]>;

const selectedByNobody: Selection = { services: [], policies: [] };
const gatewayName = 'gateway.networking.k8s.io/gateway-name';

export function* podWorkload(reading: Reading, key: string, by: Dependant): Made {
  const { tables, settings } = reading;
  // Whoever changes a pod says so by itself: 50,000 readers of one row each would only cost memory.
  const pod = tables.pods.peek(key);
  if (pod === undefined) return;
  const selection = tables.selections.read(selectionKey(pod.meta), by) ?? selectedByNobody;
  const infos = infosOfPod(reading, pod, selection, by);
  const own = pod.meta.labels[gatewayName] ? tables.waypoints.read(`${pod.meta.namespace}/${pod.meta.labels[gatewayName]}`, by) : undefined;
  // What is a waypoint goes through none.
  const waypoint = own === undefined ? bindingFor(reading, { kind: 'Pod', meta: pod.meta }, 'workload', by).waypoint : undefined;
  const binding = own?.inboundBinding;
  const workload = workloadFromPod(pod, {
    settings,
    network: networkOf(reading, by),
    node: pod.node === '' ? undefined : tables.nodes.read(pod.node, by),
    services: portsBy(infos, (info) => portsOnPod(info.source, pod.namedPorts)),
    policies: withWaypoints(settings, selection.policies, infos, waypoint),
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
  const kinds = settings.servicesSelectEntries ? (['Service', 'ServiceEntry'] as const) : (['ServiceEntry'] as const);
  const selected = { namespace: entry.meta.namespace, labels };
  const infos = servicesSelecting(reading, { ...selected, kinds }, by);
  const { waypoint } = bindingFor(reading, { kind: 'WorkloadEntry', meta: { ...entry.meta, labels } }, 'workload', by);
  const workload = workloadFromEntry(entry, {
    settings,
    network: networkOf(reading, by),
    services: portsBy(infos, (info) => portsOnEntry(info.source, entry.ports)),
    policies: withWaypoints(settings, policiesSelecting(reading, selected, by), infos, waypoint),
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
  const policies = policiesSelecting(reading, meta, by);
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
      policies: withWaypoints(settings, policies, infos, waypoint),
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

function infosOfPod({ tables }: Reading, { meta }: Pod, selection: Selection, by: Dependant): readonly ServiceInfo[] {
  const keys = [...selection.services];
  for (const { info, pods } of tables.targetSlices.readBy('pod', `${meta.namespace}/${meta.name}`, by)) {
    // A new pod of the same name is not the one that the slice means.
    const meant = pods.some(({ name, namespace, uid }) => name === meta.name && namespace === meta.namespace && uid === meta.uid);
    if (meant && !keys.includes(info)) keys.push(info);
  }
  return keys.map((key) => tables.infos.read(key, by)).filter((info) => info !== undefined);
}

/** In the order of names, so that equal mappings have equal bytes. */
function portsBy(infos: readonly ServiceInfo[], ports: (info: ServiceInfo) => PortMap): ReadonlyMap<string, PortMap> {
  if (infos.length === 0) return noPorts;
  return new Map(infos.map((info) => [serviceKey(info.service), ports(info)] as const).sort(([a], [b]) => byText(a, b)));
}

const noPorts: ReadonlyMap<string, PortMap> = new Map();

/**
 * Also lists what refuses everybody but the waypoints of its services, where those require it, and what lets waypoints in, where the mesh is told
 * to allow them: its own and those of its services (facts: control-plane §3.7).
 */
function withWaypoints(
  settings: TranslateSettings,
  policies: readonly string[],
  infos: readonly ServiceInfo[],
  waypoint: Waypoint | undefined,
): readonly string[] {
  const required = infos.flatMap((info) => (info.requiresWaypoint ? requireWaypointKey(info.source) : [])).sort(byText);
  const admitted = settings.allowWaypoints ? [waypoint, ...infos.flatMap(({ binding }) => waypointsOf(binding))] : [];
  const allowed = admitted.flatMap((each) => (each && allowWaypointPolicy(each, settings)?.key) ?? []);
  return required.length + allowed.length === 0 ? policies : [...policies, ...new Set([...required, ...allowed])];
}
