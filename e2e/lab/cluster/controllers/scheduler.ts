// Gives pods without a node one that their nodeSelector allows: the ready one with the fewest pods. What cannot be placed says so.
// Fed by run.ts. Looks at all waiting pods at once, one after the other: each sees where those before it went.
import { saysAlready } from '@ambient-mesh/kube/status';
import { pods as podKind } from '../kinds.ts';
import type { Node, Pod } from '../objects.ts';
import { conditionOf, hasLabels, isActive } from '../selectors.ts';
import type { Controller, Step } from './controller.ts';

const everything = 'all';

export const scheduler: Controller = {
  name: 'scheduler',
  concerns: {
    pods: (pod) => (pod.spec.nodeName === undefined ? [everything] : []),
    nodes: () => [everything],
  },
  decide(view, _key, now) {
    const pods = [...view.pods.values()];
    const nodes = [...view.nodes.values()].filter(isOpen);
    const load = new Map(nodes.map(({ metadata: { name } }) => [name, pods.filter((pod) => pod.spec.nodeName === name).length]));
    return pods
      .filter((pod) => pod.spec.nodeName === undefined && isActive(pod))
      .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name))
      .flatMap((pod) => place(pod, nodes, load, now));
  },
};

const isOpen = ({ metadata, spec, status }: Node): boolean =>
  metadata.deletionTimestamp === undefined && spec?.unschedulable !== true && conditionOf(status?.conditions, 'Ready')?.status === 'True';

function place(pod: Pod, nodes: readonly Node[], load: Map<string, number>, now: string): Step[] {
  const loadOf = ({ metadata }: Node): number => load.get(metadata.name) ?? 0;
  const [best] = nodes.filter((node) => hasLabels(node, pod.spec.nodeSelector ?? {})).toSorted((a, b) => loadOf(a) - loadOf(b));
  if (best === undefined) return refuse(pod, nodes.length, now);
  load.set(best.metadata.name, loadOf(best) + 1);
  return [{ do: 'bind', of: pod, node: best.metadata.name }];
}

function refuse(pod: Pod, nodes: number, now: string): Step[] {
  const conditions = pod.status?.conditions ?? [];
  const message =
    nodes === 0
      ? 'no nodes available to schedule pods'
      : `0/${nodes} nodes are available: ${nodes} node(s) didn't match Pod's node selector.`;
  const wanted = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  if (saysAlready(conditionOf(conditions, 'PodScheduled'), wanted)) return [];
  const others = conditions.filter(({ type }) => type !== 'PodScheduled');
  const status = { phase: 'Pending', conditions: [...others, { ...wanted, lastTransitionTime: now }] };
  return [{ do: 'patch', kind: podKind, of: pod, subresource: 'status', body: { status } }];
}
