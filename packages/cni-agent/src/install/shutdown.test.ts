// Replaced, or leaving for good: told from every answer that the API server can give.
import { expect, test } from 'vitest';
import { type Asked, isTheEnd } from './shutdown.ts';

const node = { name: 'node-a', labels: { zone: 'west', size: '3' } };
const set = (spec: object = {}, metadata: object = {}): Asked => ({ daemonSet: { metadata, spec: { template: { spec } } }, node });
const affinity = (...terms: readonly object[]): Asked =>
  set({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } } });
const by = (key: string, operator: string, ...values: readonly string[]): object => ({ matchExpressions: [{ key, operator, values }] });

const rows: readonly (readonly [name: string, asked: Asked, end: boolean])[] = [
  ['it is there: an upgrade', set(), false],
  ['it is being deleted', set({}, { deletionTimestamp: '2026-01-01T00:00:00Z' }), true],
  ['it is not there any more', { refused: 404 }, true],
  ['our account is not there any more', { refused: 401 }, true],
  ['we may not ask', { refused: 403 }, false],
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
  ['an answer that makes no sense', { daemonSet: 'what?', node }, false],
];
for (const [name, asked, end] of rows) test(`${end ? 'the end' : 'all stays'}: ${name}`, () => expect(isTheEnd(asked)).toBe(end));
