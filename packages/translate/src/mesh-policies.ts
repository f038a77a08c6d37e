// From AuthorizationPolicies, PeerAuthentications and waypoints to the policies of the mesh, and to what statuses say: what each derivation reads and makes.
// Run by mesh-index.ts. The rules themselves are pure functions of what is read here.
import type { Policy } from '@ambient-mesh/model/policy';
import { type PolicyVerdict, policyFrom, type Unenforced } from './authorization-policy.ts';
import { entryConditions, serviceConditions, workloadEntryConditions } from './binding-conditions.ts';
import type { Dependant } from './derive/table.ts';
import type { Condition } from './kinds/meta.ts';
import { bindingFor, type Reading } from './mesh-services.ts';
import { allowWaypointPolicy, parentsOf, portPolicy, staticStrictPolicy } from './peer-authentication.ts';
import { requireWaypointCondition, requireWaypointPolicy } from './require-waypoint.ts';
import { inRevision } from './revision.ts';
import type { ServiceInfo } from './service-info.ts';
import { entryLabels } from './workload-from-entry.ts';

type Policies = Generator<readonly [key: string, Policy]>;

export function* verdictOf({ tables, settings }: Reading, key: string, by: Dependant): Generator<readonly [string, PolicyVerdict]> {
  const policy = tables.authorizationPolicies.read(key, by);
  if (policy !== undefined) yield [key, policyFrom(policy, settings)];
}

export function* sentPolicy({ tables }: Reading, key: string, by: Dependant): Policies {
  const policy = tables.verdicts.read(key, by)?.policy;
  if (policy !== undefined) yield [policy.key, policy];
}

/** For single ports; the policy that denies all plain text is `strictPolicy`. */
export function* portPolicyOf({ tables, settings }: Reading, key: string, by: Dependant): Policies {
  const pa = tables.peerAuthentications.read(key, by);
  if (pa === undefined || pa.selector === undefined || !inRevision(pa.meta, settings.revision)) return;
  const { namespace } = pa.meta;
  const parents = [namespace, settings.rootNamespace].flatMap((place) => [...tables.peerAuthentications.readBy('place', place, by)]);
  const own = parents.filter(({ meta }) => inRevision(meta, settings.revision));
  const policy = portPolicy(pa, parentsOf(own, namespace, settings.rootNamespace), settings);
  if (policy !== undefined) yield [policy.key, policy];
}

/** Sent as soon as there is any PeerAuthentication. */
export function* strictPolicy({ tables, settings }: Reading, _: string, by: Dependant): Policies {
  for (const { meta } of tables.peerAuthentications.readBy('all', 'all', by)) {
    if (!inRevision(meta, settings.revision)) continue;
    const policy = staticStrictPolicy(settings);
    yield [policy.key, policy];
    return;
  }
}

export function* waypointPolicy({ tables, settings }: Reading, key: string, by: Dependant): Policies {
  const waypoint = settings.allowWaypoints ? tables.waypoints.read(key, by) : undefined;
  const policy = waypoint && allowWaypointPolicy(waypoint, settings);
  if (policy !== undefined) yield [policy.key, policy];
}

/** `object`: `Service/namespace/name` or `ServiceEntry/namespace/name`. */
export function* requiredPolicy({ tables, settings }: Reading, object: string, by: Dependant): Policies {
  const [info] = tables.infos.readBy('object', object, by);
  if (info?.requiresWaypoint !== true) return;
  const policy = requireWaypointPolicy(info.source, info.binding, settings);
  yield [policy.key, policy];
}

/** What an object's status should say, and of a policy what is enforced nowhere. */
export interface Status {
  readonly conditions: readonly Condition[];
  readonly unenforced?: Unenforced;
}

type Statuses = Generator<readonly [key: string, Status]>;

export function* serviceStatus({ tables }: Reading, key: string, by: Dependant): Statuses {
  if (tables.services.read(key, by) === undefined) return;
  const [info] = tables.infos.readBy('object', `Service/${key}`, by);
  yield [key, { conditions: info ? [...serviceConditions(info.binding, info), ...required(info)] : [] }];
}

const required = ({ requiresWaypoint, binding }: ServiceInfo): readonly Condition[] =>
  requiresWaypoint ? [requireWaypointCondition(binding)] : [];

export function* entryStatus({ tables, settings }: Reading, key: string, by: Dependant): Statuses {
  const entry = tables.serviceEntries.read(key, by);
  if (entry === undefined || !inRevision(entry.meta, settings.revision)) return;
  const [info] = tables.infos.readBy('object', `ServiceEntry/${key}`, by);
  yield [key, { conditions: info ? [...entryConditions(entry, info.binding, info), ...required(info)] : [] }];
}

export function* workloadEntryStatus(reading: Reading, key: string, by: Dependant): Statuses {
  const entry = reading.tables.workloadEntries.read(key, by);
  if (entry === undefined || !inRevision(entry.meta, reading.settings.revision)) return;
  const subject = { kind: 'WorkloadEntry', meta: { ...entry.meta, labels: entryLabels(entry) } } as const;
  yield [key, { conditions: workloadEntryConditions(bindingFor(reading, subject, 'workload', by)) }];
}
