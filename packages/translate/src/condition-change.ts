// Whether a status has to be written. Pure; used for every kind that the mesh writes conditions on.
import type { Condition } from './kinds/meta.ts';

/**
 * The conditions to write, in place of all that exist; undefined when nothing changes, also where none exists and none is wanted.
 * A condition that exists but is not wanted any more is pruned by writing the others. A generation counts only where the wanted one says it.
 */
export function conditionChange(existing: readonly Condition[], desired: readonly Condition[]): readonly Condition[] | undefined {
  const unchanged = existing.length === desired.length && desired.every((wanted) => existing.some((found) => says(found, wanted)));
  return unchanged ? undefined : desired;
}

const says = (found: Condition, wanted: Condition): boolean =>
  found.type === wanted.type &&
  found.status === wanted.status &&
  found.reason === wanted.reason &&
  found.message === wanted.message &&
  (wanted.observedGeneration === 0 || found.observedGeneration === wanted.observedGeneration);
