// New nodes find room and nobody moves.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Point, place, spacing } from './place.ts';

const point: fc.Arbitrary<Point> = fc.record({ x: fc.integer({ min: -2000, max: 2000 }), y: fc.integer({ min: -2000, max: 2000 }) });

test('never on top of another', () => {
  fc.assert(
    fc.property(fc.array(point, { maxLength: 60 }), fc.nat(), fc.nat(), (taken, a, b) => {
      const siblings = taken.slice(0, a % (taken.length + 1));
      const neighbours = taken.slice(taken.length - (b % (taken.length + 1)));
      const spot = place({ siblings, neighbours, taken });
      for (const other of taken) expect(Math.hypot(other.x - spot.x, other.y - spot.y)).toBeGreaterThanOrEqual(spacing * 0.9);
    }),
  );
});

test('the first node is the centre', () => {
  expect(place({ siblings: [], neighbours: [], taken: [] })).toEqual({ x: 0, y: 0 });
});

test('a sibling is near', () => {
  const siblings = [{ x: 500, y: 500 }];
  const spot = place({ siblings, neighbours: [{ x: 0, y: 0 }], taken: [{ x: 0, y: 0 }, ...siblings] });
  expect(Math.hypot(spot.x - 500, spot.y - 500)).toBeLessThan(2 * spacing);
});

test('a new namespace stands below the others', () => {
  const taken = [
    { x: 0, y: 0 },
    { x: 300, y: 400 },
  ];
  expect(place({ siblings: [], neighbours: [{ x: 300, y: 400 }], taken })).toEqual({ x: 300, y: 400 + 2 * spacing });
});
