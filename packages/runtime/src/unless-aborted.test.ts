// The four ways out of waiting.
import { expect, test } from 'vitest';
import { unlessAborted } from './unless-aborted.ts';

const never = new AbortController().signal;
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
