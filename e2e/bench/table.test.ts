// The printed table, whole.
import { expect, test } from 'vitest';
import type { Figure } from './figures.ts';
import { table } from './table.ts';

const common = { bench: 'bulk', case: '1 stream', metric: 'throughput', unit: 'Gbit/s', ours: 5.5 };

test('a line for each peer of a metric: ours, the direct way, the peer, the ratio, the target and whether it is kept', () => {
  const figures: readonly Figure[] = [
    { ...common, peer: 'direct', theirs: 27.25, ratio: 0.2 },
    { ...common, peer: 'HAProxy TLS pair', theirs: 7.5, ratio: 0.733 },
    { ...common, peer: 'nginx hop', theirs: 5.5, ratio: 1 },
    { bench: 'latency', case: 'slow', metric: 'p50', unit: 'ms', ours: 2, peer: 'no waypoint', theirs: 1, ratio: 2 },
    { bench: 'memory', case: 'idle', metric: 'idle process', unit: 'MB', ours: 90, peer: null, theirs: null, ratio: null },
    { bench: 'model', case: 'small', metric: 'look-up', unit: '1/s', ours: 1_234_567, peer: null, theirs: null, ratio: null },
  ];
  expect(table(figures).split('\n')).toEqual([
    'case            metric                   ours  direct  peer                    ours/peer  target',
    'bulk: 1 stream  throughput, Gbit/s        5.5   27.25   7.5  HAProxy TLS pair       0.73  >= 0.75 x  short',
    'bulk: 1 stream  throughput, Gbit/s        5.5   27.25   5.5  nginx hop              1.00',
    'latency: slow   p50, ms                     2       1',
    'memory: idle    idle process, MB           90                                             <= 95      ok',
    'model: small    look-up, 1/s        1,235,000                                             >= 500000  ok',
  ]);
});
