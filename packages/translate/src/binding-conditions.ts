// What the status of Services, ServiceEntries and WorkloadEntries says of their waypoints (facts: control-plane §4.5, §4.6). Pure.
// Reasons and the first words of messages are what users and other tools know; who writes them, and when, is the leader's affair.
import type { ServiceEntry } from './kinds/entries.ts';
import type { Condition } from './kinds/meta.ts';
import type { Binding } from './waypoint.ts';

/** Empty for an object that asked for no waypoint. `ingressUseWaypoint`: what the label says, undefined without one. */
export function serviceConditions(
  binding: Binding,
  { ingressUseWaypoint }: { readonly ingressUseWaypoint?: boolean | undefined },
): readonly Condition[] {
  return waypointBound(binding, [ingressNote(ingressUseWaypoint), canaryNote(binding)].join(''));
}

/** As for a Service, and whether it can work without a waypoint at all. */
export function entryConditions(
  entry: ServiceEntry,
  binding: Binding,
  labels: { readonly ingressUseWaypoint?: boolean | undefined },
): readonly Condition[] {
  return [...serviceConditions(binding, labels), ...(binding.waypoint ? [] : waypointMissing(entry))];
}

export const workloadEntryConditions = (binding: Binding): readonly Condition[] => waypointBound(binding, '');

function waypointBound({ waypoint, error }: Binding, notes: string): readonly Condition[] {
  const type = 'istio.io/WaypointBound';
  if (error) return [condition(type, 'False', error.reason, error.message)];
  if (!waypoint) return [];
  const message = `Successfully attached to waypoint ${waypoint.namespace}/${waypoint.name}${notes}`;
  return [condition(type, 'True', 'WaypointAccepted', message)];
}

function ingressNote(label: boolean | undefined): string {
  if (label === undefined) return '';
  return label
    ? '. Ingress traffic will traverse the waypoint'
    : '. Ingress traffic does not traverse the waypoint: the label istio.io/ingress-use-waypoint is not true';
}

const canaryNote = ({ canaryError }: Binding): string => (canaryError ? `. Canary waypoint not attached: ${canaryError.message}` : '');

function waypointMissing({ meta, hosts }: ServiceEntry): readonly Condition[] {
  const type = 'istio.io/WaypointMissing';
  if (hosts.some((host) => host.startsWith('*')))
    return [condition(type, 'True', 'NoWaypointForWildcardService', 'A host with a wildcard takes effect only once a waypoint serves it')];
  if (meta.annotations['istio.io/connect-strategy'] === 'RACE_FIRST_TCP_CONNECT')
    return [
      condition(type, 'True', 'NoWaypointForRacingConnectStrategy', 'Racing connections takes effect only once a waypoint makes them'),
    ];
  return [];
}

/** None of these kinds says which generation it is about. */
const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 0,
});
