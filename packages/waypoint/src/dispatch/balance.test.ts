// Which endpoint is chosen.
import { workload } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { choose, hashText } from './balance.ts';
import { Endpoint } from './endpoint.ts';
import { Links } from './links.ts';

function endpoints(capacities: readonly number[]): Endpoint[] {
  const ports = { open: async () => Promise.reject(new Error('unused')), mayOpen: () => true, clock: fakeClock() };
  return capacities.map((capacity, at) => {
    const links = new Links(ports, { idle: ms(1), requestsPerConnection: 0 });
    return new Endpoint({ workload: workload({ name: `s${at}`, capacity }), port: 80 }, links);
  });
}

/** A small generator of our own, so that a failure can be seen again. */
function chance(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function shares(all: readonly Endpoint[], by: Parameters<typeof choose>[1]['by'], draws = 3_000): number[] {
  const random = chance();
  const counts = new Map<Endpoint | undefined, number>();
  for (let turn = 0; turn < draws; turn++) {
    const chosen = choose(all, { by, random, turn, hash: undefined });
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
  }
  return all.map((each) => Math.round(((counts.get(each) ?? 0) / draws) * 10) / 10);
}

test('nobody to choose from', () => expect(choose([], { by: 'random', random: () => 0, turn: 0, hash: undefined })).toBeUndefined());
test('round robin takes turns', () => {
  const all = endpoints([1, 1, 1]);
  const turns = [0, 1, 2, 3, 4].map((turn) =>
    all.indexOf(choose(all, { by: 'round-robin', random: () => 0, turn, hash: undefined }) as Endpoint),
  );
  expect(turns).toEqual([0, 1, 2, 0, 1]);
});
test('at random, by weight', () => expect(shares(endpoints([1, 3, 1]), 'random')).toEqual([0.2, 0.6, 0.2]));
test('least requests: idle ones share evenly', () =>
  expect(shares(endpoints([1, 1, 1, 1, 1]), 'least-request')).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]));
test('least requests: a busy one gets nothing while there is an idle one beside it', () => {
  const all = endpoints([1, 1]);
  (all[0] as Endpoint).active = 5;
  expect(shares(all, 'least-request')).toEqual([0, 1]);
});
test('least requests: of two draws the same other one is looked at', () => {
  const all = endpoints([1, 1, 1]);
  expect(choose(all, { by: 'least-request', random: () => 0, turn: 0, hash: undefined })).toBe(all[0]);
});

test('a hash always finds the same endpoint, and hashes spread', () => {
  const all = endpoints([1, 1, 1, 1]);
  const at = (key: string, from = all): Endpoint | undefined => choose(from, { by: 'hash', random: () => 0, turn: 0, hash: hashText(key) });
  const keys = Array.from({ length: 2_000 }, (_, n) => `user-${n}`);
  const counts = all.map((each) => keys.filter((key) => at(key) === each).length);
  expect(Math.min(...counts)).toBeGreaterThan(350);
  const reversed = all.toReversed();
  expect(keys.every((key) => at(key) === at(key, reversed))).toBe(true);
});
test('when an endpoint goes only its own clients move', () => {
  const all = endpoints([1, 1, 1, 1]);
  const left = all.slice(1);
  const at = (key: string, from: readonly Endpoint[]): Endpoint | undefined =>
    choose(from, { by: 'hash', random: () => 0, turn: 0, hash: hashText(key) });
  const keys = Array.from({ length: 500 }, (_, n) => `user-${n}`);
  for (const key of keys) if (at(key, all) !== all[0]) expect(at(key, left)).toBe(at(key, all));
});
