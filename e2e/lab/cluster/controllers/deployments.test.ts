// Deployments decided on made-up clusters: the first ReplicaSet, revisions, history, and the conditions that kubectl waits for.
// How replicas move is in rollout.test.ts.
import { expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../objects.ts';
import type { Step } from './controller.ts';
import { deployments, hashOf } from './deployments.ts';
import { deployment, meta, ownedBy, replicaSet, viewOf } from './test-view.ts';

const now = '2026-01-02T00:00:00Z';
const hash = hashOf(deployment(1).spec.template);

function decide(wanted: Deployment, sets: readonly ReplicaSet[]): readonly Step[] {
  return deployments.decide(viewOf({ deployments: [wanted], replicaSets: sets }), 'shop/web', now);
}

const current = (replicas: number, available: number, revision = '1'): ReplicaSet =>
  replicaSet(`web-${hash}`, replicas, available, {
    ...ownedBy('Deployment', 'web'),
    labels: { 'pod-template-hash': hash },
    annotations: { 'deployment.kubernetes.io/revision': revision },
  });

const bodyOf = (step: Step | undefined): unknown => (step?.do === 'patch' || step?.do === 'create' ? step.body : step);

test('the first ReplicaSet is named after its template, and selects by it', () => {
  const [create] = decide(deployment(2), []);
  expect(create).toMatchObject({ do: 'create', key: { namespace: 'shop', name: `web-${hash}` } });
  expect(bodyOf(create)).toMatchObject({
    metadata: { annotations: { 'deployment.kubernetes.io/revision': '1' }, ownerReferences: [{ kind: 'Deployment', uid: 'uid-web' }] },
    spec: { replicas: 0, selector: { matchLabels: { app: 'web', 'pod-template-hash': hash } } },
  });
});

test('a paused Deployment starts nothing new, but is scaled', () => {
  const paused = { ...deployment(3), spec: { ...deployment(3).spec, paused: true } };
  expect(decide(paused, []).filter((step) => step.do === 'create')).toEqual([]);
  expect(decide(paused, [current(1, 1)])).toContainEqual(expect.objectContaining({ do: 'patch', body: { spec: { replicas: 3 } } }));
});

test('going back to an old template makes it the newest revision', () => {
  const other = replicaSet('web-other', 0, 0, {
    ...ownedBy('Deployment', 'web'),
    annotations: { 'deployment.kubernetes.io/revision': '5' },
  });
  const revised = decide(deployment(1), [current(1, 1), other]).map(bodyOf);
  expect(revised.filter((body) => JSON.stringify(body).includes('"6"'))).toHaveLength(2);
});

test('old ReplicaSets beyond the history go, the oldest first', () => {
  const old = [3, 1, 2].map((revision) =>
    replicaSet(`web-${revision}`, 0, 0, {
      ...ownedBy('Deployment', 'web'),
      annotations: { 'deployment.kubernetes.io/revision': `${revision}` },
    }),
  );
  const limited = { ...deployment(0), spec: { ...deployment(0).spec, revisionHistoryLimit: 2 } };
  const removed = decide(limited, [current(0, 0, '4'), ...old]).flatMap((step) => (step.do === 'remove' ? [step.of.metadata.name] : []));
  expect(removed).toEqual(['web-1']);
});

const statuses: readonly (readonly [name: string, wanted: number, replicas: number, available: number, want: object])[] = [
  ['all there', 2, 2, 2, { Available: 'MinimumReplicasAvailable', Progressing: 'NewReplicaSetAvailable' }],
  ['not all ready', 2, 2, 1, { Available: 'MinimumReplicasUnavailable', Progressing: 'ReplicaSetUpdated' }],
  ['enough, but not all', 4, 4, 3, { Available: 'MinimumReplicasAvailable', Progressing: 'ReplicaSetUpdated' }],
];

for (const [name, wanted, replicas, available, want] of statuses) {
  test(`conditions: ${name}`, () => {
    const status = decide(deployment(wanted), [current(replicas, available)]).find(
      (step) => step.do === 'patch' && step.subresource === 'status',
    );
    const { conditions } = (bodyOf(status) as { status: { conditions: { type: string; reason: string; lastTransitionTime: string }[] } })
      .status;
    expect(Object.fromEntries(conditions.map(({ type, reason }) => [type, reason]))).toEqual(want);
    expect(conditions[0]?.lastTransitionTime).toBe(now);
  });
}

test('when all is as it should be there is nothing to do', () => {
  const set = current(1, 1);
  const annotations = { 'deployment.kubernetes.io/revision': '1' };
  const done = { ...deployment(1), metadata: meta('web', { generation: 1, annotations }) };
  const status = decide(done, [set]).map(bodyOf);
  expect(status).toHaveLength(1);
  expect(decide({ ...done, ...(status[0] as object) }, [set])).toEqual([]);
});

test('a Deployment that is being deleted does nothing but count', () => {
  const ending = { ...deployment(3), metadata: meta('web', { deletionTimestamp: now }) };
  expect(decide(ending, []).map((step) => step.do === 'patch' && step.subresource)).toEqual(['status']);
});
