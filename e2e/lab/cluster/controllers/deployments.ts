// Deployments: a ReplicaSet for each template, replicas moved from the old ones to the new one, revisions, and the status that kubectl waits for.
// Fed by run.ts; how many replicas go where is decided in rollout.ts. There is no deadline for progress.
import { createHash } from 'node:crypto';
import { type Condition as StatusCondition, saysAlready, withTimes } from '@ambient-mesh/kube/status';
import { deployments as deploymentKind, replicaSets as replicaSetKind } from '../kinds.ts';
import type { Deployment, Labels, ReplicaSet } from '../objects.ts';
import { controllerOf, keyOf, ownerReference } from '../selectors.ts';
import type { Controller, Step } from './controller.ts';
import { limits, nextReplicas, replicasOf } from './rollout.ts';

const hashLabel = 'pod-template-hash';
const revisionAnnotation = 'deployment.kubernetes.io/revision';

export const deployments: Controller = {
  name: 'deployments',
  concerns: {
    deployments: (deployment) => [keyOf(deployment)],
    *replicaSets(set) {
      const owner = controllerOf(set);
      if (owner?.kind === 'Deployment') yield `${set.metadata.namespace}/${owner.name}`;
    },
  },
  decide(view, key, now) {
    const deployment = view.deployments.get(key);
    if (deployment === undefined) return [];
    const own = [...view.replicaSets.values()].filter((set) => controllerOf(set)?.uid === deployment.metadata.uid);
    const steps = deployment.metadata.deletionTimestamp === undefined ? roll(deployment, own) : [];
    return [...steps, ...say(deployment, own, now)];
  },
};

/** Of the template as the server stores it; the letters and digits are those of generated names. */
export function hashOf(template: object): string {
  return createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
}

const isCurrent = (deployment: Deployment, set: ReplicaSet): boolean =>
  set.metadata.labels?.[hashLabel] === hashOf(deployment.spec.template);
const revisionOf = (set: ReplicaSet): number => Number(set.metadata.annotations?.[revisionAnnotation] ?? 0);

function roll(deployment: Deployment, own: readonly ReplicaSet[]): Step[] {
  const current = own.find((set) => isCurrent(deployment, set));
  const old = own.filter((set) => set !== current).toSorted((a, b) => revisionOf(a) - revisionOf(b));
  const paused = deployment.spec.paused === true;
  if (current === undefined) return paused ? [] : [replicaSetOf(deployment, old)];
  const steps = paused ? [] : revise(deployment, current, old);
  const next = nextReplicas(deployment, current, paused ? [] : old);
  for (const set of own) {
    const replicas = next.get(set.metadata.name) ?? replicasOf(set);
    if (replicas !== replicasOf(set)) steps.push({ do: 'patch', kind: replicaSetKind, of: set, body: { spec: { replicas } } });
  }
  const finished = old.filter((set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0);
  const surplus = finished.slice(0, Math.max(0, finished.length - (deployment.spec.revisionHistoryLimit ?? 10)));
  return [...steps, ...surplus.map((set): Step => ({ do: 'remove', kind: replicaSetKind, of: set }))];
}

function replicaSetOf(deployment: Deployment, old: readonly ReplicaSet[]): Step {
  const { name, namespace = '' } = deployment.metadata;
  const { selector, template } = deployment.spec;
  const hash = { [hashLabel]: hashOf(template) };
  const body = {
    metadata: {
      labels: { ...template.metadata?.labels, ...hash },
      annotations: { [revisionAnnotation]: `${newest(old) + 1}` },
      ownerReferences: [ownerReference('apps/v1', 'Deployment', deployment)],
    },
    spec: {
      replicas: 0,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, ...hash } },
      template: { ...template, metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...hash } } },
    },
  };
  return { do: 'create', kind: replicaSetKind, key: { namespace, name: `${name}-${hash[hashLabel]}` }, body };
}

const newest = (sets: readonly ReplicaSet[]): number => Math.max(0, ...sets.map(revisionOf));

/** Going back to an old template makes it the newest revision; the Deployment says which one it is at. */
function revise(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Step[] {
  const revision = Math.max(revisionOf(current), newest(old) + 1);
  const annotations: Labels = { [revisionAnnotation]: `${revision}` };
  return [
    { kind: replicaSetKind, of: current },
    { kind: deploymentKind, of: deployment },
  ]
    .filter(({ of }) => of.metadata.annotations?.[revisionAnnotation] !== annotations[revisionAnnotation])
    .map(({ kind, of }) => ({ do: 'patch', kind, of, body: { metadata: { annotations } } }));
}

function say(deployment: Deployment, own: readonly ReplicaSet[], now: string): Step[] {
  const current = own.find((set) => isCurrent(deployment, set));
  const count = (of: (status: NonNullable<ReplicaSet['status']>) => number | undefined): number =>
    own.reduce((total, { status = {} }) => total + (of(status) ?? 0), 0);
  const counted = {
    replicas: count(({ replicas }) => replicas),
    readyReplicas: count(({ readyReplicas }) => readyReplicas),
    availableReplicas: count(({ availableReplicas }) => availableReplicas),
    updatedReplicas: current?.status?.replicas ?? 0,
  };
  const unavailableReplicas = Math.max(0, (deployment.spec.replicas ?? 1) - counted.availableReplicas);
  const { generation } = deployment.metadata;
  const known = deployment.status?.conditions ?? [];
  const conditions = withTimes(known as StatusCondition[], conditionsOf(deployment, current, counted), now);
  const status = { observedGeneration: generation, ...counted, unavailableReplicas, conditions };
  return saysAlready(deployment.status, status)
    ? []
    : [{ do: 'patch', kind: deploymentKind, of: deployment, subresource: 'status', body: { status } }];
}

interface Counted {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly availableReplicas: number;
}

function conditionsOf(deployment: Deployment, current: ReplicaSet | undefined, counted: Counted): StatusCondition[] {
  const wanted = deployment.spec.replicas ?? 1;
  const { replicas, updatedReplicas, availableReplicas } = counted;
  const isAvailable = availableReplicas >= wanted - limits(deployment).unavailable;
  const isComplete = current !== undefined && updatedReplicas === wanted && replicas === wanted && availableReplicas >= wanted;
  return [
    {
      type: 'Available',
      status: isAvailable ? 'True' : 'False',
      reason: isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: `Deployment ${isAvailable ? 'has' : 'does not have'} minimum availability.`,
    },
    {
      type: 'Progressing',
      status: 'True',
      reason: isComplete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
      message: `ReplicaSet "${current?.metadata.name ?? ''}" ${isComplete ? 'has successfully progressed' : 'is progressing'}.`,
    },
  ];
}
