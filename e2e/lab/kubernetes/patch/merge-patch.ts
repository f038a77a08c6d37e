// JSON merge patch (RFC 7386).
// Called by patch.ts; arrays are values here, strategic-merge.ts knows better.
import { isObject, type Json, own, put } from './json.ts';

export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = isObject(target) ? { ...target } : {};
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete merged[key];
    else put(merged, key, mergePatch(own(merged, key), change));
  }
  return merged;
}
