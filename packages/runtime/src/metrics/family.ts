// One metric family as flat numbers: series are found by their labels once, then changed in place by whoever holds them.
// Histograms are families whose series have several cells (a bucket each, then the sum); counters and gauges have one.
// Text is prom-client's affair (exposition.ts), crossing threads snapshot.ts's.
import { MeshError } from '../errors.ts';
import type { Ms } from '../time.ts';
import type { LabelRow, LabelSet } from './labels.ts';

export type Kind = 'counter' | 'gauge' | 'histogram';

/** A number that the hot path changes in place: `series.value += n`. Keep it as long as you like. */
class Cell {
  value = 0;
  /** What other threads have been told of the value. */
  sent = 0;
  /** Value when the last sweep passed. */
  seen = 0;
  /** Keeps the entry reachable from whoever holds the cell. */
  readonly entry: Entry;

  constructor(entry: Entry) {
    this.entry = entry;
  }
}

/** The series that callers hold is its first cell. */
export type Series = Cell;

/** A series with its labels. */
export class Entry {
  readonly id: number;
  readonly labels: LabelRow;
  readonly cells: readonly Cell[];
  changedAt: Ms | undefined;

  constructor(id: number, labels: LabelRow, width: number) {
    this.id = id;
    this.labels = labels;
    this.cells = Array.from({ length: width }, () => new Cell(this));
  }
}

export interface FamilyOptions<L extends string> {
  /** Counters without `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  readonly unit: string | undefined;
  readonly labels: LabelSet<L>;
  /** Upper bounds, ascending, without +Inf; only histograms have any. */
  readonly buckets: readonly number[];
}

export interface Sweep {
  readonly now: Ms;
  /** How long a series that is no longer needed must have been unchanged. */
  readonly unusedFor: Ms;
  /** Is the series still about something that exists? Asked with its label values. */
  readonly needed: (values: readonly string[]) => boolean;
}

export type MetricsFault =
  | { readonly code: 'metrics.bad-labels' | 'metrics.duplicate'; readonly family: string }
  | { readonly code: 'metrics.snapshot-missing'; readonly worker: string };

export class Family<L extends string> {
  readonly options: FamilyOptions<L>;
  readonly #width: number;
  readonly #entries = new Map<LabelRow, Entry>();
  /** Evicted, but perhaps still held by a connection: if such a series changes again, it comes back with its value. */
  readonly #evicted = new Map<LabelRow, WeakRef<Entry>>();
  #nextId = 0;

  constructor(options: FamilyOptions<L>) {
    this.options = options;
    this.#width = options.kind === 'histogram' ? options.buckets.length + 2 : 1;
  }

  /** The series of these label values, made at first use; fewer values leave the last labels away. */
  series(values: readonly string[]): Series {
    return this.seriesOf(this.options.labels.row(values));
  }

  /** The series of a row of this family's own label set; saves the look-up of the values. */
  seriesOf(row: LabelRow): Series {
    return firstCell(this.entryOf(row));
  }

  /** The series of named labels; for families that are not hot. */
  with(labels: Readonly<Record<L, string>>): Series {
    return this.seriesOf(this.options.labels.rowOf(labels));
  }

  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  has(entry: Entry): boolean {
    return this.#entries.get(entry.labels) === entry;
  }

  entryOf(row: LabelRow): Entry {
    const known = this.#entries.get(row);
    if (known !== undefined) return known;
    if (row.values.length > row.names.length) {
      throw new MeshError<MetricsFault>(
        { code: 'metrics.bad-labels', family: this.options.name },
        `${this.options.name} has fewer labels than the values given`,
      );
    }
    const entry = this.#evicted.get(row)?.deref() ?? new Entry(this.#nextId++, row, this.#width);
    this.#evicted.delete(row);
    this.#entries.set(row, entry);
    return entry;
  }

  /** Evicts what is neither needed nor lately changed (a gauge only at zero), and takes back what changed after its eviction. */
  sweep({ now, unusedFor, needed }: Sweep): void {
    for (const [row, held] of this.#evicted) {
      const entry = held.deref();
      if (entry === undefined) this.#evicted.delete(row);
      else if (changed(entry)) this.entryOf(row);
    }
    for (const [row, entry] of this.#entries) {
      if (entry.changedAt === undefined || changed(entry)) entry.changedAt = now;
      for (const cell of entry.cells) cell.seen = cell.value;
      const holding = this.options.kind === 'gauge' && firstCell(entry).value !== 0;
      if (holding || now - entry.changedAt < unusedFor || needed(row.values)) continue;
      this.#entries.delete(row);
      this.#evicted.set(row, new WeakRef(entry));
    }
  }
}

export function firstCell(entry: Entry): Cell {
  const [cell] = entry.cells;
  if (cell === undefined) throw new TypeError('a series has at least one cell');
  return cell;
}

const changed = (entry: Entry): boolean => entry.cells.some((cell) => cell.value !== cell.seen);
