// Which DestinationRule applies, and what is left of it for one port and subset (facts: control-plane §6.6).
import { describe, expect, test } from 'vitest';
import type { DestinationSettings, TrafficPolicy } from './destination.ts';
import { DestinationTables } from './destination-table.ts';

const home = { waypointNamespace: 'waypoints', rootNamespace: 'istio-system' };
const host = 'app.ns.svc.cluster.local';
/** A policy that a test can tell from others. */
const limit = (maxConnections: number, given: Partial<TrafficPolicy> = {}): TrafficPolicy => ({
  pool: { maxConnections },
  ports: [],
  ...given,
});

const settings = (namespace: string, maxConnections: number, given: Partial<DestinationSettings> = {}): DestinationSettings => ({
  namespace,
  name: `rule-${maxConnections}`,
  createdAt: 0,
  host,
  exportTo: [],
  policy: limit(maxConnections),
  subsets: [],
  ...given,
});

function tables(...all: readonly DestinationSettings[]): DestinationTables {
  const made = new DestinationTables(home);
  for (const each of all) made.put(`${each.namespace}/${each.name}`, each);
  return made;
}

const chosen = (made: DestinationTables): number | undefined => made.forService(host, 'ns', 80).policy.pool?.maxConnections;

describe('which rule', () => {
  const rows: readonly (readonly [rule: string, all: readonly DestinationSettings[], chosen: number | undefined])[] = [
    ['none', [], undefined],
    ["the waypoint's namespace first", [settings('ns', 1), settings('waypoints', 2), settings('istio-system', 3)], 2],
    ["then the service's", [settings('ns', 1), settings('istio-system', 3)], 1],
    ['then the root namespace', [settings('istio-system', 3)], 3],
    ['no other', [settings('client', 4)], undefined],
    ['a namespace that matches at all decides, however broadly', [settings('ns', 1), settings('waypoints', 2, { host: '*' })], 2],
    [
      'the most specific host',
      [settings('ns', 1, { host: '*.svc.cluster.local' }), settings('ns', 2, { host: '*.ns.svc.cluster.local' })],
      2,
    ],
    ['the exact host', [settings('ns', 1, { host: '*.ns.svc.cluster.local' }), settings('ns', 2)], 2],
    ['another host', [settings('ns', 1, { host: 'other.ns.svc.cluster.local' })], undefined],
    ['what is not exported to us does not count', [settings('ns', 1, { exportTo: ['team'] }), settings('istio-system', 3)], 3],
    ['what is', [settings('ns', 1, { exportTo: ['team', 'waypoints'] })], 1],
    ['to all', [settings('ns', 1, { exportTo: ['*'] })], 1],
    ['our own need not be', [settings('waypoints', 2, { exportTo: ['team'] })], 2],
    ['the oldest', [settings('ns', 1, { createdAt: 2 }), settings('ns', 2, { createdAt: 1 })], 2],
    ['then the first by name', [settings('ns', 2), settings('ns', 1)], 1],
  ];
  for (const [name, all, connections] of rows) test(name, () => expect(chosen(tables(...all))).toBe(connections));

  test("in the root namespace a waypoint's own rules are everybody's, and come last", () => {
    const made = new DestinationTables({ waypointNamespace: 'istio-system', rootNamespace: 'istio-system' });
    made.put('a', settings('istio-system', 3));
    made.put('b', settings('ns', 1));
    expect(chosen(made)).toBe(1);
  });
});

describe('ports and subsets', () => {
  const ports = [{ port: 80, pool: { maxConnections: 8 } }];
  const subset = { name: 'v1', workloads: ['uid1', 'uid2'], policy: limit(5) };

  test('a port replaces the parts that it names', () => {
    const made = tables(settings('ns', 1, { policy: limit(1, { outliers, ports }) }));
    expect(made.forService(host, 'ns', 80).policy).toEqual({ pool: { maxConnections: 8 }, outliers, ports: [] });
    expect(made.forService(host, 'ns', 81).policy).toEqual({ pool: { maxConnections: 1 }, outliers, ports: [] });
  });

  test('a subset has its own policy and members', () => {
    const made = tables(settings('ns', 1, { subsets: [subset] }));
    expect(made.forService(host, 'ns', 80, 'v1')).toEqual({ policy: limit(5), members: new Set(['uid1', 'uid2']) });
    expect(made.forService(host, 'ns', 80)).toEqual({ policy: limit(1), members: undefined });
  });

  test('a port of a subset', () => {
    const made = tables(settings('ns', 1, { subsets: [{ ...subset, policy: limit(5, { ports }) }] }));
    expect(made.forService(host, 'ns', 80, 'v1').policy).toEqual(limit(8));
  });

  test('a subset that nobody defines has nobody', () => {
    expect(tables(settings('ns', 1)).forService(host, 'ns', 80, 'v9')).toEqual({ policy: { ports: [] }, members: new Set() });
  });

  test('subsets of a younger rule for the same host count, too', () => {
    const made = tables(settings('ns', 1), settings('ns', 2, { createdAt: 1, subsets: [subset] }));
    expect(made.forService(host, 'ns', 80, 'v1').members?.size).toBe(2);
  });
});

const outliers = { consecutive5xx: 5, consecutiveGatewayErrors: 0, interval: 10_000, baseEjection: 30_000, maxEjected: 10, minHealthy: 0 };

test('changes count at once', () => {
  const made = tables(settings('ns', 1));
  expect(chosen(made)).toBe(1);
  made.put('ns/rule-1', settings('ns', 7));
  expect(chosen(made)).toBe(7);
  made.remove('ns/rule-1');
  expect(chosen(made)).toBeUndefined();
  made.put('x', settings('root', 9));
  made.rootNamespace = 'root';
  expect(chosen(made)).toBe(9);
});
