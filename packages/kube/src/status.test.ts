// When a condition changes its time, and what says something new.
import { expect, test } from 'vitest';
import { type Condition, saysAlready, withTimes } from './status.ts';

const accepted: Condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'fine', observedGeneration: 3 };
const earlier = '2026-01-01T00:00:00Z';

const rows: readonly (readonly [name: string, known: unknown, wanted: unknown, says: boolean])[] = [
  ['the same says nothing new', { conditions: [accepted] }, { conditions: [accepted] }, true],
  [
    'times of transition say nothing',
    { conditions: [{ ...accepted, lastTransitionTime: earlier }] },
    { conditions: [{ ...accepted, lastTransitionTime: 'x' }] },
    true,
  ],
  ["others' fields say nothing", { conditions: [accepted], theirs: 1 }, { conditions: [accepted] }, true],
  ['another message is new', { conditions: [accepted] }, { conditions: [{ ...accepted, message: 'better' }] }, false],
  ['another generation is new', { conditions: [accepted] }, { conditions: [{ ...accepted, observedGeneration: 4 }] }, false],
  ['one condition more is new', { conditions: [accepted] }, { conditions: [accepted, accepted] }, false],
  ['one condition less is new', { conditions: [accepted] }, { conditions: [] }, false],
  ['anything is new to an object without status', undefined, { conditions: [] }, false],
  ['a list is no object', { conditions: {} }, { conditions: [] }, false],
  ['undefined is nothing to say', {}, { conditions: undefined }, true],
];

for (const [name, known, wanted, says] of rows) test(name, () => expect(saysAlready(known, wanted)).toBe(says));

test('a condition keeps its time as long as its status', () => {
  const known = [{ ...accepted, lastTransitionTime: earlier }];
  expect(withTimes(known, [{ ...accepted, reason: 'Other' }], 'now')[0]?.lastTransitionTime).toBe(earlier);
  expect(withTimes(known, [{ ...accepted, status: 'False' }], 'now')[0]?.lastTransitionTime).toBe('now');
  expect(withTimes([], [accepted], 'now')[0]?.lastTransitionTime).toBe('now');
});
