// Quantiles of histograms, as Prometheus reckons them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantile } from './figures.ts';

const infinite = Number.POSITIVE_INFINITY;
type Buckets = readonly (readonly [bound: number, count: number])[];
const rows: readonly (readonly [name: string, buckets: Buckets, q: number, want: number])[] = [
  [
    'nothing was counted',
    [
      [10, 0],
      [infinite, 0],
    ],
    0.5,
    0,
  ],
  ['no buckets', [], 0.99, 0],
  [
    'linear within the bucket',
    [
      [10, 0],
      [20, 10],
      [infinite, 10],
    ],
    0.5,
    15,
  ],
  [
    'the first bucket begins at 0',
    [
      [10, 10],
      [infinite, 10],
    ],
    0.5,
    5,
  ],
  [
    'in any order',
    [
      [infinite, 10],
      [20, 10],
      [10, 0],
    ],
    0.99,
    19.9,
  ],
  [
    'beyond the last bound: that bound',
    [
      [10, 1],
      [20, 1],
      [infinite, 10],
    ],
    0.99,
    20,
  ],
];
for (const [name, buckets, q, want] of rows) {
  test(name, () => {
    expect(quantile(new Map(buckets), q)).toBeCloseTo(want);
  });
}

test('a quantile is within the bounds, and a higher one is no lower', () => {
  const histogram = fc.array(fc.tuple(fc.integer({ min: 1, max: 1_000 }), fc.nat(100)), { minLength: 1 }).map((buckets) => {
    const total = (upTo: number): number => buckets.reduce((sum, [bound, more]) => sum + (bound <= upTo ? more : 0), 0);
    return new Map([...buckets.map(([bound]) => bound), infinite].map((bound) => [bound, total(bound)]));
  });
  fc.assert(
    fc.property(histogram, (buckets) => {
      const [low, high] = [quantile(buckets, 0.5), quantile(buckets, 0.99)];
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeGreaterThanOrEqual(low);
      expect(high).toBeLessThanOrEqual(1_000);
    }),
  );
});
