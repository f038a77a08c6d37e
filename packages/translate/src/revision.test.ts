// Whose configuration an object is.
import { expect, test } from 'vitest';
import { inRevision } from './revision.ts';

const rows: readonly (readonly [rule: string, label: string | undefined, revision: string, ours: boolean])[] = [
  ['without the label it is in every revision', undefined, 'canary', true],
  ['with the label it is in that one', 'canary', 'canary', true],
  ['and in no other', 'canary', 'default', false],
  ['a control plane without a revision takes all', 'canary', '', true],
  ['an empty label names no revision that there is', '', 'default', false],
];
for (const [rule, label, revision, ours] of rows)
  test(rule, () => expect(inRevision({ labels: label === undefined ? {} : { 'istio.io/rev': label } }, revision)).toBe(ours));
