// The metrics of a process: families by name, their text for a scraper, and their exchange between threads.
// Each module declares the families that it counts, typed by their labels; whoever holds a series changes its `value` in place.
// Families: metrics/family.ts. Worker threads: metrics/snapshot.ts. Text: metrics/exposition.ts.
import { MeshError } from './errors.ts';
import { Exposition, printable } from './metrics/exposition.ts';
import { Family, type Kind, type MetricsFault, type Sweep } from './metrics/family.ts';
import { Histogram } from './metrics/histogram.ts';
import { LabelSet } from './metrics/labels.ts';
import { type Snapshot, SnapshotMerger, SnapshotTaker } from './metrics/snapshot.ts';

export type { Family, Series } from './metrics/family.ts';
export type { Snapshot } from './metrics/snapshot.ts';

export interface CounterOptions {
  /** Printed as a UNIT line; the name must end in it (before `_total`). */
  readonly unit?: string;
}

/** A family whose numbers are read when someone asks, such as open descriptors; its help is printed as given. */
export interface Collected<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly kind: Exclude<Kind, 'histogram'>;
  readonly labels: readonly L[];
  readonly read: () => Iterable<readonly [labels: Readonly<Record<L, string>>, value: number]>;
}

type Labels<L extends string> = readonly L[] | LabelSet<L>;

export class Metrics {
  readonly #families = new Map<string, Family<string>>();
  readonly #exposition = new Exposition();
  readonly #taker = new SnapshotTaker();
  readonly #workers = new Map<string, SnapshotMerger>();

  /** A set to share between families with the same labels, so that each combination is kept once. */
  labels<const L extends string>(names: readonly L[]): LabelSet<L> {
    return new LabelSet(names);
  }

  /** Names are given with their `_total`, as they are printed; help gets its full stop here. */
  counter<const L extends string>(name: string, help: string, labels: Labels<L>, { unit }: CounterOptions = {}): Family<L> {
    const options = {
      name: name.replace(/_total$/, ''),
      help: `${help}.`,
      kind: 'counter',
      unit,
      labels: asSet(labels),
      buckets: [],
    } as const;
    return this.#add(new Family<L>(options));
  }

  gauge<const L extends string>(name: string, help: string, labels: Labels<L>): Family<L> {
    return this.#add(new Family<L>({ name, help: `${help}.`, kind: 'gauge', unit: undefined, labels: asSet(labels), buckets: [] }));
  }

  /** `buckets`: upper bounds, ascending, without +Inf. */
  histogram<const L extends string>(name: string, help: string, labels: Labels<L>, buckets: readonly number[]): Histogram<L> {
    return this.#add(new Histogram<L>({ name, help: `${help}.`, kind: 'histogram', unit: undefined, labels: asSet(labels), buckets }));
  }

  collected<const L extends string>({ name, help, kind, read }: Collected<L>): void {
    const samples = () => Array.from(read(), ([labels, value]) => ({ labels, value }));
    this.#exposition.add({ name: name.replace(/_total$/, ''), help, kind, unit: undefined, samples });
  }

  /** OpenMetrics text of every family that has a sample. */
  text(): Promise<string> {
    return this.#exposition.text();
  }

  /** In a worker: by how much its series changed since the last snapshot. */
  snapshot(): Snapshot {
    return this.#taker.take(this.#families.values());
  }

  /** In the main thread: adds a worker's snapshot. Throws `metrics.snapshot-missing` if one before it did not come. */
  merge(worker: string, snapshot: Snapshot): void {
    const merger = this.#workers.get(worker) ?? new SnapshotMerger();
    this.#workers.set(worker, merger);
    if (merger.merge(snapshot, (name) => this.#families.get(name)) === 'merged') return;
    throw new MeshError<MetricsFault>(
      { code: 'metrics.snapshot-missing', worker },
      `metrics snapshot ${snapshot.number} of worker ${worker} does not follow the last one`,
    );
  }

  /** A worker has ended for good: its counts stay, its gauges fall by what it held. */
  settle(worker: string): void {
    this.#workers.get(worker)?.settle();
    this.#workers.delete(worker);
  }

  /** Evicts unused series from every family over this set of labels. In a worker, take a snapshot first. */
  sweep<L extends string>(labels: LabelSet<L>, sweep: Sweep): void {
    for (const family of this.#families.values()) if (family.options.labels === labels) family.sweep(sweep);
  }

  #add<F extends Family<string>>(family: F): F {
    const { name } = family.options;
    if (this.#families.has(name))
      throw new MeshError<MetricsFault>({ code: 'metrics.duplicate', family: name }, `the metric ${name} is declared twice`);
    this.#families.set(name, family);
    this.#exposition.add(printable(family));
    return family;
  }
}

function asSet<L extends string>(labels: Labels<L>): LabelSet<L> {
  return labels instanceof LabelSet ? labels : new LabelSet(labels);
}
