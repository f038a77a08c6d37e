// The conditions of a status as the server has them, with their times: what a new status is compared with.
// Used by the kinds of this folder.
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import type { Condition } from '@ambient-mesh/kube/status';
import type { Clock } from '@ambient-mesh/runtime/time';

export type TimedCondition = Condition;

/** @param raw anything with a `status.conditions`. */
export const knownConditions = (raw: unknown): readonly TimedCondition[] => conditionsIn(objectOf(objectOf(raw).status).conditions);

export function conditionsIn(list: unknown): readonly TimedCondition[] {
  return (Array.isArray(list) ? list : []).map((each) => {
    const { type, status, reason, message, observedGeneration, lastTransitionTime } = objectOf(each);
    return {
      type: textOf(type),
      status: status === 'True' || status === 'False' ? status : 'Unknown',
      reason: textOf(reason),
      message: textOf(message),
      ...(typeof observedGeneration === 'number' && { observedGeneration }),
      ...(textOf(lastTransitionTime) !== '' && { lastTransitionTime: textOf(lastTransitionTime) }),
    };
  });
}

/** Now, to the second, as the API server writes it. */
export const timestamp = (clock: Clock): string => new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
