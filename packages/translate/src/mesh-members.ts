// Who is behind a service and has some labels: the workloads of a subset. Read the other way round than workloads are made, because few services have subsets.
// Used by the look-up of mesh-routes.ts; must agree with mesh-workloads.ts on who backs a service.

import type { Dependant } from './derive/table.ts';
import type { Labels } from './kinds/meta.ts';
import type { Pod } from './kinds/pod.ts';
import { selectedOf } from './label-pairs.ts';
import { objectFrom, type Reading } from './mesh-services.ts';
import { inRevision } from './revision.ts';
import { selects } from './selector.ts';
import type { ServiceInfo } from './service-info.ts';
import { byText } from './text-order.ts';
import { endpointUid, entryLabels, entryUid, inlineEndpoints } from './workload-from-entry.ts';
import { podUid } from './workload-from-pod.ts';

/** Sorted uids; of pods also those that are no workload yet, or no longer. `service`: `namespace/hostname`. */
export function membersOf(reading: Reading, service: string, labels: Labels, by: Dependant): readonly string[] {
  const { tables, settings } = reading;
  const uids = new Set<string>();
  for (const { object, hostname } of tables.targets.readBy('service', service, by)) {
    const key = `${object}/${hostname}`;
    const info = tables.infos.read(key, by);
    if (info === undefined) continue;
    for (const pod of podsOf(reading, key, labels, by)) uids.add(podUid(settings.clusterId, pod));
    for (const uid of entriesOf(reading, info, labels, by)) uids.add(uid);
    for (const uid of endpointsOf(reading, { object, hostname }, labels, by)) uids.add(uid);
  }
  return [...uids].sort(byText);
}

function* podsOf({ tables }: Reading, info: string, labels: Labels, by: Dependant): Generator<Pod> {
  for (const alike of tables.selections.keysBy('service', info, by))
    if (selects(labels, selectedOf(alike).labels)) yield* tables.pods.readBy('labels', alike, by);
  for (const { pods } of tables.targetSlices.readBy('info', info, by))
    for (const { namespace, name, uid } of pods) {
      const pod = tables.pods.read(`${namespace}/${name}`, by);
      if (pod?.meta.uid === uid && selects(labels, pod.meta.labels)) yield pod;
    }
}

function* entriesOf({ tables, settings }: Reading, info: ServiceInfo, labels: Labels, by: Dependant): Generator<string> {
  const { source, selector = {} } = info;
  if (Object.keys(selector).length === 0 || (source.kind === 'Service' && !settings.servicesSelectEntries)) return;
  for (const entry of tables.workloadEntries.readBy('namespace', source.namespace, by)) {
    const own = entryLabels(entry);
    if (inRevision(entry.meta, settings.revision) && selects(selector, own) && selects(labels, own))
      yield entryUid(settings.clusterId, entry);
  }
}

function* endpointsOf(
  { tables, settings }: Reading,
  { object, hostname }: { readonly object: string; readonly hostname: string },
  labels: Labels,
  by: Dependant,
): Generator<string> {
  const { kind, key } = objectFrom(object);
  const entry = kind === 'ServiceEntry' ? tables.serviceEntries.read(key, by) : undefined;
  if (entry === undefined) return;
  for (const { endpoint, host = hostname } of inlineEndpoints(entry))
    if (host === hostname && selects(labels, endpoint.labels)) yield endpointUid(settings.clusterId, entry, endpoint);
}
