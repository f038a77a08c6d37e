// Sets of UTF-16 code units as sorted ranges: the classes of regular expressions. Pure.
// Used by pattern-syntax.ts, and by pattern.ts to ask whether a unit is in.

/** Both ends belong to it. */
export type Range = readonly [first: number, last: number];

const highest = 0xffff;

export const any: readonly Range[] = [[0, highest]];
export const digit: readonly Range[] = [[48, 57]];
/** As in RE2: no vertical tab. */
export const space: readonly Range[] = [
  [9, 10],
  [12, 13],
  [32, 32],
];
export const word: readonly Range[] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];

/** Sorted, without overlaps. */
export function union(ranges: readonly Range[]): readonly Range[] {
  const merged: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

/** `ranges`: sorted, without overlaps. */
export function inverted(ranges: readonly Range[]): readonly Range[] {
  const rest: Range[] = [];
  let from = 0;
  for (const [first, last] of ranges) {
    if (first > from) rest.push([from, first - 1]);
    from = last + 1;
  }
  return from > highest ? rest : [...rest, [from, highest]];
}

/** With the other case of each ASCII letter in it. */
export function cased(ranges: readonly Range[]): readonly Range[] {
  const shifted = (low: number, high: number, by: number): readonly Range[] =>
    ranges.flatMap(([first, last]) => {
      const [from, to] = [Math.max(first, low), Math.min(last, high)];
      return from > to ? [] : [[from + by, to + by] as const];
    });
  return union([...ranges, ...shifted(65, 90, 32), ...shifted(97, 122, -32)]);
}

export function includes(ranges: readonly Range[], unit: number): boolean {
  for (const [first, last] of ranges) {
    if (unit < first) return false;
    if (unit <= last) return true;
  }
  return false;
}
