// What the status says of waypoints (ServiceConditions, WorkloadEntryConditions).
import { expect, test } from 'vitest';
import { entryConditions, serviceConditions, workloadEntryConditions } from './binding-conditions.ts';
import type { Condition, Labels } from './kinds/meta.ts';
import { serviceEntryOf, waypointOf } from './testing/services.ts';
import type { Binding } from './waypoint.ts';

const waypoint = waypointOf();
const attached = 'Successfully attached to waypoint ns/waypoint';
const error = { reason: 'WaypointIsNotReady', message: 'waypoint "ns/x" is not ready' } as const;
const accepted = (message: string) => [`istio.io/WaypointBound True WaypointAccepted ${message}`];
const refused = ['istio.io/WaypointBound False WaypointIsNotReady waypoint "ns/x" is not ready'];

const written = (conditions: readonly Condition[]) =>
  conditions.map(({ type, status, reason, message }) => `${type} ${status} ${reason} ${message}`);

const rows: readonly (readonly [rule: string, binding: Binding, ingress: boolean | undefined, want: readonly string[]])[] = [
  ['nothing asked, nothing said', {}, undefined, []],
  ['whatever the label about ingress says', {}, true, []],
  ['attached', { waypoint }, undefined, accepted(attached)],
  ['with ingress', { waypoint }, true, accepted(`${attached}. Ingress traffic will traverse the waypoint`)],
  [
    'without ingress, although there is a label',
    { waypoint },
    false,
    accepted(`${attached}. Ingress traffic does not traverse the waypoint: the label istio.io/ingress-use-waypoint is not true`),
  ],
  ['refused, with the reason', { error }, true, refused],
  [
    'a canary that failed',
    { waypoint, canaryError: error },
    undefined,
    accepted(`${attached}. Canary waypoint not attached: waypoint "ns/x" is not ready`),
  ],
  [
    'both',
    { waypoint, canaryError: error },
    true,
    accepted(`${attached}. Ingress traffic will traverse the waypoint. Canary waypoint not attached: waypoint "ns/x" is not ready`),
  ],
  ['a canary is not mentioned', { waypoint, canary: { waypoint, weight: 1 } }, undefined, accepted(attached)],
];
for (const [rule, binding, ingressUseWaypoint, want] of rows) {
  test(`Service: ${rule}`, () => expect(written(serviceConditions(binding, { ingressUseWaypoint }))).toEqual(want));
}

const racing: Labels = { 'istio.io/connect-strategy': 'RACE_FIRST_TCP_CONNECT' };
type EntryRow = readonly [rule: string, host: string, annotations: Labels, binding: Binding, want: readonly string[]];
const entryRows: readonly EntryRow[] = [
  ['as a Service', 'a.com', {}, { waypoint }, ['WaypointBound WaypointAccepted']],
  ['nothing asked, nothing missing', 'a.com', {}, {}, []],
  ['a wildcard needs a waypoint', '*.com', {}, {}, ['WaypointMissing NoWaypointForWildcardService']],
  ['and has one', '*.com', {}, { waypoint }, ['WaypointBound WaypointAccepted']],
  ['or was refused', '*.com', {}, { error }, ['WaypointBound WaypointIsNotReady', 'WaypointMissing NoWaypointForWildcardService']],
  ['racing connections need a waypoint', 'a.com', racing, {}, ['WaypointMissing NoWaypointForRacingConnectStrategy']],
  ['and have one', 'a.com', racing, { waypoint }, ['WaypointBound WaypointAccepted']],
  ['other strategies do not', 'a.com', { 'istio.io/connect-strategy': 'DEFAULT' }, {}, []],
  ['the wildcard is said first, and once', '*.com', racing, {}, ['WaypointMissing NoWaypointForWildcardService']],
];
for (const [rule, host, annotations, binding, want] of entryRows) {
  test(`ServiceEntry: ${rule}`, () => {
    const made = entryConditions(serviceEntryOf({ hosts: ['b.com', host], meta: { annotations } }), binding, {});
    expect(made.map(({ type, reason }) => `${type.replace('istio.io/', '')} ${reason}`)).toEqual(want);
    expect(made.filter(({ type }) => type.endsWith('Missing')).every(({ status }) => status === 'True')).toBe(true);
  });
}

const workloadRows: readonly (readonly [rule: string, binding: Binding, want: readonly string[]])[] = [
  ['nothing asked, nothing said', {}, []],
  ['attached', { waypoint }, accepted(attached)],
  ['refused', { error }, refused],
];
for (const [rule, binding, want] of workloadRows) {
  test(`WorkloadEntry: ${rule}`, () => expect(written(workloadEntryConditions(binding))).toEqual(want));
}
