// Choosing among weighted waypoints. Rows: test_sample_weighted_waypoint of the reference's catalogue.
import { describe, expect, test } from 'vitest';
import { service } from './testing/index.ts';
import { sampleWeighted, waypointOf } from './waypoint.ts';
import type { GatewayAddress } from './workload.ts';

const named = (hostname: string): GatewayAddress => ({ destination: { hostname: { namespace: 'ns', hostname } }, hboneMtlsPort: 15_008 });
const weighted = (...weights: readonly number[]) => weights.map((weight, at) => ({ destination: named(`wp${at}`), weight }));

describe('sampleWeighted', () => {
  const rows: readonly (readonly [rule: string, weights: readonly number[], chance: number, chosen: string | undefined])[] = [
    ['nothing from an empty list', [], 0, undefined],
    ['weight 0 is never chosen, first', [0, 1], 0, 'wp1'],
    ['weight 0 is never chosen, last', [1, 0], 0.999_999, 'wp0'],
    ['nothing when all weigh 0', [0, 0], 0.5, undefined],
    ['75 to 25: below three quarters the first', [75, 25], 0.749, 'wp0'],
    ['75 to 25: above, the second', [75, 25], 0.75, 'wp1'],
  ];
  for (const [rule, weights, chance, chosen] of rows) {
    test(rule, () => expect(sampleWeighted(weighted(...weights), () => chance)).toEqual(chosen === undefined ? undefined : named(chosen)));
  }
});

describe('waypointOf', () => {
  const rows: readonly (readonly [rule: string, weights: readonly number[], single: string | undefined, chosen: string | undefined])[] = [
    ['weights go before the single one', [1], 'single', 'wp0'],
    ['weights that cannot be sampled leave the single one', [0], 'single', 'single'],
    ['the single one', [], 'single', 'single'],
    ['none', [], undefined, undefined],
  ];
  for (const [rule, weights, single, chosen] of rows) {
    test(rule, () => {
      const s = service({ hostname: 'h', weightedWaypoints: weighted(...weights), ...(single && { waypoint: named(single) }) });
      expect(waypointOf(s, () => 0)).toEqual(chosen === undefined ? undefined : named(chosen));
    });
  }
});
