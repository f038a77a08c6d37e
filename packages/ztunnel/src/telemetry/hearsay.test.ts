// How many parties, and of what size, may be known by their own word.
// Beside hearsay.ts; what a party becomes in metrics is labels.test.ts.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { HearsayParties } from './hearsay.ts';

const named = (workloadName: string) => ({ workloadName, namespace: 'far' });

test('the same words are the same party, the very same', () => {
  const parties = new HearsayParties(fakeClock());
  expect(parties.partyOf(named('a'))).toEqual({ workload: 'a', app: 'a', namespace: 'far' });
  expect(parties.partyOf(named('a'))).toBe(parties.partyOf(named('a')));
});

test('one too many is unknown, those known stay; when one has been unused long enough there is room again', async () => {
  const clock = fakeClock();
  const parties = new HearsayParties(clock, 2);
  for (const name of ['a', 'b']) expect(parties.partyOf(named(name))?.workload).toBe(name);
  expect(parties.partyOf(named('c'))).toBeUndefined();
  await clock.advance(ms(15 * 60_000 - 1));
  expect(parties.partyOf(named('a'))?.workload).toBe('a');
  expect(parties.partyOf(named('c'))).toBeUndefined();
  await clock.advance(ms(1));
  expect(parties.partyOf(named('c'))?.workload).toBe('c');
  expect(parties.partyOf(named('a'))?.workload).toBe('a');
  expect(parties.partyOf(named('b'))).toBeUndefined();
});

const sizes: readonly (readonly [length: number, known: boolean])[] = [
  [253, true],
  [254, false],
];
test.each(sizes)('a name of %s characters: %s', (length, known) => {
  expect(new HearsayParties(fakeClock()).partyOf(named('x'.repeat(length))) !== undefined).toBe(known);
});
