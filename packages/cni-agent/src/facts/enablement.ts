// Which pods belong in the mesh: the enablement selectors and the rule that applies them (facts: control-plane §1.1, §1.2). Pure.
// One rule for both who ask: the agent, and the plugin when the agent is away. Its imports stay few, because the plugin starts for every pod.
import type { LabelRequirement, LabelSelector, Labels } from '@ambient-mesh/translate/kinds/meta';
import { matchesSelector } from '@ambient-mesh/translate/selector';

/** Both halves must match; an empty half matches everything. */
export interface EnablementSelector {
  readonly pod: LabelSelector;
  readonly namespace: LabelSelector;
}

export interface Enablement {
  /** One match is enough. */
  readonly selectors: readonly EnablementSelector[];
  readonly excludedNamespaces: ReadonlySet<string>;
}

/** What the rule reads of a pod. */
export interface Candidate {
  readonly namespace: string;
  readonly labels: Labels;
  readonly hostNetwork: boolean;
  /** A sidecar owns its traffic: it carries the annotation `sidecar.istio.io/status`, whatever its value. */
  readonly hasSidecar: boolean;
}

export const sidecarAnnotation = 'sidecar.istio.io/status';

export function isEligible(pod: Candidate, namespaceLabels: Labels, { selectors, excludedNamespaces }: Enablement): boolean {
  if (pod.hostNetwork || pod.hasSidecar || excludedNamespaces.has(pod.namespace)) return false;
  return selectors.some((each) => matchesSelector(each.pod, pod.labels) && matchesSelector(each.namespace, namespaceLabels));
}

const modeLabel = 'istio.io/dataplane-mode';
const everything: LabelSelector = { matchLabels: {}, matchExpressions: [] };
const ambient: LabelSelector = { ...everything, matchLabels: { [modeLabel]: 'ambient' } };

/** A pod's own label counts more than its namespace's. */
export const defaultSelectors: readonly EnablementSelector[] = [
  { pod: ambient, namespace: everything },
  { pod: { ...everything, matchExpressions: [{ key: modeLabel, operator: 'NotIn', values: ['none'] }] }, namespace: ambient },
];

/** As configuration writes them: `[{podSelector, namespaceSelector}]`, each a label selector of Kubernetes. A mistake is said with its place. */
export function parseSelectors(value: unknown): { readonly ok: readonly EnablementSelector[] } | { readonly mistake: string } {
  if (!Array.isArray(value)) return { mistake: 'the enablement selectors are no list' };
  try {
    return { ok: value.map((each, at) => enablementSelector(each, `selector ${at + 1}`)) };
  } catch (e) {
    return { mistake: e instanceof Error ? e.message : String(e) };
  }
}

/** The same as JSON, for the plugin's configuration. */
export const writtenSelectors = (selectors: readonly EnablementSelector[]): readonly object[] =>
  selectors.map(({ pod, namespace }) => ({ podSelector: pod, namespaceSelector: namespace }));

function enablementSelector(value: unknown, place: string): EnablementSelector {
  const fields = object(value, place, ['podSelector', 'namespaceSelector']);
  return {
    pod: labelSelector(fields.podSelector, `podSelector of ${place}`),
    namespace: labelSelector(fields.namespaceSelector, `namespaceSelector of ${place}`),
  };
}

function labelSelector(value: unknown, place: string): LabelSelector {
  if (value === undefined || value === null) return everything;
  const { matchLabels = {}, matchExpressions = [] } = object(value, place, ['matchLabels', 'matchExpressions']);
  const labels = object(matchLabels, `matchLabels in ${place}`);
  if (!Object.values(labels).every((each) => typeof each === 'string'))
    throw new TypeError(`matchLabels in ${place} has a value that is no text`);
  if (!Array.isArray(matchExpressions)) throw new TypeError(`matchExpressions in ${place} is no list`);
  return {
    matchLabels: labels as Labels,
    matchExpressions: matchExpressions.map((each) => requirement(each, `matchExpressions in ${place}`)),
  };
}

const operators: readonly LabelRequirement['operator'][] = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

function requirement(value: unknown, place: string): LabelRequirement {
  const { key, operator, values = [] } = object(value, place, ['key', 'operator', 'values']);
  const known = operators.find((each) => each === operator);
  if (typeof key !== 'string' || key === '') throw new TypeError(`${place} has no key`);
  if (known === undefined)
    throw new TypeError(`${place} has the operator ${JSON.stringify(operator)}, which is none of ${operators.join(', ')}`);
  if (!Array.isArray(values) || !values.every((each) => typeof each === 'string'))
    throw new TypeError(`${place} has values that are no texts`);
  const wantsValues = known === 'In' || known === 'NotIn';
  if (wantsValues !== values.length > 0) throw new TypeError(`${place}: ${known} with ${values.length} values`);
  return { key, operator: known, values };
}

/** @param known absent: any */
function object(value: unknown, place: string, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${place} is no object`);
  const odd = known && Object.keys(value).find((key) => !known.includes(key));
  if (odd !== undefined) throw new TypeError(`${place} has the field ${JSON.stringify(odd)}, which means nothing`);
  return value as Readonly<Record<string, unknown>>;
}
