// Drain, readiness and back-off: the small machines that decide when a process may go, is ready, or tries again.
import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';
import { Drain } from './drain.ts';
import { Readiness } from './readiness.ts';
import { fakeClock } from './testing/clock.ts';
import { ms } from './time.ts';

function drainOf5s() {
  const clock = fakeClock();
  const drain = new Drain({ deadline: ms(5_000), clock });
  const seen = { drained: false };
  void drain.drained().then(() => {
    seen.drained = true;
  });
  return { clock, drain, seen };
}

test('nothing happens before the start, however few the participants', async () => {
  const { clock, drain, seen } = drainOf5s();
  drain.enter()[Symbol.dispose]();
  await clock.advance(ms(60_000));
  expect([drain.mode, drain.signal.aborted, drain.forced.aborted, seen.drained]).toEqual([undefined, false, false, false]);
});

test('a graceful drain ends with its last participant, and leaves no timer behind', async () => {
  const { clock, drain, seen } = drainOf5s();
  const tokens = [drain.enter(), drain.enter()];
  drain.start('graceful');
  expect([drain.mode, drain.signal.aborted, drain.forced.aborted]).toEqual(['graceful', true, false]);
  tokens[0]?.[Symbol.dispose]();
  tokens[0]?.[Symbol.dispose]();
  await clock.advance(ms(1));
  expect(seen.drained).toBe(false);
  tokens[1]?.[Symbol.dispose]();
  await clock.advance(ms(60_000));
  expect([seen.drained, drain.forced.aborted, clock.pending]).toEqual([true, false, 0]);
});

test('at the deadline the rest is forced, and still waited for', async () => {
  const { clock, drain, seen } = drainOf5s();
  const token = drain.enter();
  drain.start('graceful');
  await clock.advance(ms(4_999));
  expect(drain.forced.aborted).toBe(false);
  await clock.advance(ms(1));
  expect([drain.forced.aborted, seen.drained]).toEqual([true, false]);
  token[Symbol.dispose]();
  await clock.advance(ms(0));
  expect(seen.drained).toBe(true);
});

test('an immediate drain forces at once and overtakes a graceful one, never the other way', async () => {
  const { clock, drain } = drainOf5s();
  using _token = drain.enter();
  drain.start('graceful');
  drain.start('immediate');
  drain.start('graceful');
  expect([drain.mode, drain.forced.aborted]).toEqual(['immediate', true]);
  await clock.advance(ms(0));
  expect(clock.pending).toBe(0);
});

test('a drain without participants ends at once', async () => {
  const { clock, drain, seen } = drainOf5s();
  drain.start('graceful');
  await clock.advance(ms(0));
  expect([seen.drained, clock.pending]).toEqual([true, 0]);
});

test('readiness lists what is missing, sorted, each once, and may go back', () => {
  const readiness = new Readiness();
  const [proxy, proxyAgain, dns] = [readiness.expect('proxy'), readiness.expect('proxy'), readiness.expect('dns proxy')];
  expect(readiness.missing).toEqual(['dns proxy', 'proxy']);
  proxy[Symbol.dispose]();
  proxy[Symbol.dispose]();
  expect(readiness.missing).toEqual(['dns proxy', 'proxy']);
  proxyAgain[Symbol.dispose]();
  dns[Symbol.dispose]();
  expect(readiness.missing).toEqual([]);
  using _again = readiness.expect('proxy');
  expect(readiness.missing).toEqual(['proxy']);
});

const backoffRows: readonly (readonly [rule: string, random: number, want: readonly number[]])[] = [
  ['waits grow up to the limit', 0.5, [100, 200, 400, 500, 500]],
  ['jitter takes away at most its share', 0, [90, 180, 360, 450, 450]],
  ['and adds at most its share', 1, [110, 220, 440, 550, 550]],
];
for (const [rule, random, want] of backoffRows) {
  test(rule, () => {
    const backoff = new Backoff({ first: ms(100), max: ms(500), factor: 2, jitter: 0.1, random: () => random });
    const waits = () => want.map(() => Math.round(backoff.next()));
    expect(waits()).toEqual(want);
    backoff.reset();
    expect(waits()).toEqual(want);
  });
}
