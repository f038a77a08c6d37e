// The objects of a cluster with one revision counter, as etcd keeps them for the real API server.
// Outlives the server in front of it (kube-api.ts): stopping and starting that loses nothing.
// Every call is synchronous, so reading, deciding and writing in one turn is a transaction. Knows no kinds and no rules.

import { keyOf } from '../object.ts';
import type { KubeObject } from '../patch/json.ts';
import { EventLog, type StoreEvent } from './event-log.ts';
import { Stored } from './stored.ts';

/** The objects of one resource. */
interface Collection {
  readonly objects: Map<string, Stored>;
  /** Keys in order; undefined after one came or went. */
  keys: readonly string[] | undefined;
}

export interface KubeStoreOptions {
  /** How many events watches can resume from. Default 10,000. */
  readonly eventLimit?: number;
}

export class KubeStore {
  readonly #collections = new Map<string, Collection>();
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #log: EventLog;
  #revision = 1;

  constructor({ eventLimit = 10_000 }: KubeStoreOptions = {}) {
    this.#log = new EventLog(this.#revision + 1, eventLimit);
  }

  /** Of the newest change. */
  get revision(): number {
    return this.#revision;
  }

  get(resource: string, key: string): Stored | undefined {
    return this.#collections.get(resource)?.objects.get(key);
  }

  /** Ordered by key. */
  list(resource: string): readonly Stored[] {
    const collection = this.#collections.get(resource);
    if (collection === undefined) return [];
    collection.keys ??= [...collection.objects.keys()].sort();
    return collection.keys.flatMap((key) => collection.objects.get(key) ?? []);
  }

  /** As it was at `revision`, ordered by key; undefined when that is forgotten. */
  listAt(resource: string, revision: number): readonly Stored[] | undefined {
    const since = this.#log.after(revision)?.filter((event) => event.resource === resource);
    if (since === undefined) return undefined;
    if (since.length === 0) return this.list(resource);
    const objects = new Map(this.#collections.get(resource)?.objects);
    for (const { after, before } of since.reverse()) {
      if (before === undefined) objects.delete(after.key);
      else objects.set(after.key, before);
    }
    return [...objects.keys()].sort().flatMap((key) => objects.get(key) ?? []);
  }

  /** Adds or replaces. What is stored is frozen, so hand over an object that nobody else changes. */
  put(resource: string, object: KubeObject): Stored {
    const collection = this.#collectionOf(resource);
    const key = keyOf(object);
    const before = collection.objects.get(key);
    const after = new Stored(key, ++this.#revision, object);
    collection.objects.set(key, after);
    if (before === undefined) collection.keys = undefined;
    const { revision } = after;
    this.#record(
      before === undefined ? { revision, type: 'ADDED', resource, after } : { revision, type: 'MODIFIED', resource, after, before },
    );
    return after;
  }

  /** `last` is its final state if that differs from the stored one. @returns the last state; undefined when there was none. */
  remove(resource: string, key: string, last?: KubeObject): Stored | undefined {
    const collection = this.#collectionOf(resource);
    const before = collection.objects.get(key);
    if (before === undefined) return undefined;
    const after = new Stored(key, ++this.#revision, last ?? before.object);
    collection.objects.delete(key);
    collection.keys = undefined;
    this.#record({ revision: after.revision, type: 'DELETED', resource, after, before });
    return after;
  }

  /** Called in the order of changes, within the change: a listener that writes must do so later. */
  onEvent(listener: (event: StoreEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Undefined when some of them are forgotten. */
  eventsAfter(revision: number): readonly StoreEvent[] | undefined {
    return this.#log.after(revision);
  }

  /** The oldest revision that a watch can start from. */
  get oldestWatchable(): number {
    return this.#log.oldest - 1;
  }

  /** Forgets all history, as etcd's compaction does: for tests of 410 Gone. */
  compact(): void {
    this.#log.forgetUpTo(this.#revision);
  }

  #record(event: StoreEvent): void {
    this.#log.append(event);
    for (const listener of this.#listeners) listener(event);
  }

  #collectionOf(resource: string): Collection {
    const found = this.#collections.get(resource);
    if (found !== undefined) return found;
    const fresh: Collection = { objects: new Map(), keys: undefined };
    this.#collections.set(resource, fresh);
    return fresh;
  }
}
