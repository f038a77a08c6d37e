// Every promise once kept or broken, and figures about which nothing is promised.
import { expect, test } from 'vitest';
import type { Figure } from './figures.ts';
import { keeps, targetOf } from './targets.ts';

const base: Figure = {
  bench: 'bulk',
  case: '4 streams, upload',
  metric: 'throughput',
  unit: 'Gbit/s',
  ours: 6,
  peer: null,
  theirs: null,
  ratio: null,
};

const rows: readonly (readonly [name: string, figure: Partial<Figure>, want: boolean | 'no target'])[] = [
  ['bulk bytes are measured against the TLS pair', { peer: 'HAProxy TLS pair', ratio: 0.75 }, true],
  ['a ratio below the bound falls short', { peer: 'HAProxy TLS pair', ratio: 0.74 }, false],
  ['nothing is promised against the direct way', { peer: 'direct', ratio: 0.2 }, 'no target'],
  ['nothing is promised about CPU', { metric: 'CPU, client side', peer: 'HAProxy TLS pair', ratio: 2 }, 'no target'],
  ['on one node the relay is the measure', { bench: 'local', peer: 'HAProxy relay', ratio: 1.2 }, true],
  ['new connections must be four times as many', { bench: 'connect', metric: 'requests', peer: 'HAProxy TLS pair', ratio: 3.9 }, false],
  ['added latency has a ceiling', { bench: 'latency', metric: 'added p50', ours: 0.3 }, false],
  ['so has memory', { bench: 'memory', metric: 'idle process', ours: 94 }, true],
  ['of the model, the large load is judged', { bench: 'model', case: 'load 100000 workloads', metric: 'time', ours: 3_001 }, false],
  ['and the small one is not', { bench: 'model', case: 'load 10000 workloads', metric: 'time', ours: 3_001 }, 'no target'],
];

for (const [name, changes, want] of rows) {
  test(name, () => {
    const figure = { ...base, ...changes };
    const target = targetOf(figure);
    expect(target === undefined ? 'no target' : keeps(figure, target)).toBe(want);
  });
}

test('a figure without the number that the target is about is not judged', () => {
  expect(keeps(base, { at: 'least', bound: 1, of: 'ratio' })).toBeUndefined();
});
