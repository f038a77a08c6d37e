// Who is put aside, for how long, and when nobody is.
import type { OutlierDetection } from '@ambient-mesh/model/l7/destination';
import { workload } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { Endpoint } from './endpoint.ts';
import { Links } from './links.ts';
import { type AttemptResult, healthy, noteResult } from './outliers.ts';

const rules: OutlierDetection = {
  consecutive5xx: 3,
  consecutiveGatewayErrors: 0,
  interval: 10_000,
  baseEjection: 30_000,
  maxEjected: 50,
  minHealthy: 0,
};

function endpoints(count: number): Endpoint[] {
  const ports = { open: async () => Promise.reject(new Error('unused')), mayOpen: () => true, clock: fakeClock() };
  return Array.from({ length: count }, (_, at) => {
    const links = new Links(ports, { idle: ms(1), requestsPerConnection: 0 });
    return new Endpoint({ workload: workload({ name: `s${at}` }), port: 80 }, links);
  });
}

const times = (count: number, of: Endpoint, result: AttemptResult, scene: Parameters<typeof noteResult>[2]): boolean =>
  Array.from({ length: count }, () => noteResult(of, result, scene)).includes(true);

const rows: readonly (readonly [rule: string, rules: Partial<OutlierDetection>, results: readonly AttemptResult[], ejected: boolean])[] = [
  ['as many 5xx in a row as are named', {}, [{ status: 500 }, { status: 503 }, { status: 500 }], true],
  ['one good answer in between starts the count anew', {}, [{ status: 500 }, { status: 500 }, { status: 200 }, { status: 500 }], false],
  ['4xx are good answers', {}, [{ status: 404 }, { status: 429 }, { status: 400 }], false],
  ['failures to connect count like 5xx', {}, [{ local: true }, { local: true }, { local: true }], true],
  ['gateway errors alone', { consecutive5xx: 0, consecutiveGatewayErrors: 2 }, [{ status: 503 }, { status: 502 }], true],
  ['500 is no gateway error', { consecutive5xx: 0, consecutiveGatewayErrors: 2 }, [{ status: 500 }, { status: 500 }], false],
  ['local failures alone', { consecutive5xx: 0, consecutiveLocalFailures: 2 }, [{ local: true }, { local: true }], true],
  ['all off', { consecutive5xx: 0 }, [{ status: 500 }, { status: 500 }, { status: 500 }, { status: 500 }], false],
];
for (const [rule, given, results, ejected] of rows)
  test(rule, () => {
    const all = endpoints(4);
    const [first] = all as [Endpoint];
    const scene = { rules: { ...rules, ...given }, all, now: 1_000 };
    expect(results.map((result) => noteResult(first, result, scene)).includes(true)).toBe(ejected);
    expect(healthy(all, scene.rules, 1_000)).toHaveLength(ejected ? 3 : 4);
  });

test('it comes back after its time, and stays out longer the next time', () => {
  const all = endpoints(4);
  const [first] = all as [Endpoint];
  expect(times(3, first, { status: 500 }, { rules, all, now: 0 })).toBe(true);
  expect([healthy(all, rules, 29_999).length, healthy(all, rules, 30_000).length]).toEqual([3, 4]);
  expect(times(3, first, { status: 500 }, { rules, all, now: 30_001 })).toBe(true);
  expect([healthy(all, rules, 90_000).length, healthy(all, rules, 90_001).length]).toEqual([3, 4]);
});
test('after a long quiet time it is as if nothing had been', () => {
  const all = endpoints(4);
  const [first] = all as [Endpoint];
  times(3, first, { status: 500 }, { rules, all, now: 0 });
  times(3, first, { status: 500 }, { rules, all, now: 1_000_000 });
  expect(first.ejectedUntil).toBe(1_030_000);
});
test('no more than the share that may be out', () => {
  const all = endpoints(4);
  for (const each of all) times(3, each, { status: 500 }, { rules, all, now: 0 });
  expect(healthy(all, rules, 0)).toHaveLength(2);
});
test('one may always be out, however few there are', () => {
  const all = endpoints(2);
  for (const each of all) times(3, each, { status: 500 }, { rules: { ...rules, maxEjected: 10 }, all, now: 0 });
  expect(healthy(all, rules, 0)).toHaveLength(1);
});
test('where too few would be left all are used', () => {
  const all = endpoints(4);
  for (const each of all.slice(0, 2)) times(3, each, { status: 500 }, { rules, all, now: 0 });
  expect(healthy(all, { ...rules, minHealthy: 60 }, 0)).toHaveLength(4);
  expect(healthy(all, { ...rules, minHealthy: 40 }, 0)).toHaveLength(2);
});
test('a single endpoint is used even when it is out', () => {
  const all = endpoints(1);
  times(3, all[0] as Endpoint, { status: 500 }, { rules, all, now: 0 });
  expect(healthy(all, rules, 0)).toHaveLength(1);
});
