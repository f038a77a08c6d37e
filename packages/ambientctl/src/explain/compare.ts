// Two lists of lines as one: what only the first has, what only the second has, and what both have, in the order of both. Pure.
// Used by commands/explain.ts for what a change would alter.

export type Compared<T> = readonly (readonly [sign: '' | '-' | '+', line: T])[];

/** The longest that both have stays (lines are few). `same`: when two lines say the same. */
export function compared<T>(before: readonly T[], after: readonly T[], same: (a: T, b: T) => boolean): Compared<T> {
  // common[i][j]: how many lines the rests from i and j have in common.
  const common = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = common[i];
      const [a, b] = [before[i], after[j]];
      if (row === undefined || a === undefined || b === undefined) continue;
      row[j] = same(a, b) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const lines: ['' | '-' | '+', T][] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const [a, b] = [before[i], after[j]];
    if (a === undefined && b === undefined) return lines;
    if (a !== undefined && b !== undefined && same(a, b)) {
      lines.push(['', b]);
      i++;
      j++;
    } else if (a !== undefined && (b === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(['-', a]);
      i++;
    } else if (b !== undefined) {
      lines.push(['+', b]);
      j++;
    }
  }
}
