// Structured concurrency: what `together` promises about ends, failures and stops.
import { expect, test } from 'vitest';
import { together, unlessAborted } from './scope.ts';

const never = new AbortController().signal;
const untilStopped = (ended: string[], name: string) => (signal: AbortSignal) =>
  new Promise<void>((_, reject) =>
    signal.addEventListener('abort', () => {
      ended.push(name);
      reject(signal.reason);
    }),
  );

test('it ends when every task has ended', async () => {
  const ended: string[] = [];
  const slow = Promise.withResolvers<void>();
  const all = together(
    never,
    async () => void ended.push('quick'),
    () => slow.promise.then(() => void ended.push('slow')),
  );
  slow.resolve();
  await all;
  expect(ended).toEqual(['quick', 'slow']);
});

test('the first failure stops the others and comes out once they have ended', async () => {
  const ended: string[] = [];
  const failure = new Error('first');
  await expect(together(never, untilStopped(ended, 'sibling'), () => Promise.reject(failure))).rejects.toBe(failure);
  expect(ended).toEqual(['sibling']);
});

test('a task that throws before its first await is a failure like any other', async () => {
  const failure = new Error('at once');
  const thrower = (): Promise<void> => {
    throw failure;
  };
  await expect(together(never, untilStopped([], 'sibling'), thrower)).rejects.toBe(failure);
});

test('a stop from outside ends all tasks and is no failure', async () => {
  const ended: string[] = [];
  const stop = new AbortController();
  const wrapped = async (signal: AbortSignal): Promise<void> => {
    await untilStopped(
      ended,
      'wrapped',
    )(signal).catch(() => {
      throw new DOMException('The operation was aborted', 'AbortError');
    });
  };
  const all = together(stop.signal, untilStopped(ended, 'plain'), wrapped);
  stop.abort();
  await all;
  expect(ended).toEqual(['plain', 'wrapped']);
});

test('a failure while stopping is still a failure', async () => {
  const stop = new AbortController();
  const failure = new Error('while closing');
  const closing = (signal: AbortSignal) => new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(failure)));
  const all = together(stop.signal, closing);
  stop.abort();
  await expect(all).rejects.toBe(failure);
});

const late = (): Promise<never> => new Promise(() => {});
const gone = AbortSignal.abort('gone');
const waits: readonly (readonly [rule: string, work: () => Promise<unknown>, signal: AbortSignal, want: object])[] = [
  ['its value when it comes', async () => 1, never, { status: 'fulfilled', value: 1 }],
  ['its failure when it fails', () => Promise.reject('failed'), never, { status: 'rejected', reason: 'failed' }],
  ['the reason of a signal that has aborted already', late, gone, { status: 'rejected', reason: 'gone' }],
  ['the reason of one that aborts meanwhile', late, AbortSignal.timeout(1), { status: 'rejected', reason: expect.any(DOMException) }],
];
test.each(waits)('what is awaited gives %s', async (_, work, signal, want) => {
  expect(await Promise.allSettled([unlessAborted(work(), signal)])).toEqual([want]);
});
