// Which manager writes what, and when nobody has to.
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import { expect, test } from 'vitest';
import { type ConditionTable, writesFor } from './condition-writer.ts';

const condition = (type: string, more: Partial<Condition> = {}): Condition => ({
  type,
  status: 'True',
  reason: 'Accepted',
  message: 'fine',
  observedGeneration: 1,
  ...more,
});
const [ztunnel, waypoint, bound] = ['ZtunnelAccepted', 'WaypointAccepted', 'istio.io/WaypointBound'].map((type) => condition(type)) as [
  Condition,
  Condition,
  Condition,
];

const rows: readonly (readonly [
  string,
  ConditionTable,
  readonly Condition[],
  readonly Condition[],
  readonly (readonly [string, number])[],
])[] = [
  ['nothing said, nothing wanted', 'services', [], [], []],
  ['said already', 'authorizationPolicies', [ztunnel], [ztunnel], []],
  ['new', 'authorizationPolicies', [], [ztunnel], [['istio-ambient-ztunnel-policy', 1]]],
  ['another message', 'authorizationPolicies', [ztunnel], [{ ...ztunnel, message: 'less' }], [['istio-ambient-ztunnel-policy', 1]]],
  [
    'another generation',
    'authorizationPolicies',
    [ztunnel],
    [{ ...ztunnel, observedGeneration: 2 }],
    [['istio-ambient-ztunnel-policy', 1]],
  ],
  ['not wanted any more', 'services', [bound], [], [['istio-ambient-service', 0]]],
  [
    'for waypoints now: one manager takes back, the other says',
    'authorizationPolicies',
    [ztunnel],
    [waypoint],
    [
      ['istio-ambient-ztunnel-policy', 0],
      ['istio-ambient-waypoint-policy', 1],
    ],
  ],
  [
    'for tunnels now: what is taken back goes first, because elsewhere the list is one',
    'authorizationPolicies',
    [waypoint],
    [ztunnel],
    [
      ['istio-ambient-waypoint-policy', 0],
      ['istio-ambient-ztunnel-policy', 1],
    ],
  ],
  ["others' conditions are not ours", 'services', [condition('Theirs')], [], []],
];
test.each(rows)('%s', (_, table, existing, wanted, writes) => {
  expect(writesFor(table, existing, wanted).map(({ manager, conditions }) => [manager, conditions.length])).toEqual(writes);
});
