// The order of a merged list: what the patch names comes in the patch's order, the rest stays where it was among it as far as that can be told.
// Called by strategic-merge.ts.
import type { Json } from './json.ts';

type Same = (a: Json, b: Json) => boolean;

/** `items` rearranged; `wanted` is the patch's order, `original` the list before it. */
export function interleave(items: readonly Json[], wanted: readonly Json[], original: readonly Json[], same: Same): Json[] {
  const indexIn = (list: readonly Json[], item: Json): number => list.findIndex((each) => same(each, item));
  const byIndexIn = (list: readonly Json[]) => (a: Json, b: Json) => indexIn(list, a) - indexIn(list, b);
  const named = items.filter((item) => indexIn(wanted, item) !== -1).sort(byIndexIn(wanted));
  const others = items.filter((item) => indexIn(wanted, item) === -1).sort(byIndexIn(original));

  const ordered: Json[] = [];
  for (let n = 0, o = 0; n < named.length || o < others.length; ) {
    const mine = named[n];
    const other = others[o];
    if (mine !== undefined && (other === undefined || isBefore(indexIn(original, mine), indexIn(original, other)))) {
      ordered.push(mine);
      n++;
    } else if (other !== undefined) {
      ordered.push(other);
      o++;
    }
  }
  return ordered;
}

/** An item that was not there before (-1) comes after those that were. */
const isBefore = (mine: number, other: number): boolean => mine !== -1 && other !== -1 && mine < other;
