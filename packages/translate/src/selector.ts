// Selection by labels, as Kubernetes and Istio do it. Pure.
import type { LabelRequirement, LabelSelector, Labels } from './kinds/meta.ts';

/** Whether all pairs of the selector are among the labels. An empty selector is for the caller to judge: here it selects everything. */
export function selects(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (!Object.hasOwn(labels, key) || labels[key] !== selector[key]) return false;
  return true;
}

export function matchesSelector({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return selects(matchLabels, labels) && matchExpressions.every((requirement) => meets(requirement, labels));
}

/** A label that is absent is not in any list of values. */
function meets({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return operator satisfies never;
  }
}
