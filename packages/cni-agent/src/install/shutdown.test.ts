// Replaced, or leaving for good: told from every answer that the API server can give.
import { expect, test } from 'vitest';
import { type Asked, isTheEnd } from './shutdown.ts';

const metadata = { name: 'node-a', labels: { zone: 'west', size: '3' } };
const node = { metadata };
const set = (spec: object = {}, meta: object = {}): Asked => ({ daemonSet: { metadata: meta, spec: { template: { spec } } }, node });
const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };
const affinity = (...terms: readonly object[]): Asked =>
  set({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } } });
const by = (key: string, operator: string, ...values: readonly string[]): object => ({ matchExpressions: [{ key, operator, values }] });

const elsewhere = { template: { spec: { nodeSelector: { zone: 'east' } } } };
const tainted = (tolerations: readonly object[], taint: object = { key: 'gpu', value: 'yes', effect: 'NoExecute' }): Asked => ({
  ...set({ tolerations }),
  node: { metadata, spec: { taints: [taint] } },
});

const rows: readonly (readonly [name: string, asked: Asked, end: boolean])[] = [
  ['it is there: an upgrade', set(), false],
  ['it is being deleted', set({}, deleted), true],
  ['it is not there any more', { refused: 404 }, true],
  ['our account is not there any more', { refused: 401 }, true],
  ['our rights are not there any more', { refused: 403 }, true],
  ['the API server is in trouble', { refused: 500 }, false],
  ['the API server does not answer', { refused: undefined }, false],
  ['it wants nodes like this one', set({ nodeSelector: { zone: 'west' } }), false],
  ['it wants other nodes', set({ nodeSelector: { zone: 'east' } }), true],
  ['affinity: In', affinity(by('zone', 'In', 'west', 'north')), false],
  ['affinity: not In', affinity(by('zone', 'In', 'east')), true],
  ['affinity: NotIn', affinity(by('zone', 'NotIn', 'west')), true],
  ['affinity: Exists', affinity(by('zone', 'Exists')), false],
  ['affinity: DoesNotExist', affinity(by('zone', 'DoesNotExist')), true],
  ['affinity: Gt', affinity(by('size', 'Gt', '2')), false],
  ['affinity: Lt', affinity(by('size', 'Lt', '2')), true],
  ['affinity: an operator to come', affinity(by('size', 'Near', '2')), true],
  ['affinity: one of several terms', affinity(by('zone', 'In', 'east'), by('zone', 'In', 'west')), false],
  ['affinity: by name', affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-a'] }] }), false],
  ['affinity: by another name', affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-b'] }] }), true],
  ['affinity: a term that wants nothing matches nothing', affinity({}), true],
  ['it wants other nodes, but what this one is cannot be read', { daemonSet: { spec: elsewhere }, node: undefined }, false],
  ['it is being deleted, whatever this node is', { daemonSet: { metadata: deleted }, node: undefined }, true],
  ['a taint drives it away', tainted([]), true],
  ['a taint that it tolerates', tainted([{ key: 'gpu', value: 'yes' }]), false],
  ['a taint of which it tolerates another value', tainted([{ key: 'gpu', operator: 'Equal', value: 'no' }]), true],
  ['a taint that it tolerates with any value', tainted([{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }]), false],
  ['a taint that it tolerates with another effect', tainted([{ key: 'gpu', operator: 'Exists', effect: 'NoSchedule' }]), true],
  ['a taint, and it tolerates all', tainted([{ operator: 'Exists' }]), false],
  ['a taint for pods to come', tainted([], { key: 'gpu', effect: 'NoSchedule' }), false],
  [
    'a taint by which the cluster says that the node is in trouble',
    tainted([], { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }),
    false,
  ],
  ['an answer that makes no sense', { daemonSet: 'what?', node }, false],
];
for (const [name, asked, end] of rows) test(`${end ? 'the end' : 'all stays'}: ${name}`, () => expect(isTheEnd(asked, false)).toBe(end));

test('with a chain of our own, a lost right is no proof; a lost account is', () =>
  expect([403, 401, 404].map((refused) => isTheEnd({ refused }, true))).toEqual([false, true, true]));
