// The objects behind the test's API server, with one version counter, a history that can be forgotten, and pages of one moment.

export interface StoredObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion: string; readonly uid: string };
  readonly [field: string]: unknown;
}

export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
}

type Past = { readonly version: number; readonly collection: string; readonly event: StoredEvent };

export class Objects {
  #version = 100;
  #forgotten = 0;
  #collections = new Map<string, Map<string, StoredObject>>();
  #history: Past[] = [];
  readonly #snapshots = new Map<string, { readonly items: readonly StoredObject[]; readonly version: number }>();
  readonly #listeners = new Set<(collection: string, event: StoredEvent) => void>();

  get version(): number {
    return this.#version;
  }

  onEvent(listener: (collection: string, event: StoredEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** `collection` is a path: `/api/v1/namespaces/a/pods`. */
  put(collection: string, name: string, body: object): StoredObject {
    const all = this.#collections.get(collection) ?? new Map<string, StoredObject>();
    this.#collections.set(collection, all);
    const before = all.get(name);
    const namespace = namespaceOf(collection);
    const given = 'metadata' in body && typeof body.metadata === 'object' ? body.metadata : {};
    const metadata = {
      ...given,
      name,
      ...(namespace !== undefined && { namespace }),
      uid: before?.metadata.uid ?? `uid-${this.#version}`,
      resourceVersion: `${++this.#version}`,
    };
    const object: StoredObject = { ...body, metadata };
    all.set(name, object);
    this.#announce(collection, { type: before === undefined ? 'ADDED' : 'MODIFIED', object });
    return object;
  }

  remove(collection: string, name: string): StoredObject | undefined {
    const before = this.get(collection, name);
    if (before === undefined) return undefined;
    this.#collections.get(collection)?.delete(name);
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: `${++this.#version}` } };
    this.#announce(collection, { type: 'DELETED', object });
    return object;
  }

  get(collection: string, name: string): StoredObject | undefined {
    return this.#collections.get(collection)?.get(name);
  }

  all(collection: string): readonly StoredObject[] {
    return [...this.#collections].flatMap(([path, objects]) => (within(collection, path) ? [...objects.values()] : []));
  }

  /** As the API answers a list. `limit` 0: in one piece. */
  page(collection: string, limit: number, token: string): object | 'expired' {
    const [id = '', from = '0'] = token.split(':');
    const snapshot = token === '' ? { items: this.all(collection), version: this.#version } : this.#snapshots.get(id);
    if (snapshot === undefined) return 'expired';
    const { items, version } = snapshot;
    const start = Number(from);
    const end = limit === 0 ? items.length : start + limit;
    const next = token === '' ? `s${this.#snapshots.size}` : id;
    if (end < items.length) this.#snapshots.set(next, snapshot);
    const metadata = { resourceVersion: `${version}`, ...(end < items.length && { continue: `${next}:${end}` }) };
    return { kind: 'List', metadata, items: items.length === 0 ? null : items.slice(start, end) };
  }

  since(collection: string, version: number): readonly StoredEvent[] | 'expired' {
    if (version < this.#forgotten) return 'expired';
    return this.#history.filter((past) => past.version > version && within(collection, past.collection)).map(({ event }) => event);
  }

  /** Nobody can resume from before now, nor go on with a list that has begun. */
  forget(): void {
    this.#forgotten = this.#version;
    this.#history = [];
    this.forgetPages();
  }

  forgetPages(): void {
    this.#snapshots.clear();
  }

  #announce(collection: string, event: StoredEvent): void {
    this.#history.push({ version: this.#version, collection, event });
    for (const listener of this.#listeners) listener(collection, event);
  }
}

function namespaceOf(collection: string): string | undefined {
  return /\/namespaces\/([^/]+)\/[^/]+$/.exec(collection)?.[1];
}

/** `/api/v1/namespaces/a/pods` belongs to `/api/v1/pods` too. */
export function within(wanted: string, collection: string): boolean {
  return wanted === collection || wanted === collection.replace(/\/namespaces\/[^/]+(?=\/)/, '');
}
