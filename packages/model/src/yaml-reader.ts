// Reads values of unknown shape (parsed YAML) field by field and collects every mistake with its place, so that all are reported at once.
// Used by local-file.ts.

/** Mistakes beyond this many are counted by nobody: a file that wrong is not the file that was meant. */
const reportedMistakes = 50;

/** One value and where it stands, such as `workloads[2].capacity`. A wrong value yields the given default and one mistake. */
export class Place {
  readonly #value: unknown;
  readonly #path: string;
  readonly #mistakes: string[];

  constructor(value: unknown, path: string, mistakes: string[]) {
    this.#value = value;
    this.#path = path;
    this.#mistakes = mistakes;
  }

  get given(): boolean {
    return this.#value !== undefined && this.#value !== null;
  }

  wrong(what: string): void {
    if (this.#mistakes.length < reportedMistakes) this.#mistakes.push(`${this.#path}: ${what}`);
  }

  required(): this {
    if (!this.given) this.wrong('is required');
    return this;
  }

  text(otherwise = ''): string {
    if (typeof this.#value === 'string') return this.#value;
    return this.#otherwise('must be a text', otherwise);
  }

  flag(otherwise = false): boolean {
    if (typeof this.#value === 'boolean') return this.#value;
    return this.#otherwise('must be true or false', otherwise);
  }

  /** A whole number from 0 to `max`. */
  whole(max: number, otherwise = 0): number {
    if (typeof this.#value === 'number' && Number.isInteger(this.#value) && this.#value >= 0 && this.#value <= max) return this.#value;
    return this.#otherwise(`must be a whole number from 0 to ${max}`, otherwise);
  }

  oneOf<const V extends string>(values: readonly V[], otherwise: V): V {
    const known = values.find((value) => value === this.#value);
    return known ?? this.#otherwise(`must be one of ${values.join(', ')}`, otherwise);
  }

  list(): readonly Place[] {
    if (!Array.isArray(this.#value)) return this.#otherwise('must be a list', []);
    return this.#value.map((value: unknown, at) => new Place(value, `${this.#path}[${at}]`, this.#mistakes));
  }

  /** Of a map whose keys are the user's own. */
  entries(): readonly (readonly [key: string, value: Place])[] {
    const map = this.#map();
    return Object.keys(map).map((key) => [key, new Place(map[key], `${this.#path}["${key}"]`, this.#mistakes)]);
  }

  /** A map with these keys and no others, so that a misspelt one is noticed; a key that is not given is a place without a value. */
  fields<const K extends string>(keys: readonly K[]): Readonly<Record<K, Place>> {
    const map = this.#map();
    for (const key of Object.keys(map)) if (!keys.some((known) => known === key)) this.wrong(`has an unknown key "${key}"`);
    const places = keys.map((key) => [
      key,
      new Place(Object.hasOwn(map, key) ? map[key] : undefined, `${this.#path}.${key}`, this.#mistakes),
    ]);
    return Object.fromEntries(places) as Record<K, Place>;
  }

  #map(): Readonly<Record<string, unknown>> {
    const value = this.#value;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    return this.#otherwise('must be a map', {});
  }

  #otherwise<V>(what: string, otherwise: V): V {
    if (this.given) this.wrong(what);
    return otherwise;
  }
}
