// When a status has to be written.
import { expect, test } from 'vitest';
import { conditionChange } from './condition-change.ts';
import type { Condition } from './kinds/meta.ts';

const bound: Condition = { type: 'Bound', status: 'True', reason: 'Yes', message: 'm', observedGeneration: 0 };
const other: Condition = { ...bound, type: 'Other' };

type Row = readonly [rule: string, existing: readonly Condition[], desired: readonly Condition[], written: boolean];
const rows: readonly Row[] = [
  ['none exists, none is wanted', [], [], false],
  ['the first one', [], [bound], true],
  ['unchanged', [bound], [bound], false],
  ['order does not matter', [bound, other], [other, bound], false],
  ['a status that flips', [bound], [{ ...bound, status: 'False' }], true],
  ['another reason', [bound], [{ ...bound, reason: 'No' }], true],
  ['another message', [bound], [{ ...bound, message: 'n' }], true],
  ['one that is not wanted any more is pruned', [bound, other], [bound], true],
  ['the last one too', [bound], [], true],
  ['one for another', [bound], [other], true],
  ['a generation that the wanted one does not say', [{ ...bound, observedGeneration: 4 }], [bound], false],
  ['a generation behind', [{ ...bound, observedGeneration: 4 }], [{ ...bound, observedGeneration: 5 }], true],
  ['the same generation', [{ ...bound, observedGeneration: 5 }], [{ ...bound, observedGeneration: 5 }], false],
];
for (const [rule, existing, desired, written] of rows) {
  test(rule, () => expect(conditionChange(existing, desired)).toEqual(written ? desired : undefined));
}
