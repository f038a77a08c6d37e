// A cache of one kind that is kept equal to the server: what programs read from, and hear changes from.
// Made by watchStore; filled by list-watch.ts. Holds trimmed objects only; one object is kept as long as it stays equal.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from './client.ts';
import type { Kind, Versioned } from './kind.ts';
import { type ListSink, type ListWatchOptions, listWatch } from './list-watch.ts';

/** `before` is undefined for a new object, `after` for one that is gone. Must not throw. */
export type StoreListener<T> = (key: string, after: T | undefined, before: T | undefined) => void;

export interface Store<T> {
  readonly kind: Kind<T>;
  readonly size: number;
  /** Key as `keyText`. */
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  entries(): IterableIterator<[key: string, item: T]>;
  /**
   * Called after the store has changed, once per object, in order; not for what is there already. Objects that are equal after narrowing
   * notify nobody. An object deleted and made again while nobody looked is one change.
   */
  onChange(listener: StoreListener<T>): Disposable;
  /** Whether everything there was at the beginning is in, and listeners have heard of it. Never false again. */
  readonly isSynced: boolean;
  /** Resolves when `isSynced` becomes true; never rejects. */
  readonly synced: Promise<void>;
}

/** Notifications of a new list, before others get a turn. */
const changesPerTurn = 256;

class ObjectStore<T> implements Store<T>, ListSink<T> {
  readonly kind: Kind<T>;
  #objects = new Map<string, Versioned<T>>();
  readonly #listeners = new Set<StoreListener<T>>();
  readonly #whenSynced = Promise.withResolvers<void>();
  #isSynced = false;

  constructor(kind: Kind<T>) {
    this.kind = kind;
  }

  get size(): number {
    return this.#objects.size;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get synced(): Promise<void> {
    return this.#whenSynced.promise;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)?.item;
  }

  *values(): IterableIterator<T> {
    for (const { item } of this.#objects.values()) yield item;
  }

  *entries(): IterableIterator<[key: string, item: T]> {
    for (const [key, { item }] of this.#objects) yield [key, item];
  }

  onChange(listener: StoreListener<T>): Disposable {
    const own: StoreListener<T> = (...change) => listener(...change);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  /** The store holds the new list before the first listener hears of it. */
  async replace(objects: readonly Versioned<T>[]): Promise<void> {
    const before = this.#objects;
    const changed: string[] = [];
    const next = new Map<string, Versioned<T>>();
    for (const object of objects) {
      const kept = merged(before.get(object.key), object);
      next.set(object.key, kept);
      if (kept.item !== before.get(object.key)?.item) changed.push(object.key);
    }
    for (const key of before.keys()) if (!next.has(key)) changed.push(key);
    this.#objects = next;
    for (const [at, key] of changed.entries()) {
      this.#notify(key, next.get(key)?.item, before.get(key)?.item);
      if (at % changesPerTurn === changesPerTurn - 1) await nextTurn();
    }
    this.#isSynced = true;
    this.#whenSynced.resolve();
  }

  upsert(object: Versioned<T>): void {
    const before = this.#objects.get(object.key);
    const after = merged(before, object);
    this.#objects.set(object.key, after);
    if (after.item !== before?.item) this.#notify(object.key, after.item, before?.item);
  }

  remove(key: string): void {
    const before = this.#objects.get(key);
    if (this.#objects.delete(key)) this.#notify(key, undefined, before?.item);
  }

  #notify(key: string, after: T | undefined, before: T | undefined): void {
    for (const listener of this.#listeners) listener(key, after, before);
  }
}

/** The newer version, with the older item if nothing that we read has changed. */
function merged<T>(before: Versioned<T> | undefined, after: Versioned<T>): Versioned<T> {
  if (before === undefined) return after;
  if (before.version === after.version) return before;
  return isDeepStrictEqual(before.item, after.item) ? { ...after, item: before.item } : after;
}

/** A store that follows the server until the signal aborts; after that it keeps what it has. */
export function watchStore<T>(
  client: KubeClient,
  kind: Kind<T>,
  options: Omit<ListWatchOptions<T>, 'sink'>,
  signal: AbortSignal,
): Store<T> {
  const store = new ObjectStore(kind);
  // Rejects only for a listener that throws, which must not go unnoticed.
  void listWatch(client, kind, { ...options, sink: store }, signal);
  return store;
}
