// Whether an agent that is told to stop is being replaced, or the mesh is leaving the node: told from its own DaemonSet (facts: control-plane §2.4). Pure.
// Replaced: everything stays, and new pods wait for the successor. Leaving: everything goes, so that pods can start without us.
import { objectOf, type RawObject, textOf, textsOf } from '@ambient-mesh/kube/raw';

export type Asked =
  | { readonly daemonSet: unknown; readonly node: { readonly name: string; readonly labels: Readonly<Record<string, string>> } }
  /** HTTP status of the refusal; undefined when there was no answer. */
  | { readonly refused: number | undefined };

/** When nobody can say, everything stays: taking it away by mistake would let pods start outside the mesh. */
export function isTheEnd(asked: Asked): boolean {
  // The account goes with the rest when the mesh is uninstalled.
  if ('refused' in asked) return asked.refused === 404 || asked.refused === 401;
  const { metadata, spec } = objectOf(asked.daemonSet);
  if (textOf(objectOf(metadata).deletionTimestamp) !== '') return true;
  return !targets(objectOf(objectOf(objectOf(spec).template).spec), asked.node);
}

type Node = Extract<Asked, { node: unknown }>['node'];

/** Whether pods of this specification may run on the node, as far as selector and required affinity say. */
function targets({ nodeSelector, affinity }: RawObject, node: Node): boolean {
  const selected = Object.entries(objectOf(nodeSelector)).every(([key, value]) => node.labels[key] === value);
  const required = objectOf(objectOf(objectOf(affinity).nodeAffinity).requiredDuringSchedulingIgnoredDuringExecution).nodeSelectorTerms;
  return selected && (!Array.isArray(required) || required.some((term) => matchesTerm(objectOf(term), node)));
}

/** A term without requirements matches nothing. */
function matchesTerm({ matchExpressions, matchFields }: RawObject, { name, labels }: Node): boolean {
  const expressions = Array.isArray(matchExpressions) ? matchExpressions : [];
  const fields = Array.isArray(matchFields) ? matchFields : [];
  if (expressions.length + fields.length === 0) return false;
  const named: Readonly<Record<string, string>> = { 'metadata.name': name };
  return expressions.every((each) => meets(objectOf(each), labels)) && fields.every((each) => meets(objectOf(each), named));
}

function meets({ key, operator, values }: RawObject, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, textOf(key)) ? labels[textOf(key)] : undefined;
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
