// docs/metrics.md against what the program declares: names, types and labels, in both directions.
// Beside telemetry.ts; every module that declares metrics is built here, and the sources are searched for one that was forgotten.
// What the numbers mean is tested where they are counted.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Log } from '@ambient-mesh/runtime/log';
import { type Collected, Metrics } from '@ambient-mesh/runtime/metrics';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import { configure } from '../config.ts';
import type { DataPlane } from '../dataplane/data-plane.ts';
import { Enrolment } from '../pods/enrolment.ts';
import { startXds } from '../xds.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { Telemetry } from './telemetry.ts';

interface Described {
  readonly type: string;
  readonly labels: readonly string[];
}
type Catalogue = Readonly<Record<string, Described>>;

const labelsOf = (labels: Parameters<Metrics['counter']>[2]): readonly string[] => ('names' in labels ? labels.names : labels);

/** Notes what is declared, beside declaring it. */
class NotingMetrics extends Metrics {
  readonly noted: Record<string, Described> = {};

  override counter<const L extends string>(...[name, help, labels, options]: Parameters<typeof Metrics.prototype.counter<L>>) {
    this.noted[name] = { type: 'counter', labels: labelsOf(labels) };
    return super.counter<L>(name, help, labels, options);
  }
  override gauge<const L extends string>(...[name, help, labels]: Parameters<typeof Metrics.prototype.gauge<L>>) {
    this.noted[name] = { type: 'gauge', labels: labelsOf(labels) };
    return super.gauge<L>(name, help, labels);
  }
  override histogram<const L extends string>(...[name, help, labels, buckets]: Parameters<typeof Metrics.prototype.histogram<L>>) {
    this.noted[name] = { type: 'histogram', labels: labelsOf(labels) };
    return super.histogram<L>(name, help, labels, buckets);
  }
  override collected<const L extends string>(family: Collected<L>): void {
    this.noted[family.name] = { type: family.kind, labels: family.labels };
    super.collected(family);
  }
}

async function declared(): Promise<Catalogue> {
  const metrics = new NotingMetrics();
  const clock = fakeClock();
  const log = new Log({ format: 'plain', directives: 'off', write: () => {}, clock });
  const plane: DataPlane = {
    threads: [],
    send: async () => {},
    metrics: async () => [],
    connections: async () => [],
    [Symbol.asyncDispose]: async () => {},
  };
  new Telemetry(metrics, log, clock);
  registerProcessMetrics(metrics, { component: 'ztunnel', istioVersion: 'unknown', threads: () => [] });
  const random = () => 0.5;
  new Enrolment({ socketPath: '/nowhere', plane, readiness: new Readiness(), metrics, log: log.for('inpod'), clock, random });
  const configured = configure({ env: {}, cpus: 1, meshConfig: undefined });
  if ('mistakes' in configured) throw new Error(configured.mistakes.join(' '));
  const nothing = () => {};
  const xds = {
    config: configured.ok,
    address: 'https://127.0.0.1:1',
    apply: nothing,
    synced: nothing,
    metrics,
    log,
    clock,
    onLost: nothing,
  };
  await startXds(xds, AbortSignal.abort());
  return metrics.noted;
}

const quoted = (text: string): string[] => Array.from(text.matchAll(/`([^`]+)`/g), ([, name = '']) => name);

/** Rows of four cells whose second is a type; a word among the labels that is not in backticks names a set of the page's own. */
function documented(): Catalogue {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/metrics.md'), 'utf8');
  const sets = new Map(
    Array.from(page.matchAll(/^\* \*\*(\w+)\*\*:(.*(?:\n {2}.*)*)/gm), ([, name = '', list = '']) => [name, quoted(list)]),
  );
  const labels = (cell: string): readonly string[] =>
    cell.split(', ').flatMap((word) => (word === 'none' ? [] : (sets.get(word) ?? quoted(word))));
  const rows = page.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]+) \| [^|]+ \|$/gm);
  return Object.fromEntries(Array.from(rows, ([, name = '', type = '', cell = '']) => [name, { type, labels: labels(cell) }]));
}

test('docs/metrics.md and the program name the same metrics, with the same types and labels', async () => {
  expect(documented()).toEqual(await declared());
});

test('no file of the ztunnel declares a metric that this test does not see', async () => {
  const sources = globSync('**/*.ts', { cwd: join(import.meta.dirname, '..'), exclude: ['**/*.test.ts', '**/testing/**'] });
  const text = sources.map((file) => readFileSync(join(import.meta.dirname, '..', file), 'utf8')).join('\n');
  const named = new Set(Array.from(text.matchAll(/'((?:istio|ambient|process|tokio|workload_manager)_[a-z_]+)'/g), ([, name]) => name));
  expect([...named].sort()).toEqual(Object.keys(await declared()).sort());
});
