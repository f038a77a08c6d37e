// docs/metrics-cni-agent.md against what the program declares: names, types and labels, in both directions.
// What the numbers mean is tested where they are counted.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Collected, Metrics } from '@ambient-mesh/runtime/metrics';
import { expect, test } from 'vitest';
import { Members } from './apply/members.ts';
import { Outsiders } from './apply/outsiders.ts';
import { openLog } from './log.ts';
import { Reports } from './reports.ts';
import { Telemetry } from './telemetry.ts';

type Catalogue = Record<string, { readonly type: string; readonly labels: readonly string[] }>;
const labelsOf = (labels: Parameters<Metrics['counter']>[2]): readonly string[] => ('names' in labels ? labels.names : labels);

/** Notes what is declared, beside declaring it. */
class NotingMetrics extends Metrics {
  readonly noted: Catalogue = {};

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

function documented(): Catalogue {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/metrics-cni-agent.md'), 'utf8');
  const rows = page.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]+) \| [^|]+ \|$/gm);
  const labels = (cell: string): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = '']) => name);
  return Object.fromEntries(Array.from(rows, ([, name = '', type = '', cell = '']) => [name, { type, labels: labels(cell) }]));
}

test('docs/metrics-cni-agent.md and the program name the same metrics, with the same types and labels', () => {
  const metrics = new NotingMetrics();
  const reports = new Reports(openLog('error'), new Telemetry(metrics));
  const silent = { warn: () => {}, recovered: () => {}, shut: () => {} };
  reports.collect(metrics, new Outsiders(silent), new Members());
  expect(documented()).toEqual(metrics.noted);
});
