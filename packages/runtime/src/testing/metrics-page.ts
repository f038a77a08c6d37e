// What a program declares of metrics, and what a page of docs/ says of them, in one form, so that a test of each program can compare the two.
// Borrowed through testing/index.ts by each program's metrics-doc.test.ts.
import { readFileSync } from 'node:fs';
import { type Collected, Metrics } from '../metrics.ts';

export interface DescribedMetric {
  readonly type: string;
  readonly labels: readonly string[];
}
export type MetricsCatalogue = Readonly<Record<string, DescribedMetric>>;

const labelsOf = (labels: Parameters<Metrics['counter']>[2]): readonly string[] => ('names' in labels ? labels.names : labels);

/** Notes what is declared, beside declaring it. */
export class NotingMetrics extends Metrics {
  readonly noted: Record<string, DescribedMetric> = {};

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

const quoted = (text: string): string[] => Array.from(text.matchAll(/`([^`]+)`/g), ([, name = '']) => name);

/**
 * Rows of four cells whose second is a type. A word among the labels that is not in backticks names a set of the page's own,
 * which is an item of a list that begins with the word in bold.
 */
export function metricsPage(path: string): MetricsCatalogue {
  const page = readFileSync(path, 'utf8');
  const sets = new Map(
    Array.from(page.matchAll(/^\* \*\*(\w+)\*\*:(.*(?:\n {2}.*)*)/gm), ([, name = '', list = '']) => [name, quoted(list)]),
  );
  const labels = (cell: string): readonly string[] =>
    cell.split(', ').flatMap((word) => (word === 'none' ? [] : (sets.get(word) ?? quoted(word))));
  const rows = page.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]+) \| [^|]+ \|$/gm);
  return Object.fromEntries(Array.from(rows, ([, name = '', type = '', cell = '']) => [name, { type, labels: labels(cell) }]));
}
