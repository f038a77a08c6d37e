// What has been promised, and whether a figure keeps it. Pure.
// The numbers are those of README's "How fast" and hold for one data worker; a missed one is reported, it fails nothing.
import type { Figure } from './figures.ts';

export interface Target {
  readonly at: 'least' | 'most';
  readonly bound: number;
  /** Which number of the figure it is about. */
  readonly of: 'ours' | 'ratio';
}

/** Absent fields match everything. */
interface Promised extends Target {
  readonly bench: string;
  readonly case?: RegExp;
  readonly metric: RegExp;
  readonly peer?: Figure['peer'];
}

const pair = 'HAProxy TLS pair';

const promises: readonly Promised[] = [
  { bench: 'bulk', metric: /^throughput$/, peer: pair, at: 'least', bound: 0.75, of: 'ratio' },
  { bench: 'local', metric: /^throughput$/, peer: 'HAProxy relay', at: 'least', bound: 1, of: 'ratio' },
  { bench: 'http', metric: /^requests$/, peer: pair, at: 'least', bound: 0.85, of: 'ratio' },
  { bench: 'connect', metric: /^requests$/, peer: pair, at: 'least', bound: 4, of: 'ratio' },
  { bench: 'latency', metric: /^added p50$/, at: 'most', bound: 0.25, of: 'ours' },
  { bench: 'latency', metric: /^added p99$/, at: 'most', bound: 1, of: 'ours' },
  { bench: 'memory', metric: /^idle process$/, at: 'most', bound: 95, of: 'ours' },
  { bench: 'memory', metric: /^per idle connection/, at: 'most', bound: 20, of: 'ours' },
  { bench: 'model', case: /100000/, metric: /^time$/, at: 'most', bound: 3_000, of: 'ours' },
  { bench: 'model', case: /100000/, metric: /^heap$/, at: 'most', bound: 200, of: 'ours' },
  { bench: 'model', metric: /^look-up/, at: 'least', bound: 500_000, of: 'ours' },
  { bench: 'control', case: /^10000 pods$/, metric: /^snapshot after list$/, at: 'most', bound: 1.5, of: 'ours' },
  { bench: 'control', case: /^10000 pods$/, metric: /^memory when ready$/, at: 'most', bound: 450, of: 'ours' },
  { bench: 'control', case: /pods$/, metric: /^on the wire per workload$/, at: 'most', bound: 450, of: 'ours' },
  { bench: 'control', case: /^50000 pods$/, metric: /^snapshot after list$/, at: 'most', bound: 8, of: 'ours' },
  { bench: 'control', case: /^50000 pods$/, metric: /^memory when ready$/, at: 'most', bound: 1_400, of: 'ours' },
  { bench: 'control', case: /^100 clients/, metric: /^CPU$/, at: 'most', bound: 0.5, of: 'ours' },
  { bench: 'control', case: /^100 clients/, metric: /p99$/, at: 'most', bound: 200, of: 'ours' },
  { bench: 'control', case: /^one policy/, metric: /p50$/, at: 'most', bound: 15, of: 'ours' },
  { bench: 'control', case: /^one policy/, metric: /p99$/, at: 'most', bound: 50, of: 'ours' },
  { bench: 'control', case: /^certificates/, metric: /^signed per core$/, at: 'least', bound: 500, of: 'ours' },
  { bench: 'model', case: /^100 policies$/, metric: /^decisions$/, at: 'least', bound: 200_000, of: 'ours' },
  { bench: 'waypoint', case: /^HTTP\/1/, metric: /^requests$/, peer: 'HAProxy hop', at: 'least', bound: 0.5, of: 'ratio' },
  { bench: 'waypoint', case: /^(HTTP\/2|gRPC)/, metric: /^requests$/, peer: 'nghttpx hop', at: 'least', bound: 0.5, of: 'ratio' },
  { bench: 'waypoint', metric: /^added p50$/, at: 'most', bound: 0.6, of: 'ours' },
  { bench: 'waypoint', metric: /^added p99$/, at: 'most', bound: 3, of: 'ours' },
  { bench: 'waypoint', case: /routes/, metric: /^requests$/, at: 'least', bound: 0.9, of: 'ratio' },
  { bench: 'waypoint', case: /routes/, metric: /^more memory$/, at: 'most', bound: 60, of: 'ours' },
  { bench: 'waypoint', case: /routes/, metric: /^change to effect p99$/, at: 'most', bound: 100, of: 'ours' },
  { bench: 'waypoint', case: /^bodies/, metric: /^throughput$/, at: 'least', bound: 3, of: 'ours' },
  { bench: 'waypoint', case: /^bodies/, metric: /^most RSS/, at: 'most', bound: 30, of: 'ours' },
];

export function targetOf(figure: Figure): Target | undefined {
  return promises.find(
    (promise) =>
      promise.bench === figure.bench &&
      promise.metric.test(figure.metric) &&
      (promise.case?.test(figure.case) ?? true) &&
      (promise.peer === undefined || promise.peer === figure.peer),
  );
}

/** Undefined when the figure lacks the number that the target is about. */
export function keeps(figure: Figure, target: Target): boolean | undefined {
  const value = figure[target.of];
  if (value === null) return undefined;
  return target.at === 'least' ? value >= target.bound : value <= target.bound;
}
