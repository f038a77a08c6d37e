// The policy and the status of services that may be reached through their waypoint only.
import { describe, expect, test } from 'vitest';
import { requiresWaypoint, requireWaypoint, requireWaypointCondition, requireWaypointPolicy } from './require-waypoint.ts';
import { rulesOf } from './testing/policies.ts';
import { metaOf, namespaceOf, plainSettings, waypointOf } from './testing/services.ts';
import type { Binding } from './waypoint.ts';

describe('who requires a waypoint', () => {
  const rows: readonly (readonly [rule: string, own: string | undefined, namespace: string | undefined, required: boolean])[] = [
    ['nobody who does not say so', undefined, undefined, false],
    ['the service', 'true', undefined, true],
    ['its namespace', undefined, 'true', true],
    ['not a service that excepts itself', 'false', 'true', false],
    ['a service whose namespace does not', 'true', 'false', true],
    ['a word that nobody knows is a lock all the same', 'yes', undefined, true],
    ['an empty one too', '', undefined, true],
  ];
  const annotations = (value: string | undefined) => (value === undefined ? {} : { [requireWaypoint]: value });
  for (const [rule, own, namespace, required] of rows)
    test(rule, () => {
      expect(requiresWaypoint(metaOf({ annotations: annotations(own) }), namespaceOf('ns', {}, annotations(namespace)))).toBe(required);
    });
  test('a waypoint in such a namespace does not', () => {
    const labels = { 'gateway.istio.io/managed': 'istio.io-mesh-controller' };
    expect(requiresWaypoint(metaOf({ labels }), namespaceOf('ns', {}, annotations('true')))).toBe(false);
  });
  test('a namespace that is not known says nothing', () => expect(requiresWaypoint(metaOf(), undefined)).toBe(false));
});

describe('what is refused, and what the status says', () => {
  const source = { kind: 'Service', namespace: 'ns', name: 'web' } as const;
  const waypoint = waypointOf({ namespace: 'infra', serviceAccounts: ['wp'] });
  const canary = { waypoint: waypointOf({ namespace: 'ns', name: 'next', serviceAccounts: ['next'] }), weight: 10 };
  const error = { reason: 'WaypointIsNotReady', message: 'waypoint "ns/w" is not ready' } as const;
  const rows: readonly (readonly [rule: string, Binding, rules: string, status: string, message: RegExp])[] = [
    [
      'everybody but the waypoint',
      { waypoint },
      '(not principals cluster.local/ns/infra/sa/wp)',
      'True Enforced',
      /through infra\/waypoint reaches/,
    ],
    [
      'nor its canary',
      { waypoint, canary },
      '(not principals cluster.local/ns/infra/sa/wp cluster.local/ns/ns/sa/next)',
      'True Enforced',
      /through infra\/waypoint or ns\/next reaches/,
    ],
    ['everybody, while it is not ready', { error }, 'everybody', 'False WaypointIsNotReady', /is not ready; .* refused/],
    [
      'everybody, while it has no pods',
      { waypoint: { ...waypoint, serviceAccounts: [] } },
      'everybody',
      'False WaypointIsNotReady',
      /has no pods; .* refused/,
    ],
    ['everybody, without any', {}, 'everybody', 'False NoWaypoint', /none is named/],
  ];
  for (const [rule, binding, rules, status, message] of rows)
    test(rule, () => {
      const policy = requireWaypointPolicy(source, binding, plainSettings);
      expect(policy).toMatchObject({ key: 'ns/ambient_require_waypoint_web', scope: 'WorkloadSelector', action: 'Deny', dryRun: false });
      expect(rulesOf(policy)).toEqual([rules]);
      const said = requireWaypointCondition(binding);
      expect(`${said.status} ${said.reason}`).toBe(status);
      expect(said.message).toMatch(message);
      expect(said.type).toBe('ambient-mesh.dev/WaypointRequired');
    });

  test('a service and an entry of one name have policies of their own', () => {
    const entry = requireWaypointPolicy({ ...source, kind: 'ServiceEntry' }, {}, plainSettings);
    expect(entry.key).toBe('ns/ambient_require_waypoint_entry_web');
  });
});
