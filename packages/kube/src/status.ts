// Writes an object's status only when it says something new, as one field manager among others.
// Used by the leader. What a status should say is decided elsewhere; here is only the comparison and the write.
import { isDeepStrictEqual } from 'node:util';
import type { ApplyOptions, KubeClient } from './client.ts';
import type { Key, Kind } from './kind.ts';
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

export interface StatusWrite {
  /** As the object has it, or the part of it that we write. */
  readonly known: unknown;
  /** All that this manager says: what it said before and leaves out now goes. */
  readonly wanted: object;
  /** Refuses, with `kube.conflict`, to write to another object of the same name. */
  readonly uid?: string;
}

/** Server-side apply of the status, if it says something new. */
export async function applyStatus(
  client: KubeClient,
  kind: Kind<unknown>,
  key: Key,
  { known, wanted, uid }: StatusWrite,
  options: Omit<ApplyOptions, 'subresource'>,
): Promise<'written' | 'same'> {
  if (saysAlready(known, wanted)) return 'same';
  await client.apply(kind, key, { metadata: uid === undefined ? {} : { uid }, status: wanted }, { ...options, subresource: 'status' });
  return 'written';
}
