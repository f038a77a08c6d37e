// The number of data threads: every rule and its rank, and what its variables may say.
// Beside worker-threads.ts; that the settings reach it is config.test.ts.
// Bounds are checked with anything at all, because a thread too many costs memory in every pod.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CpuFacts, parseCpuQuantity, parseWantedThreads, workerThreads } from './worker-threads.ts';

const rows: readonly (readonly [rule: string, facts: CpuFacts, want: number])[] = [
  ['a quarter of the CPUs', { cpus: 16 }, 4],
  ['rounded up', { cpus: 17 }, 5],
  ['but at least 2', { cpus: 1 }, 2],
  ['a request above that counts', { cpus: 16, resourceRequest: 6 }, 6],
  ['a request below it does not', { cpus: 16, resourceRequest: 1 }, 4],
  ['a limit counts instead of the share', { cpus: 64, resourceLimit: 3 }, 3],
  ['a limit of 1 is enough for 1 thread', { cpus: 64, resourceLimit: 1 }, 1],
  ['a request above the limit counts', { cpus: 64, resourceLimit: 3, resourceRequest: 5 }, 5],
  ['a limit of nothing still leaves 1', { cpus: 64, resourceLimit: 0 }, 1],
  ['the CPU limit stands for the machine where a share is taken', { cpus: 64, cpuLimit: 12 }, 3],
  ['concurrency beats limit and request', { cpus: 16, concurrency: 3, resourceLimit: 8, resourceRequest: 8 }, 3],
  ['concurrency 0 means all CPUs', { cpus: 16, concurrency: 0 }, 16],
  ['concurrency 0 means the CPU limit, if there is one', { cpus: 16, concurrency: 0, cpuLimit: 6 }, 6],
  ['what was asked for beats everything', { cpus: 16, wanted: { threads: 7 }, concurrency: 3, resourceLimit: 8 }, 7],
  ['0 threads means all CPUs', { cpus: 16, wanted: { threads: 0 } }, 16],
  ['a share of the CPUs', { cpus: 16, wanted: { percent: 50 } }, 8],
  ['a share is rounded up', { cpus: 16, wanted: { percent: 10 } }, 2],
  ['a small share is 1 thread', { cpus: 4, wanted: { percent: 1 } }, 1],
  ['a share of the CPU limit', { cpus: 64, cpuLimit: 10, wanted: { percent: 100 } }, 10],
  ['never more than 1024', { cpus: 16, resourceLimit: 1e9 }, 1024],
];
test.each(rows)('%s', (_, facts, want) => {
  expect(workerThreads(facts)).toBe(want);
});

test('whatever the facts, from 1 to 1024 whole threads', () => {
  const count = fc.option(fc.nat(), { nil: undefined });
  const wanted = fc.option(
    fc.oneof(fc.record({ threads: fc.nat(1024) }), fc.record({ percent: fc.double({ min: 0.001, max: 100, noNaN: true }) })),
    { nil: undefined },
  );
  const facts = fc.record({
    cpus: fc.integer({ min: 1, max: 1e6 }),
    wanted,
    cpuLimit: fc.option(fc.integer({ min: 1, max: 4096 }), { nil: undefined }),
    resourceLimit: count,
    resourceRequest: count,
    concurrency: count,
  });
  fc.assert(fc.property(facts, (f) => Number.isInteger(workerThreads(f)) && workerThreads(f) >= 1 && workerThreads(f) <= 1024));
});

describe('ZTUNNEL_WORKER_THREADS', () => {
  const texts: readonly (readonly [text: string, want: object | undefined])[] = [
    ['3', { threads: 3 }],
    ['0', { threads: 0 }],
    ['1024', { threads: 1024 }],
    ['1025', undefined],
    ['25%', { percent: 25 }],
    ['12.5%', { percent: 12.5 }],
    ['100%', { percent: 100 }],
    ['101%', undefined],
    ['0%', undefined],
    ['%', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['all', undefined],
    ['', undefined],
    [' 3', undefined],
  ];
  test.each(texts)('%j', (text, want) => {
    expect(parseWantedThreads(text)).toEqual(want);
  });
});

describe('CPU quantities are rounded up to whole CPUs', () => {
  const texts: readonly (readonly [text: string, want: number | undefined])[] = [
    ['2', 2],
    ['1.5', 2],
    ['500m', 1],
    ['1001m', 2],
    ['2000m', 2],
    ['0', 0],
    ['1.5m', undefined],
    ['2 ', undefined],
    ['-1', undefined],
    ['2Gi', undefined],
    ['', undefined],
  ];
  test.each(texts)('%j', (text, want) => {
    expect(parseCpuQuantity(text)).toBe(want);
  });
});
