// Where pods go: the scheduler and daemon sets, decided on made-up clusters.
import { expect, test } from 'vitest';
import type { DaemonSet, Pod } from '../objects.ts';
import type { Step } from './controller.ts';
import { daemonSets } from './daemon-sets.ts';
import { hashOf } from './deployments.ts';
import { scheduler } from './scheduler.ts';
import { type Given, meta, node, ownedBy, pod, viewOf } from './test-view.ts';

const now = '2026-01-02T00:00:00Z';
const nodes = [node('node-a', { disk: 'ssd' }), node('node-b')];

const schedule = (given: Given): readonly Step[] => scheduler.decide(viewOf({ nodes, ...given }), 'all', now);
const placed = (given: Given): readonly string[] => schedule(given).flatMap((step) => (step.do === 'bind' ? [step.node] : []));
const waiting = (name: string, nodeSelector = {}): Pod => {
  const { spec, ...rest } = pod(name, { node: '' });
  return { ...rest, spec: { ...spec, nodeSelector } };
};

test('pods go where the fewest are, and each sees where those before it went', () => {
  expect(placed({ pods: [pod('x'), waiting('a'), waiting('b'), waiting('c')] })).toEqual(['node-b', 'node-a', 'node-b']);
});

test('a nodeSelector is heeded', () => {
  expect(placed({ pods: [pod('x'), waiting('a', { disk: 'ssd' })] })).toEqual(['node-a']);
});

test('nodes that are not ready or closed get none', () => {
  const closed = { ...node('node-c'), spec: { unschedulable: true } };
  expect(placed({ nodes: [node('node-b', {}, false), closed, node('node-d')], pods: [waiting('a')] })).toEqual(['node-d']);
});

test('a pod that fits nowhere says so, once', () => {
  const [refusal] = schedule({ pods: [waiting('a', { disk: 'tape' })] });
  expect(refusal).toMatchObject({ do: 'patch', body: { status: { conditions: [{ status: 'True' }, { reason: 'Unschedulable' }] } } });
  const { status } = (refusal as { body: { status: object } }).body;
  expect(schedule({ pods: [{ ...waiting('a', { disk: 'tape' }), status }] })).toEqual([]);
});

const template = { metadata: { labels: { app: 'agent' } }, spec: { containers: [], nodeSelector: {} } };
const set: DaemonSet = { metadata: meta('agent'), spec: { selector: { matchLabels: { app: 'agent' } }, template } };
const onNode = (name: string, more: Parameters<typeof pod>[1] = {}, hash = hashOf(template)): Pod =>
  pod(name, { ...more, labels: { 'controller-revision-hash': hash }, meta: { ...ownedBy('DaemonSet', 'agent'), ...more.meta } });
const tend = (given: Given): readonly string[] =>
  daemonSets
    .decide(viewOf({ nodes, daemonSets: [set], ...given }), 'shop/agent', now)
    .flatMap((step) =>
      step.do === 'remove'
        ? [`remove ${step.of.metadata.name}`]
        : step.do === 'create'
          ? [`create on ${(step.body as { spec: { nodeName: string } }).spec.nodeName}`]
          : [],
    );

const daemonRows: readonly (readonly [name: string, pods: readonly Pod[], want: readonly string[]])[] = [
  ['each node gets one', [], ['create on node-a', 'create on node-b']],
  ['a node that has one is left alone', [onNode('x')], ['create on node-b']],
  ['a pod on a node that is gone goes', [onNode('x'), onNode('y', { node: 'node-b' }), onNode('z', { node: 'node-z' })], ['remove z']],
  ['a new template replaces one that works at a time', [onNode('x', {}, 'old'), onNode('y', { node: 'node-b' }, 'old')], ['remove x']],
  ['none while another is not ready', [onNode('x', {}, 'old'), onNode('y', { node: 'node-b', ready: false })], []],
  [
    'an old one that does not work goes at once',
    [onNode('x', { ready: false }, 'old'), onNode('y', { node: 'node-b' }, 'old')],
    ['remove x'],
  ],
];
for (const [name, pods, want] of daemonRows) test(`daemon sets: ${name}`, () => expect(tend({ pods })).toEqual(want));

test('daemon sets: a nodeSelector is heeded', () => {
  const picky = { ...set, spec: { ...set.spec, template: { ...template, spec: { containers: [], nodeSelector: { disk: 'ssd' } } } } };
  expect(tend({ daemonSets: [picky] })).toEqual(['create on node-a']);
});
