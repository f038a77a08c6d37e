// ReplicaSets decided on made-up clusters: which pods are made, taken in, and removed first.
import { expect, test } from 'vitest';
import type { Pod, ReplicaSet } from '../objects.ts';
import type { Step } from './controller.ts';
import { replicaSets } from './replica-sets.ts';
import { meta, ownedBy, pod, replicaSet, viewOf } from './test-view.ts';

const labels = { app: 'web' };
const mine = (name: string, more: Parameters<typeof pod>[1] = {}): Pod => {
  const { meta: own, ...rest } = more;
  return pod(name, { labels, meta: { ...ownedBy('ReplicaSet', 'set'), ...own }, ...rest });
};
const decide = (set: ReplicaSet, pods: readonly Pod[]): readonly Step[] =>
  replicaSets.decide(viewOf({ replicaSets: [set], pods }), 'shop/set', '').filter((step) => !('subresource' in step));
const removed = (steps: readonly Step[]): string[] => steps.flatMap((step) => (step.do === 'remove' ? [step.of.metadata.name] : []));

test('missing pods are made from the template, owned by the set', () => {
  const steps = decide(replicaSet('set', 3, 0), [mine('a')]);
  expect(steps).toHaveLength(2);
  expect(steps[0]).toMatchObject({ do: 'create', prefix: 'set-', body: { metadata: { labels, ownerReferences: [{ uid: 'uid-set' }] } } });
});

const surplus: readonly (readonly [name: string, pods: readonly Pod[], goes: string])[] = [
  ['one without a node goes before one that is not ready', [mine('a', { ready: false }), mine('b', { node: '', ready: false })], 'b'],
  ['one that is not ready goes before one that is', [mine('a'), mine('b', { ready: false })], 'b'],
  ['the younger goes', [mine('a', { meta: { creationTimestamp: '2026-01-01T00:00:01Z' } }), mine('b')], 'a'],
];
for (const [name, pods, goes] of surplus)
  test(`of a surplus, ${name}`, () => {
    expect(removed(decide(replicaSet('set', 1, 1), pods))).toEqual([goes]);
  });

test('pods that end or have ended do not count', () => {
  const ended = { ...mine('b'), status: { phase: 'Failed' } };
  const steps = decide(replicaSet('set', 1, 1), [mine('a', { meta: { deletionTimestamp: 'x' } }), ended]);
  expect(steps.map((step) => step.do)).toEqual(['create']);
});

test('a pod that nobody owns is taken in instead of making another', () => {
  const steps = decide(replicaSet('set', 1, 0), [pod('orphan', { labels })]);
  expect(steps).toMatchObject([{ do: 'patch', body: { metadata: { ownerReferences: [{ kind: 'ReplicaSet', uid: 'uid-set' }] } } }]);
});

test("another's pods, and those of another namespace, are left alone", () => {
  const others = [pod('a', { labels, meta: ownedBy('ReplicaSet', 'other') }), pod('b', { labels, meta: { namespace: 'elsewhere' } })];
  expect(decide(replicaSet('set', 0, 0), others)).toEqual([]);
});

test('a set that is being deleted makes none', () => {
  const ending = { ...replicaSet('set', 2, 0), metadata: meta('set', { deletionTimestamp: 'x' }) };
  expect(decide(ending, [])).toEqual([]);
});
