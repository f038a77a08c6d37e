// Outputs computed from the rows of tables, one computation per source key, done again when anything that it read has changed.
// Used by mesh-index.ts, which runs derivations in the order in which they build on each other. What is computed is the caller's.
import { type Dependant, forget, type Place } from './table.ts';

/** Where outputs go: undefined when a computation does not make that one any more. */
export type Emit<O> = (key: string, output: O | undefined) => void;

export interface DerivationOptions<O> {
  /** All outputs of one source key. Reads tables as `by`. */
  readonly compute: (source: string, by: Dependant) => Iterable<readonly [key: string, output: O]>;
  readonly emit: Emit<O>;
  /** Whether there still is something to compute from. A computation without source and outputs is forgotten. */
  readonly exists: (source: string) => boolean;
}

class Computation implements Dependant {
  readonly source: string;
  readonly reads: Place[] = [];
  outputs: readonly string[] = none;
  readonly #dirty: Set<Computation>;

  constructor(source: string, dirty: Set<Computation>) {
    this.source = source;
    this.#dirty = dirty;
  }

  markDirty(): void {
    this.#dirty.add(this);
  }
}

const none: readonly string[] = [];

export class Derivation<O> {
  readonly #options: DerivationOptions<O>;
  readonly #computations: Map<string, Computation> = new Map();
  readonly #dirty: Set<Computation> = new Set();

  constructor(options: DerivationOptions<O>) {
    this.#options = options;
  }

  /** There is something to compute under this key, or was. */
  touch(source: string): void {
    let computation = this.#computations.get(source);
    if (computation === undefined) {
      computation = new Computation(source, this.#dirty);
      this.#computations.set(source, computation);
    }
    this.#dirty.add(computation);
  }

  /** Computes what is out of date. */
  run(): void {
    const { compute, emit, exists } = this.#options;
    for (const computation of this.#dirty) {
      this.#dirty.delete(computation);
      const before = computation.outputs;
      forget(computation);
      const outputs: string[] = [];
      for (const [key, output] of compute(computation.source, computation)) {
        outputs.push(key);
        emit(key, output);
      }
      for (const key of before) if (!outputs.includes(key)) emit(key, undefined);
      computation.outputs = outputs.length === 0 ? none : outputs;
      if (outputs.length > 0 || exists(computation.source)) continue;
      forget(computation);
      this.#computations.delete(computation.source);
    }
  }
}
