// Rows by key, found also by index, with a memory of who looked where: a change of a row marks everybody who read it, or read a place where it now is or was.
// Used by derivation.ts. Absent rows and empty index places can be read too: whoever found nothing hears when something comes.

/** A computation that can be out of date. */
export interface Dependant {
  /** Where it is registered, so that it can be taken out again. */
  readonly reads: Place[];
  markDirty(): void;
}

/** A row's place, or one value of one index. A place that holds nothing and that nobody reads leaves its table. */
export abstract class Place {
  readers: Set<Dependant> | undefined;

  abstract readonly isEmpty: boolean;
  protected abstract leave(): void;

  register(by: Dependant): void {
    if (this.readers === undefined) this.readers = new Set([by]);
    else if (this.readers.has(by)) return;
    else this.readers.add(by);
    by.reads.push(this);
  }

  forget(by: Dependant): void {
    this.readers?.delete(by);
    if (this.readers?.size === 0) this.readers = undefined;
    this.sweep();
  }

  mark(): void {
    if (this.readers !== undefined) for (const reader of this.readers) reader.markDirty();
  }

  sweep(): void {
    if (this.isEmpty && this.readers === undefined) this.leave();
  }
}

class RowPlace<V> extends Place {
  value: V | undefined;
  readonly #rows: Map<string, RowPlace<V>>;
  readonly #key: string;

  constructor(rows: Map<string, RowPlace<V>>, key: string) {
    super();
    this.#rows = rows;
    this.#key = key;
  }

  get isEmpty(): boolean {
    return this.value === undefined;
  }

  protected leave(): void {
    this.#rows.delete(this.#key);
  }
}

class IndexPlace extends Place {
  keys: Set<string> | undefined;
  readonly #places: Map<string, IndexPlace>;
  readonly #value: string;

  constructor(places: Map<string, IndexPlace>, value: string) {
    super();
    this.#places = places;
    this.#value = value;
  }

  get isEmpty(): boolean {
    return this.keys === undefined;
  }

  protected leave(): void {
    this.#places.delete(this.#value);
  }

  add(key: string): void {
    this.keys ??= new Set();
    this.keys.add(key);
  }

  remove(key: string): void {
    this.keys?.delete(key);
    if (this.keys?.size === 0) this.keys = undefined;
    this.sweep();
  }
}

/** Which values a row has in an index; none, one or many. */
export type Indexer<V> = (row: V, key: string) => readonly string[];

export interface TableOptions<V, I extends string> {
  readonly indexes: Readonly<Record<I, Indexer<V>>>;
  /** Whether a change makes no difference. Default: identity. */
  readonly same?: (before: V, after: V) => boolean;
}

export class Table<V, I extends string = never> {
  readonly #rows: Map<string, RowPlace<V>> = new Map();
  readonly #indexes: readonly { readonly name: I; readonly of: Indexer<V>; readonly places: Map<string, IndexPlace> }[];
  readonly #same: (before: V, after: V) => boolean;

  constructor({ indexes, same = Object.is }: TableOptions<V, I>) {
    this.#indexes = (Object.keys(indexes) as I[]).map((name) => ({ name, of: indexes[name], places: new Map() }));
    this.#same = same;
  }

  /** Undefined removes. */
  set(key: string, after: V | undefined): void {
    const place = this.#rows.get(key);
    const before = place?.value;
    if (before === undefined ? after === undefined : after !== undefined && this.#same(before, after)) return;
    const row = place ?? this.#place(key);
    row.value = after;
    row.mark();
    for (const index of this.#indexes) this.#reindex(index, key, before, after);
    row.sweep();
  }

  /** Without being remembered for it. */
  peek(key: string): V | undefined {
    return this.#rows.get(key)?.value;
  }

  /** Whether any row has this value in the index. Without being remembered for it. */
  holds(name: I, value: string): boolean {
    return this.#index(name).get(value)?.keys !== undefined;
  }

  read(key: string, by: Dependant): V | undefined {
    const place = this.#place(key);
    place.register(by);
    return place.value;
  }

  /** The rows of one value of an index, in the order in which they came to it. */
  *readBy(name: I, value: string, by: Dependant): Generator<V> {
    for (const key of this.keysBy(name, value, by)) {
      const row = this.#rows.get(key)?.value;
      if (row !== undefined) yield row;
    }
  }

  /** Their keys alone. Whoever asks hears of changes of the rows, too. */
  keysBy(name: I, value: string, by: Dependant): Iterable<string> {
    const place = indexPlace(this.#index(name), value);
    place.register(by);
    return place.keys ?? none;
  }

  #index(name: I): Map<string, IndexPlace> {
    for (const index of this.#indexes) if (index.name === name) return index.places;
    throw new TypeError(`no index ${name}`);
  }

  #place(key: string): RowPlace<V> {
    let place = this.#rows.get(key);
    if (place === undefined) {
      place = new RowPlace(this.#rows, key);
      this.#rows.set(key, place);
    }
    return place;
  }

  #reindex(
    { of, places }: { readonly of: Indexer<V>; readonly places: Map<string, IndexPlace> },
    key: string,
    before: V | undefined,
    after: V | undefined,
  ): void {
    const now = after === undefined ? none : of(after, key);
    for (const value of before === undefined ? none : of(before, key)) {
      const place = indexPlace(places, value);
      place.mark();
      if (!now.includes(value)) place.remove(key);
    }
    for (const value of now) {
      const place = indexPlace(places, value);
      place.mark();
      place.add(key);
    }
  }
}

const none: readonly string[] = [];

function indexPlace(places: Map<string, IndexPlace>, value: string): IndexPlace {
  let place = places.get(value);
  if (place === undefined) {
    place = new IndexPlace(places, value);
    places.set(value, place);
  }
  return place;
}

/** Takes a computation out of everything that it read. */
export function forget(dependant: Dependant): void {
  for (const place of dependant.reads) place.forget(dependant);
  dependant.reads.length = 0;
}
