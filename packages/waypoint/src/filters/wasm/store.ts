// Values that a plugin keeps by name from one request to the next, up to an amount. Lost with the plugin's thread.
// Used for shared data and for properties that plugins set.

interface Kept {
  readonly value: Uint8Array;
  /** Grows with every change; plugins compare it. */
  readonly version: number;
}

export class BoundedStore {
  readonly #most: number;
  readonly #kept = new Map<string, Kept>();
  #size = 0;

  /** `most`: octets of names and values. */
  constructor(most: number) {
    this.#most = most;
  }

  get(name: string): Kept | undefined {
    return this.#kept.get(name);
  }

  /** `version` 0: whatever is there is replaced. */
  set(name: string, value: Uint8Array, version = 0): 'kept' | 'changed meanwhile' | 'too much' {
    const old = this.#kept.get(name);
    if (version !== 0 && version !== (old?.version ?? 0)) return 'changed meanwhile';
    const size = this.#size + value.length - (old === undefined ? -name.length : old.value.length);
    if (size > this.#most) return 'too much';
    this.#size = size;
    this.#kept.set(name, { value, version: (old?.version ?? 0) + 1 });
    return 'kept';
  }
}
