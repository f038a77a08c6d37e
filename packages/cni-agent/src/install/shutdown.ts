// Whether an agent that is told to stop is being replaced, or the mesh is leaving the node (facts: control-plane §2.4). Pure: told from its DaemonSet.
// Replaced: everything stays, and new pods wait for the successor. Leaving: everything goes, so that pods can start without us.
import { objectOf, type RawObject, textOf, textsOf } from '@ambient-mesh/kube/raw';

export type Asked =
  /** Both as the API server gives them; a node that could not be read is undefined. */
  | { readonly daemonSet: unknown; readonly node: unknown }
  /** HTTP status of the refusal; undefined when there was no answer. */
  | { readonly refused: number | undefined };

/**
 * When nobody can say, everything stays: taking it away by mistake would let pods start outside the mesh.
 * @param isGuarded with a chain of our own, which is there so that no pod ever starts outside, a lost right alone is no proof.
 */
export function isTheEnd(asked: Asked, isGuarded: boolean): boolean {
  // Account and rights go with the rest when the mesh is uninstalled; a token is honoured for a while longer than the right.
  if ('refused' in asked) return asked.refused === 404 || asked.refused === 401 || (asked.refused === 403 && !isGuarded);
  const { metadata, spec } = objectOf(asked.daemonSet);
  if (textOf(objectOf(metadata).deletionTimestamp) !== '') return true;
  return asked.node !== undefined && !targets(objectOf(objectOf(objectOf(spec).template).spec), nodeOf(asked.node));
}

interface Node {
  readonly name: string;
  readonly labels: RawObject;
  readonly taints: readonly unknown[];
}

function nodeOf(raw: unknown): Node {
  const { metadata, spec } = objectOf(raw);
  const { name, labels } = objectOf(metadata);
  return { name: textOf(name), labels: objectOf(labels), taints: listOf(objectOf(spec).taints) };
}

const listOf = (raw: unknown): readonly unknown[] => (Array.isArray(raw) ? raw : []);

/** Whether pods of this specification may stay on the node, as far as selector, required affinity and taints say. */
function targets({ nodeSelector, affinity, tolerations }: RawObject, node: Node): boolean {
  const isSelected = Object.entries(objectOf(nodeSelector)).every(([key, value]) => node.labels[key] === value);
  const required = objectOf(objectOf(objectOf(affinity).nodeAffinity).requiredDuringSchedulingIgnoredDuringExecution).nodeSelectorTerms;
  const isWanted = !Array.isArray(required) || required.some((term) => matchesTerm(objectOf(term), node));
  return isSelected && isWanted && node.taints.every((taint) => isTolerated(objectOf(taint), listOf(tolerations)));
}

/** The cluster marks nodes in trouble with these, and lets every DaemonSet tolerate them. */
const troubles: ReadonlySet<unknown> = new Set(['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']);

/** Only NoExecute drives a pod away that is there. */
function isTolerated({ key, value, effect }: RawObject, tolerations: readonly unknown[]): boolean {
  if (effect !== 'NoExecute' || troubles.has(key)) return true;
  return tolerations.map(objectOf).some((each) => {
    if (textOf(each.effect) !== '' && each.effect !== effect) return false;
    const isEqual = (each.operator ?? 'Equal') === 'Equal';
    if (textOf(each.key) === '') return !isEqual;
    return each.key === key && (!isEqual || textOf(each.value) === textOf(value));
  });
}

/** A term without requirements matches nothing. */
function matchesTerm({ matchExpressions, matchFields }: RawObject, { name, labels }: Node): boolean {
  const expressions = listOf(matchExpressions);
  const fields = listOf(matchFields);
  if (expressions.length + fields.length === 0) return false;
  const named = { 'metadata.name': name };
  return expressions.every((each) => meets(objectOf(each), labels)) && fields.every((each) => meets(objectOf(each), named));
}

function meets({ key, operator, values }: RawObject, labels: RawObject): boolean {
  const value = Object.hasOwn(labels, textOf(key)) ? textOf(labels[textOf(key)]) : undefined;
  const all = textsOf(values);
  switch (operator) {
    case 'In':
      return value !== undefined && all.includes(value);
    case 'NotIn':
      return value === undefined || !all.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(all[0]);
    case 'Lt':
      return Number(value) < Number(all[0]);
    default:
      return false;
  }
}
