// What is measured of the process itself when someone asks: descriptors, memory, CPU, build, and its threads.
// Registered once by app.ts in the main thread. Reads /proc; a value that cannot be read is left out, never invented.
// The tokio_* names are those that dashboards of Istio's ztunnel use; only those with an honest counterpart here are given.
import { readdirSync, readFileSync } from 'node:fs';
import type { Metrics } from '@ambient-mesh/runtime/metrics';

/** One thread that moves bytes. */
export interface DataThread {
  readonly name: string;
  /** Seconds that its event loop was not waiting for something to happen, since its start. */
  readonly busySeconds: () => number;
}

export interface ProcessFacts {
  /** `component` and `tag` of istio_build. */
  readonly component: string;
  readonly istioVersion: string;
  readonly threads: () => readonly DataThread[];
}

export function registerProcessMetrics(metrics: Metrics, facts: ProcessFacts): void {
  const one = (name: string, help: string, kind: 'counter' | 'gauge', read: () => number | undefined): void => {
    metrics.collected({ name, help, kind, labels: [], read: () => present(read()) });
  };
  metrics.collected({
    name: 'istio_build',
    help: 'Istio component build info',
    kind: 'gauge',
    labels: ['component', 'tag'],
    read: () => [[{ component: facts.component, tag: facts.istioVersion }, 1]],
  });
  one('process_open_fds', 'Number of open file descriptors', 'gauge', openDescriptors);
  one('process_max_fds', 'Maximum number of open file descriptors', 'gauge', maxDescriptors);
  one('process_resident_memory_bytes', 'Resident memory size in bytes', 'gauge', () => process.memoryUsage.rss());
  one('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds', 'counter', cpuSeconds);
  one('process_start_time_seconds', 'Start time of the process since unix epoch in seconds', 'gauge', () => performance.timeOrigin / 1_000);
  one('tokio_num_workers', 'The number of threads that move data', 'gauge', () => facts.threads().length);
  metrics.collected({
    name: 'tokio_worker_total_busy_duration_seconds_total',
    help: 'The time in seconds that a data thread has been busy',
    kind: 'counter',
    labels: ['worker'],
    read: () => facts.threads().map(({ name, busySeconds }) => [{ worker: name }, busySeconds()] as const),
  });
}

const present = (value: number | undefined): readonly (readonly [Record<never, string>, number])[] =>
  value === undefined ? [] : [[{}, value]];

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Without the one that the listing itself needs. */
function openDescriptors(): number | undefined {
  return attempt(() => readdirSync('/proc/self/fd').length - 1);
}

/** The soft limit. */
function maxDescriptors(): number | undefined {
  const limits = attempt(() => readFileSync('/proc/self/limits', 'utf8'));
  const soft = /^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
