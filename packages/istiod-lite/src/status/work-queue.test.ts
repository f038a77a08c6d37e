// Keys that are worked on: once at a time, again when added meanwhile, anew after a failure.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test, vi } from 'vitest';
import { WorkQueue, type WorkQueueOptions } from './work-queue.ts';

function scene(work: WorkQueueOptions['work'], more: Partial<WorkQueueOptions> = {}) {
  const clock = fakeClock();
  const stop = new AbortController();
  const failures: string[] = [];
  const queue = new WorkQueue(
    { work, clock, random: () => 0.5, failed: (key, why) => failures.push(`${key}: ${why}`), ...more },
    stop.signal,
  );
  return { clock, stop, queue, failures };
}

test('a key that is added twice before its turn is worked on once', async () => {
  const done: string[] = [];
  const { queue } = scene(async (key) => void done.push(key), { workers: 1 });
  for (const key of ['a', 'b', 'b', 'c']) queue.add(key);
  await queue.idle();
  expect(done).toEqual(['a', 'b', 'c']);
});

test('a key that is added while it is worked on is worked on again, never twice at a time', async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const { queue } = scene(() => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  });
  queue.add('a');
  queue.add('a');
  queue.add('a');
  expect(gates).toHaveLength(1);
  gates[0]?.resolve();
  await vi.waitFor(() => expect(gates).toHaveLength(2));
  gates[1]?.resolve();
  await queue.idle();
  expect(gates).toHaveLength(2);
});

test('no more keys than workers are under way', async () => {
  let now = 0;
  let most = 0;
  const { queue } = scene(
    async () => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      now--;
    },
    { workers: 3 },
  );
  for (let i = 0; i < 20; i++) queue.add(String(i));
  await queue.idle();
  expect(most).toBe(3);
});

test('work that fails is tried again five times, with longer and longer pauses, and then dropped', async () => {
  const times: number[] = [];
  const { queue, clock, failures } = scene(async () => {
    times.push(clock.monotonic());
    throw new Error('no');
  });
  queue.add('a');
  for (let i = 0; i < 60; i++) await clock.advance(ms(250));
  await queue.idle();
  expect(times).toHaveLength(6);
  expect(failures).toEqual(['a: Error: no']);
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(pauses.every((pause, index) => index === 0 || pause > (pauses[index - 1] ?? 0))).toBe(true);
});

test('nothing begins after the end, and what is under way hears of it', async () => {
  const signals: AbortSignal[] = [];
  const { queue, stop } = scene(
    (_, signal) =>
      new Promise((resolve) => {
        signals.push(signal);
        signal.addEventListener('abort', () => resolve());
      }),
    { workers: 1 },
  );
  queue.add('a');
  queue.add('b');
  stop.abort();
  queue.add('c');
  await queue.idle();
  expect(signals).toHaveLength(1);
});
