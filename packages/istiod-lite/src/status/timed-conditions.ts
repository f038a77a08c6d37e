// Conditions of a status as the API server has them, read for the times of their transitions; whatever is not one counts as little as it can.
// Used by the writers of statuses beside it.
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import type { Condition } from '@ambient-mesh/kube/status';

export const timedConditions = (conditions: unknown): readonly Condition[] =>
  (Array.isArray(conditions) ? conditions : []).map((each) => {
    const { type, status, lastTransitionTime, observedGeneration } = objectOf(each);
    const known = textOf(status);
    return {
      type: textOf(type),
      status: known === 'True' || known === 'False' ? known : 'Unknown',
      reason: '',
      message: '',
      ...(typeof observedGeneration === 'number' && { observedGeneration }),
      ...(textOf(lastTransitionTime) !== '' && { lastTransitionTime: textOf(lastTransitionTime) }),
    };
  });
