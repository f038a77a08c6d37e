// Label values interned as rows: families with the same labels share one row per combination, so 27 strings are kept once.
// A row also carries the object that prom-client prints; it caches that text, so a scrape does not build it again.

/** What may be shown of a series: its label values, in the order of the set's names. */
export interface LabelRow {
  /** Of the set that it was made by, which may be another than the family's: then the series has those labels. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly object: Readonly<Record<string, string>>;
}

/** Joins values into a key. Two rows whose values hold NUL themselves may be taken for one; nothing worse comes of it. */
const separator = '\u0000';

/** An ordered set of label names and every row in use. */
export class LabelSet<L extends string> {
  readonly names: readonly L[];
  readonly #rows = new Map<string, WeakRef<LabelRow>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#rows.get(key)?.deref() === undefined) this.#rows.delete(key);
  });

  constructor(names: readonly L[]) {
    this.names = names;
  }

  /** The row of these values. Fewer values than names leave the last labels away (not empty: absent). */
  row(values: readonly string[]): LabelRow {
    const key = values.join(separator);
    const known = this.#rows.get(key)?.deref();
    if (known !== undefined) return known;
    const row: LabelRow = {
      names: this.names,
      values: [...values],
      object: Object.fromEntries(values.map((value, at) => [this.names[at] ?? `extra_${at}`, value])),
    };
    this.#rows.set(key, new WeakRef(row));
    this.#collected.register(row, key);
    return row;
  }

  /** The row of named values. */
  rowOf(labels: Readonly<Record<L, string>>): LabelRow {
    return this.row(this.names.map((name) => labels[name]));
  }
}
