// A histogram over a family: one cell per bucket, one for what lies above, and one for the sum.
// Buckets are counted apart here and added up only when they are printed.
import { type Entry, Family, type FamilyOptions } from './family.ts';
import type { LabelRow } from './labels.ts';

export class Histogram<L extends string> extends Family<L> {
  /** Counts one value, in the family's unit. */
  observe(labels: Readonly<Record<L, string>>, value: number): void {
    this.observeRow(this.options.labels.rowOf(labels), value);
  }

  /** The same for a row of this family's own label set; saves the look-up of the values. */
  observeRow(row: LabelRow, value: number): void {
    const { cells } = this.entryOf(row);
    const bounds = this.options.buckets;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] ?? 0)) at += 1;
    add(cells[at], 1);
    add(cells[bounds.length + 1], value);
  }
}

interface Sample {
  readonly metricName: string;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly sharedLabels: Readonly<Record<string, string>>;
}

const noLabels = {};

/** Cumulative buckets, sum and count of one series, as OpenMetrics wants them (bounds as canonical floats: `1.0`). */
export function histogramSamples({ name, buckets }: FamilyOptions<string>, entry: Entry): Sample[] {
  const sharedLabels = entry.labels.object;
  const samples: Sample[] = [];
  let total = 0;
  for (const [at, bound] of [...buckets, Number.POSITIVE_INFINITY].entries()) {
    total += entry.cells[at]?.value ?? 0;
    samples.push({ metricName: `${name}_bucket`, value: total, labels: { le: canonical(bound) }, sharedLabels });
  }
  const sum = entry.cells[buckets.length + 1]?.value ?? 0;
  samples.push({ metricName: `${name}_sum`, value: sum, labels: noLabels, sharedLabels });
  samples.push({ metricName: `${name}_count`, value: total, labels: noLabels, sharedLabels });
  return samples;
}

function canonical(bound: number): string {
  if (bound === Number.POSITIVE_INFINITY) return '+Inf';
  return Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

function add(cell: { value: number } | undefined, by: number): void {
  if (cell !== undefined) cell.value += by;
}
