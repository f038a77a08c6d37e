// DaemonSets: one pod on every node that the template's nodeSelector allows; a changed template replaces one pod at a time, before the old one
// goes if a surge is allowed.
// Fed by run.ts. Pods are bound to their nodes right away: the scheduler has no part in it.
import { saysAlready } from '@ambient-mesh/kube/status';
import { daemonSets as daemonSetKind, pods as podKind } from '../kinds.ts';
import type { DaemonSet, Node, Pod } from '../objects.ts';
import { controllerOf, hasLabels, isActive, isReady, keyOf, ownerReference } from '../selectors.ts';
import type { Controller, Step, View } from './controller.ts';
import { hashOf } from './deployments.ts';

const hashLabel = 'controller-revision-hash';

export const daemonSets: Controller = {
  name: 'daemonsets',
  concerns: {
    daemonSets: (set) => [keyOf(set)],
    *pods(pod) {
      const owner = controllerOf(pod);
      if (owner?.kind === 'DaemonSet') yield `${pod.metadata.namespace}/${owner.name}`;
    },
    *nodes(_node, view) {
      for (const set of view.daemonSets.values()) yield keyOf(set);
    },
  },
  decide(view, key) {
    const set = view.daemonSets.get(key);
    return set === undefined ? [] : decide(view, set);
  },
};

function decide(view: View, set: DaemonSet): Step[] {
  const nodes = [...view.nodes.values()].filter((node) => hasLabels(node, set.spec.template.spec.nodeSelector ?? {}));
  const own = [...view.pods.values()].filter(
    (pod) => controllerOf(pod)?.uid === set.metadata.uid && pod.metadata.deletionTimestamp === undefined,
  );
  const status = statusOf(set, nodes, own);
  const steps: Step[] = saysAlready(set.status, status)
    ? []
    : [{ do: 'patch', kind: daemonSetKind, of: set, subresource: 'status', body: { status } }];
  if (set.metadata.deletionTimestamp !== undefined) return steps;
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  const surplus = own.filter((pod) => !names.has(pod.spec.nodeName ?? '') || !isActive(pod));
  const missing = nodes.filter(({ metadata }) => !own.some((pod) => isActive(pod) && pod.spec.nodeName === metadata.name));
  const isSettled = surplus.length + missing.length === 0;
  return [
    ...steps,
    ...surplus.map(removal),
    ...missing.map((node) => podOn(node, set)),
    ...(!isSettled ? [] : canSurge(set) ? surge(set, nodes, own) : outdated(set, own).map(removal)),
  ];
}

function canSurge({ spec }: DaemonSet): boolean {
  const most = spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  return spec.updateStrategy?.type !== 'OnDelete' && most !== 0 && most !== '0%';
}

/** On one node after the other: the new pod, and when that is ready the end of the old one. */
function surge(set: DaemonSet, nodes: readonly Node[], own: readonly Pod[]): Step[] {
  const [updated, old] = [own.filter((pod) => isUpdated(set, pod)), own.filter((pod) => !isUpdated(set, pod))];
  const successorOf = (pod: Pod): Pod | undefined => updated.find(({ spec }) => spec.nodeName === pod.spec.nodeName);
  const replaced = old.filter((pod) => [successorOf(pod)].some((next) => next !== undefined && isReady(next)));
  if (replaced.length > 0 || !updated.every(isReady)) return replaced.map(removal);
  const next = nodes.find(({ metadata }) => old.some((pod) => pod.spec.nodeName === metadata.name));
  return next === undefined ? [] : [podOn(next, set)];
}

const removal = (pod: Pod): Step => ({ do: 'remove', kind: podKind, of: pod });

const isUpdated = (set: DaemonSet, pod: Pod): boolean => pod.metadata.labels?.[hashLabel] === hashOf(set.spec.template);

/** At most one, and none while another one is not ready: pods that do not work in the old version do not hold up the new one. */
function outdated(set: DaemonSet, own: readonly Pod[]): Pod[] {
  if (set.spec.updateStrategy?.type === 'OnDelete') return [];
  const old = own.filter((pod) => !isUpdated(set, pod));
  const broken = old.filter((pod) => !isReady(pod));
  return broken.length > 0 ? broken : own.every(isReady) ? old.slice(0, 1) : [];
}

function podOn(node: Node, set: DaemonSet): Step {
  const { name, namespace = '' } = set.metadata;
  const { metadata = {}, spec } = set.spec.template;
  const body = {
    metadata: {
      labels: { ...metadata.labels, [hashLabel]: hashOf(set.spec.template) },
      annotations: metadata.annotations,
      generateName: `${name}-`,
      ownerReferences: [ownerReference('apps/v1', 'DaemonSet', set)],
    },
    spec: { ...spec, nodeName: node.metadata.name },
  };
  return { do: 'create', kind: podKind, key: { namespace, name: '' }, prefix: `${name}-`, body };
}

function statusOf(set: DaemonSet, nodes: readonly Node[], own: readonly Pod[]): object {
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  const placed = own.filter(({ spec }) => names.has(spec.nodeName ?? ''));
  const ready = placed.filter(isReady).length;
  return {
    desiredNumberScheduled: nodes.length,
    currentNumberScheduled: placed.length,
    numberMisscheduled: own.length - placed.length,
    numberReady: ready,
    numberAvailable: ready,
    numberUnavailable: nodes.length - ready,
    updatedNumberScheduled: placed.filter((pod) => isUpdated(set, pod)).length,
    observedGeneration: set.metadata.generation,
  };
}
