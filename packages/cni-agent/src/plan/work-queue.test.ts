// The queue: one hand per pod, bounded hands in all, nothing lost, pauses that news ends.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { WorkQueue } from './work-queue.ts';

function bench(work: (key: string) => Promise<void>, atOnce = 2) {
  const clock = fakeClock();
  const waits: number[] = [];
  const queue = new WorkQueue({ work, failed: (_key, _why, wait) => waits.push(wait), clock, atOnce, random: () => 0.5 });
  return { clock, queue, waits };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a key added while it is worked on is worked on once more', async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const { queue } = bench(() => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  });
  for (let i = 0; i < 3; i++) queue.add('a');
  expect(gates).toHaveLength(1);
  queue.add('a');
  gates[0]?.resolve();
  await settled();
  expect(gates).toHaveLength(2);
  gates[1]?.resolve();
  await settled();
  expect(queue.size).toBe(0);
});

test('no more at once than allowed', async () => {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const { queue } = bench((key) => {
    const gate = Promise.withResolvers<void>();
    gates.set(key, gate);
    return gate.promise;
  });
  for (const key of ['a', 'b', 'c']) queue.add(key);
  expect([...gates.keys()]).toEqual(['a', 'b']);
  gates.get('a')?.resolve();
  await settled();
  expect([...gates.keys()]).toEqual(['a', 'b', 'c']);
});

test('failures are repeated after growing pauses, up to 5 s; success forgets them', async () => {
  let fails = 14;
  const { queue, clock, waits } = bench(async () => {
    if (fails-- > 0) throw new Error('no');
  });
  queue.add('a');
  while (queue.size > 0) {
    await settled();
    await clock.advance(ms(5_000));
    await settled();
  }
  expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40]);
  expect(waits.at(-1)).toBe(5_000);
  expect(waits).toHaveLength(14);
});

test('news ends a pause', async () => {
  const work = vi.fn(async () => {
    throw new Error('no');
  });
  const { queue } = bench(work);
  queue.add('a');
  await settled();
  queue.add('a');
  await settled();
  expect(work).toHaveBeenCalledTimes(2);
});

test('who waits hears of an attempt that began after the question', async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const { queue } = bench(() => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  });
  queue.add('a');
  const asked = queue.run('a');
  gates[0]?.resolve();
  await settled();
  gates[1]?.reject(new Error('the second'));
  await expect(asked).rejects.toThrow('the second');
});

test('stopping waits for what is under way and rejects who waits', async () => {
  const gate = Promise.withResolvers<void>();
  const { queue } = bench(() => gate.promise, 1);
  queue.add('a');
  const asked = queue.run('b');
  const stopped = queue[Symbol.asyncDispose]();
  await expect(asked).rejects.toThrow('stopped');
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  await settled();
  expect(isStopped).toBe(false);
  gate.resolve();
  await stopped;
});

test('whatever is added is worked on after its last addition, and by one hand only', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(3)), { maxLength: 40 }), async (events) => {
      const hands = new Map<string, number>();
      const seen = new Map<string, number>();
      const added = new Map<string, number>();
      const { queue, clock } = bench(async (key) => {
        const at = added.get(key) ?? 0;
        hands.set(key, (hands.get(key) ?? 0) + 1);
        expect(hands.get(key)).toBe(1);
        await settled();
        hands.set(key, 0);
        if ((at * 7) % 3 === 1 && seen.get(key) !== at) {
          seen.set(key, at);
          throw new Error('once');
        }
        seen.set(key, at);
      });
      for (const [key, turns] of events) {
        added.set(key, (added.get(key) ?? 0) + 1);
        queue.add(key);
        for (let i = 0; i < turns; i++) await settled();
      }
      while (queue.size > 0) {
        await clock.advance(ms(5_000));
        await settled();
      }
      expect(seen).toEqual(added);
    }),
    { numRuns: 50 },
  );
});

test('a reminder begins what nobody has in hand, and ends no pause', async () => {
  let attempts = 0;
  const { queue, clock } = bench(async () => {
    if (++attempts === 1) throw new Error('not yet');
  });
  queue.remind('a');
  await settled();
  queue.remind('a');
  await settled();
  expect(attempts).toBe(1);
  await clock.advance(ms(10));
  await settled();
  expect([attempts, queue.size]).toEqual([2, 0]);
});
