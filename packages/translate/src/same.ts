// Whether two plain values say the same: objects, arrays, maps and sets, compared by what is in them.
// Used where a change that makes no difference should go no further.

export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, at) => same(each, b[at]));
  if (a instanceof Map)
    return b instanceof Map && a.size === b.size && [...a].every(([key, value]) => b.has(key) && same(value, b.get(key)));
  if (a instanceof Set) return b instanceof Set && a.symmetricDifference(b).size === 0;
  if (Array.isArray(b) || b instanceof Map || b instanceof Set) return false;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  const other = new Map(right);
  return left.length === right.length && left.every(([key, value]) => other.has(key) && same(value, other.get(key)));
}
