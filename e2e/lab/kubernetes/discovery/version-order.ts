// Which version of an API clients shall prefer: v2 before v1 before v1beta2 before v1alpha1; anything else last, by name.
// Used by groups.ts.

const pattern = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const rank: Readonly<Record<string, number>> = { alpha: 1, beta: 2 };

/** For sorting: negative when `a` comes first. */
export function byPriority(a: string, b: string): number {
  const [left, right] = [pattern.exec(a), pattern.exec(b)];
  if (left === null || right === null) return left === right ? (a < b ? -1 : 1) : left === null ? 1 : -1;
  const weights = ([, major, stage, minor]: RegExpExecArray): readonly number[] => [
    stage === undefined ? 3 : (rank[stage] ?? 0),
    Number(major),
    Number(minor ?? 0),
  ];
  const [one, other] = [weights(left), weights(right)];
  const at = one.findIndex((weight, i) => weight !== other[i]);
  return at === -1 ? 0 : (other[at] ?? 0) - (one[at] ?? 0);
}
