// Conditions of a status as the server keeps them, the times that belong to them, and whether a status says something new. Pure.
// Used by whoever writes statuses; what they should say is decided elsewhere.
import { isDeepStrictEqual } from 'node:util';
import { isObject } from './raw.ts';

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339; when `status` last changed. */
  readonly lastTransitionTime?: string;
}

/** Whether `known` says all that `wanted` says: fields that `wanted` does not name are others', and times of transition say nothing. */
export function saysAlready(known: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(known) && known.length === wanted.length && wanted.every((each, at) => saysAlready(known[at], each));
  }
  if (!isObject(wanted)) return isDeepStrictEqual(known, wanted);
  if (!isObject(known)) return false;
  return Object.entries(wanted).every(
    ([name, value]) => name === 'lastTransitionTime' || value === undefined || saysAlready(known[name], value),
  );
}

/** Conditions with their times: a condition whose `status` is as it was keeps its time. */
export function withTimes(known: readonly Condition[], wanted: readonly Condition[], now: string): Condition[] {
  return wanted.map((condition) => {
    const before = known.find(({ type }) => type === condition.type);
    const kept = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: kept ?? now };
  });
}
