// ReplicaSets: as many pods as wanted, and a status that counts them. Pods that nobody owns and the selector names are taken in.
// Fed by run.ts. A pod counts as available as soon as it is ready: minReadySeconds is not looked at.
import { saysAlready } from '@ambient-mesh/kube/status';
import { pods as podKind, replicaSets as replicaSetKind } from '../kinds.ts';
import type { Pod, ReplicaSet } from '../objects.ts';
import { controllerOf, hasLabels, isActive, isReady, keyOf, ownerReference, selects } from '../selectors.ts';
import type { Controller, Step, View } from './controller.ts';

export const replicaSets: Controller = {
  name: 'replicasets',
  concerns: {
    replicaSets: (set) => [keyOf(set)],
    *pods(pod, view) {
      const owner = controllerOf(pod);
      if (owner?.kind === 'ReplicaSet') yield `${pod.metadata.namespace}/${owner.name}`;
      if (owner === undefined) for (const set of view.replicaSets.values()) if (mayAdopt(set, pod)) yield keyOf(set);
    },
  },
  decide(view, key) {
    const set = view.replicaSets.get(key);
    return set === undefined ? [] : decide(view, set);
  },
};

const mayAdopt = (set: ReplicaSet, pod: Pod): boolean =>
  set.metadata.namespace === pod.metadata.namespace && controllerOf(pod) === undefined && selects(set.spec.selector, pod);

function decide(view: View, set: ReplicaSet): Step[] {
  const all = [...view.pods.values()];
  const own = all.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid && isActive(pod));
  const status = statusOf(set, own);
  const steps: Step[] = saysAlready(set.status, status)
    ? []
    : [{ do: 'patch', kind: replicaSetKind, of: set, subresource: 'status', body: { status } }];
  if (set.metadata.deletionTimestamp !== undefined) return steps;
  const orphans = all.filter((pod) => mayAdopt(set, pod) && isActive(pod));
  if (orphans.length > 0) return [...steps, ...orphans.map((pod) => adopt(set, pod))];
  const missing = (set.spec.replicas ?? 1) - own.length;
  if (missing > 0) return [...steps, ...Array.from({ length: missing }, () => podOf(set))];
  const surplus = own.toSorted(leastMissedFirst).slice(0, -missing);
  return [...steps, ...surplus.map((pod): Step => ({ do: 'remove', kind: podKind, of: pod }))];
}

const ownedBy = (set: ReplicaSet) => ownerReference('apps/v1', 'ReplicaSet', set);

const adopt = (set: ReplicaSet, pod: Pod): Step => ({
  do: 'patch',
  kind: podKind,
  of: pod,
  body: { metadata: { ownerReferences: [...(pod.metadata.ownerReferences ?? []), ownedBy(set)] } },
});

function podOf(set: ReplicaSet): Step {
  const { metadata = {}, spec } = set.spec.template;
  const { name, namespace = '' } = set.metadata;
  const body = {
    metadata: { labels: metadata.labels, annotations: metadata.annotations, generateName: `${name}-`, ownerReferences: [ownedBy(set)] },
    spec,
  };
  return { do: 'create', kind: podKind, key: { namespace, name: '' }, prefix: `${name}-`, body };
}

/** Without a node, not ready, younger: in this order. */
function leastMissedFirst(a: Pod, b: Pod): number {
  const rank = (pod: Pod): number => (pod.spec.nodeName === undefined ? 0 : isReady(pod) ? 2 : 1);
  return rank(a) - rank(b) || b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp);
}

function statusOf(set: ReplicaSet, own: readonly Pod[]): object {
  const ready = own.filter(isReady).length;
  const labels = set.spec.template.metadata?.labels ?? {};
  return {
    replicas: own.length,
    fullyLabeledReplicas: own.filter((pod) => hasLabels(pod, labels)).length,
    readyReplicas: ready,
    availableReplicas: ready,
    observedGeneration: set.metadata.generation,
  };
}
