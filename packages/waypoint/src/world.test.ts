// Which Telemetry objects a chain of this waypoint obeys, and in which order. What they mean is telemetry/chain-telemetry.ts.
import type { Target } from '@ambient-mesh/model/l7/policy';
import type { TelemetrySettings } from '@ambient-mesh/model/l7/settings';
import { expect, test } from 'vitest';
import { configure } from './config.ts';
import { World } from './world.ts';

const nothing = { workloads: [], services: [], policies: [], removedAddresses: [], removedPolicies: [] };
const env = { POD_NAMESPACE: 'shop', POD_NAME: 'waypoint-1', ISTIO_META_GATEWAY_NAME: 'waypoint' };

function chosen(...objects: readonly TelemetrySettings[]): readonly string[] {
  const configured = configure(env);
  if ('mistakes' in configured) throw new Error(configured.mistakes.join(' '));
  const world = new World(configured.ok, () => {});
  const changed = objects.map((telemetry) => ({
    name: `telemetry/${telemetry.namespace}/${telemetry.name}`,
    resource: { is: 'telemetry' as const, telemetry },
  }));
  expect(world.apply({ ...nothing, l7: { changed, removed: [] } })).toEqual([]);
  return world.rulesFor('shop/reviews.shop.svc.cluster.local').telemetry.map(({ namespace, name }) => `${namespace}/${name}`);
}

const object = (namespace: string, name: string, targets: readonly Target[] = [], createdAt = 0): TelemetrySettings => ({
  namespace,
  name,
  createdAt,
  targets,
  metrics: [],
});
const [mesh, own] = [object('istio-system', 'mesh'), object('shop', 'own')];

for (const [rule, objects, want] of [
  ['the mesh’s comes before the namespace’s', [own, mesh], ['istio-system/mesh', 'shop/own']],
  ['another namespace’s does not count', [object('bank', 'theirs'), own], ['shop/own']],
  ['of several for a namespace the oldest counts', [object('shop', 'younger', [], 2), object('shop', 'older', [], 1)], ['shop/older']],
  [
    'those with targets come last: the waypoint’s, then the service’s',
    [
      object('shop', 'service', [{ service: 'shop/reviews.shop.svc.cluster.local' }]),
      object('shop', 'waypoint', [{ waypoint: 'shop/waypoint' }]),
      own,
      mesh,
    ],
    ['istio-system/mesh', 'shop/own', 'shop/waypoint', 'shop/service'],
  ],
  ['another service’s or waypoint’s does not count', [object('shop', 'a', [{ service: 'shop/x' }, { waypoint: 'shop/other' }])], []],
] satisfies readonly (readonly [string, readonly TelemetrySettings[], readonly string[]])[])
  test(rule, () => {
    expect(chosen(...objects)).toEqual(want);
  });
