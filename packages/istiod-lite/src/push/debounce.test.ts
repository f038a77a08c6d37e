// When a burst of changes goes out.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { Debounce } from './debounce.ts';

function scene(after = 100, max = 1_000) {
  const clock = fakeClock();
  const start = clock.monotonic();
  const fired: (readonly [at: number, since: number])[] = [];
  const debounce = new Debounce({
    after: ms(after),
    max: ms(max),
    clock,
    fire: (since) => fired.push([clock.monotonic() - start, since - start]),
  });
  return { clock, debounce, fired };
}

test('one change waits for the quiet time', async () => {
  const { clock, debounce, fired } = scene();
  debounce.touch();
  await clock.advance(ms(99));
  expect(fired).toEqual([]);
  await clock.advance(ms(1));
  expect(fired).toEqual([[100, 0]]);
});

test('each further change restarts the quiet time', async () => {
  const { clock, debounce, fired } = scene();
  for (let i = 0; i < 3; i++) {
    debounce.touch();
    await clock.advance(ms(60));
  }
  expect(fired).toEqual([]);
  await clock.advance(ms(40));
  expect(fired).toEqual([[220, 0]]);
});

test('changes that never stop are held back no longer than the longest', async () => {
  const { clock, debounce, fired } = scene();
  for (let i = 0; i < 30; i++) {
    debounce.touch();
    await clock.advance(ms(50));
  }
  expect(fired[0]).toEqual([1_000, 0]);
});

test('a change after a push begins anew', async () => {
  const { clock, debounce, fired } = scene();
  debounce.touch();
  await clock.advance(ms(500));
  debounce.touch();
  await clock.advance(ms(100));
  expect(fired).toEqual([
    [100, 0],
    [600, 500],
  ]);
});

test('nothing fires after disposal', async () => {
  const { clock, debounce, fired } = scene();
  debounce.touch();
  debounce[Symbol.dispose]();
  await clock.advance(ms(5_000));
  expect(fired).toEqual([]);
});
