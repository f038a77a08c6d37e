// Two lists as one: nothing is lost or made up, whatever the lists are.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compared } from './compare.ts';

const same = (a: string, b: string): boolean => a === b;
const shown = (before: string, after: string): string =>
  compared([...before], [...after], same)
    .map(([sign, line]) => sign + line)
    .join(' ');

test.each([
  ['', '', ''],
  ['ab', 'ab', 'a b'],
  ['ab', 'b', '-a b'],
  ['a', 'ab', 'a +b'],
  ['abc', 'axc', 'a -b +x c'],
  ['ab', 'ba', '-a b +a'],
])('%s and %s', (before, after, want) => {
  expect(shown(before, after)).toBe(want);
});

test('without what is new it is the first list, without what is gone the second', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const all = compared(before, after, same);
      const but = (sign: string): string[] => all.filter(([each]) => each !== sign).map(([, line]) => line);
      expect([but('+'), but('-')]).toEqual([before, after]);
    }),
  );
});
