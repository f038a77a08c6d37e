// Shutting pods out when `nft` fails: what was wished for is done in the end.

import { Netns } from '@ambient-mesh/host/netns';
import { runIn } from '@ambient-mesh/host/run-in';
import type { Ip } from '@ambient-mesh/model/address';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, onTestFinished, test } from 'vitest';
import { ShutOut } from './shut-out.ts';

const ip = '10.0.1.1' as Ip;

function bench(strict: boolean) {
  const host = Netns.create();
  const stop = new AbortController();
  const clock = fakeClock();
  const state = { failures: 0 };
  const shutOut = new ShutOut({ host, strict, clock, signal: stop.signal, failed: () => state.failures++ });
  const path = process.env.PATH ?? '';
  onTestFinished(() => {
    process.env.PATH = path;
    stop.abort();
    host[Symbol.dispose]();
  });
  const rules = (): Promise<string> => runIn(host, ['nft', 'list', 'ruleset'], stop.signal);
  const findTools = (where: string): void => {
    process.env.PATH = where;
  };
  return { shutOut, clock, state, rules, breakNft: () => findTools('/nowhere'), mendNft: () => findTools(path) };
}

test('who cannot be shut out, or let in again, is so at the next attempt', async () => {
  const { shutOut, clock, state, rules, breakNft, mendNft } = bench(true);
  for (const [wish, isShut] of [
    [[ip], true],
    [[], false],
  ] as const) {
    breakNft();
    shutOut.set(wish);
    await shutOut.settled();
    mendNft();
    expect((await rules()).includes(ip)).toBe(!isShut);
    await clock.advance(ms(2_000));
    await shutOut.settled();
    expect((await rules()).includes(ip)).toBe(isShut);
  }
  expect(state.failures).toBe(2);
});

test('without strict mode nobody is shut out, and what an agent in strict mode left is taken away', async () => {
  const strict = bench(true);
  strict.shutOut.set([ip]);
  await strict.shutOut.settled();
  const { shutOut, rules } = bench(false);
  shutOut.set([ip]);
  await shutOut.settled();
  expect([await rules(), (await strict.rules()).includes(ip)]).toEqual(['', true]);
});
