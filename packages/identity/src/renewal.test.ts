// When renewal comes, for proper dates and for odd ones.
// The rule is a property: soon enough, and never at once.
// That the book keeps to it is certificate-book.test.ts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renewIn } from './renewal.ts';

const hour = 3_600_000;
const rows: readonly (readonly [name: string, notBefore: number, notAfter: number, chance: number, want: number])[] = [
  ['at half-life', 0, 24 * hour, 0, 12 * hour],
  ['a tenth earlier at most', 0, 24 * hour, 1, 10.8 * hour],
  ['from a start in the past', -4 * hour, 20 * hour, 0, 8 * hour],
  ['halfway to expiry when half-life has passed', -20 * hour, 4 * hour, 0, 2 * hour],
  ['a second later when hardly anything is left', -20 * hour, 10, 0, 1_000],
];
for (const [name, notBefore, notAfter, chance, want] of rows) {
  test(`renewal comes ${name}`, () => expect(renewIn({ notBefore, notAfter }, 0, chance)).toBe(want));
}

test('renewal is never in a storm and never after expiry, however odd the dates', () => {
  const instant = fc.integer({ min: -1e12, max: 1e12 });
  const dates = fc.record({ notBefore: instant, life: fc.integer({ min: 1, max: 1e12 }), now: instant });
  fc.assert(
    fc.property(dates, fc.double({ min: 0, max: 1, noNaN: true }), ({ notBefore, life, now }, chance) => {
      const notAfter = notBefore + life;
      const wait = renewIn({ notBefore, notAfter }, now, chance);
      expect(wait).toBeGreaterThanOrEqual(1_000);
      if (wait > 1_000) expect(now + wait).toBeLessThanOrEqual(notAfter);
    }),
  );
});
