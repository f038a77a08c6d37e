// Finds the first of very many matches that a request satisfies, without trying them all: thousands of routes of one service cost like one.
// Pure. Built by route-table.ts from matches in order of precedence; the answer is always that of trying them one by one.
// Candidates are found by path (one look-up per prefix length in use) and, among those, by an exact header.
import type { RequestView } from './request-view.ts';
import type { Entry } from './route-compile.ts';
import type { FindBy } from './route-match.ts';

/** Positions in the order of precedence, ascending. */
type Positions = number[];

class Bucket {
  readonly plain: Positions = [];
  byHeader: Map<string, Map<string, Positions>> | undefined;

  put(position: number, header: FindBy['header']): void {
    if (header === undefined) {
      this.plain.push(position);
      return;
    }
    const [name, value] = header;
    this.byHeader ??= new Map();
    const values = getOr(this.byHeader, name, () => new Map<string, Positions>());
    getOr(values, value, () => []).push(position);
  }
}

/** Paths of one kind. */
class Paths {
  readonly #buckets = new Map<string, Bucket>();
  readonly #lengths = new Set<number>();

  put(key: string): Bucket {
    this.#lengths.add(key.length);
    return getOr(this.#buckets, key, () => new Bucket());
  }

  get lengths(): ReadonlySet<number> {
    return this.#lengths;
  }

  /** What is at the first `length` characters of the path. */
  at(path: string, length: number): Bucket | undefined {
    return this.#lengths.has(length) ? this.#buckets.get(path.slice(0, length)) : undefined;
  }
}

const slash = 47;

export class MatchIndex {
  readonly #entries: readonly Entry[];
  readonly #plain = { exact: new Paths(), segments: new Paths(), start: new Paths() };
  readonly #folded = { exact: new Paths(), segments: new Paths(), start: new Paths() };
  readonly #any = new Bucket();
  readonly #folds: boolean;

  /** `entries`: in order of precedence. */
  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    let folds = false;
    for (const [position, { match }] of entries.entries()) {
      const { by, key, folded, header } = match.find;
      folds ||= folded;
      const bucket = by === 'any' ? this.#any : (folded ? this.#folded : this.#plain)[by].put(key);
      bucket.put(position, header);
    }
    this.#folds = folds;
  }

  first(request: RequestView): Entry | undefined {
    let best = this.#entries.length;
    for (const bucket of this.#candidates(request.path)) best = this.#better(bucket, request, best);
    return this.#entries[best];
  }

  #candidates(path: string): readonly Bucket[] {
    const found: Bucket[] = [];
    gather(this.#plain, path, found);
    if (this.#folds) gather(this.#folded, path.toLowerCase(), found);
    found.push(this.#any);
    return found;
  }

  #better({ plain, byHeader }: Bucket, request: RequestView, best: number): number {
    let first = this.#firstOf(plain, request, best);
    if (byHeader === undefined) return first;
    for (const [name, values] of byHeader) {
      const value = request.header(name);
      const positions = value === undefined ? undefined : values.get(value);
      if (positions !== undefined) first = this.#firstOf(positions, request, first);
    }
    return first;
  }

  #firstOf(positions: Positions, request: RequestView, best: number): number {
    for (const position of positions) {
      if (position >= best) return best;
      if (this.#entries[position]?.match.holds(request)) return position;
    }
    return best;
  }
}

function gather(paths: { readonly exact: Paths; readonly segments: Paths; readonly start: Paths }, path: string, found: Bucket[]): void {
  const add = (bucket: Bucket | undefined): void => {
    if (bucket !== undefined) found.push(bucket);
  };
  add(paths.exact.at(path, path.length));
  const { segments, start } = paths;
  if (segments.lengths.size > 0) {
    add(segments.at(path, path.length));
    for (let at = path.length - 1; at >= 0; at--) if (path.charCodeAt(at) === slash) add(segments.at(path, at));
  }
  for (const length of start.lengths) if (length <= path.length) add(start.at(path, length));
}

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
