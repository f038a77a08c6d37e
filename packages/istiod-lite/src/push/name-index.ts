// Names by another name, many to many; a name that stands alone costs no set of its own.
// Used by address-catalogue.ts, which has hundreds of thousands of aliases, nearly all of one workload each.

export class NameIndex {
  readonly #names: Map<string, string | Set<string>> = new Map();

  add(key: string, name: string): void {
    const there = this.#names.get(key);
    if (there === undefined) this.#names.set(key, name);
    else if (typeof there !== 'string') there.add(name);
    else if (there !== name) this.#names.set(key, new Set([there, name]));
  }

  remove(key: string, name: string): void {
    const there = this.#names.get(key);
    if (there === name) this.#names.delete(key);
    if (there === undefined || typeof there === 'string') return;
    there.delete(name);
    if (there.size === 0) this.#names.delete(key);
  }

  /** In the order of adding. */
  get(key: string): Iterable<string> {
    const there = this.#names.get(key);
    if (there === undefined) return [];
    return typeof there === 'string' ? [there] : there;
  }
}
