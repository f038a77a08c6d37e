// How much counters grew in windows of the past: totals of numbered cells, and snapshots of all of them, fewer the older they are.
// Filled in by collect.ts. Memory: 8 bytes per cell and snapshot, of which there are about 90.
import { type Ms, ms } from '@ambient-mesh/runtime/time';

/** No window is longer. */
export const longest = ms(900_000);
/** All snapshots are kept for so long, then one in so much. */
const fine = ms(66_000);
const coarse = ms(15_000);

interface Snapshot {
  readonly number: number;
  readonly at: Ms;
  readonly totals: Float64Array;
}

/** A counter's total since it was born. */
export type Cell = number & { readonly of: 'history' };

export class History {
  #totals = new Float64Array(1_024);
  /** Number of the first snapshot that has the cell. */
  #bornIn = new Float64Array(1_024);
  #size = 0;
  readonly #free: Cell[] = [];
  readonly #snapshots: Snapshot[] = [];
  #next = 0;

  /** Starts at 0. */
  allocate(): Cell {
    const cell = this.#free.pop() ?? (this.#size++ as Cell);
    if (cell >= this.#totals.length) {
      this.#totals = grown(this.#totals);
      this.#bornIn = grown(this.#bornIn);
    }
    this.#totals[cell] = 0;
    this.#bornIn[cell] = this.#next;
    return cell;
  }

  /** Another one may get its number. */
  free(cell: Cell): void {
    this.#free.push(cell);
  }

  add(cell: Cell, increase: number): void {
    this.#totals[cell] = (this.#totals[cell] ?? 0) + increase;
  }

  snapshot(at: Ms): void {
    this.#thin(at);
    this.#snapshots.push({ number: this.#next++, at, totals: this.#totals.slice(0, this.#size) });
  }

  /** From the newest snapshot that is at least so old, or else from the oldest. */
  since(window: Ms, now: Ms): { readonly covers: Ms; readonly increaseOf: (cell: Cell) => number } {
    const base = this.#snapshots.findLast(({ at }) => now - at >= window) ?? this.#snapshots[0];
    if (base === undefined) return { covers: ms(0), increaseOf: () => 0 };
    const before = (cell: Cell): number => ((this.#bornIn[cell] ?? 0) > base.number ? 0 : (base.totals[cell] ?? 0));
    return { covers: ms(now - base.at), increaseOf: (cell) => (this.#totals[cell] ?? 0) - before(cell) };
  }

  clear(): void {
    this.#snapshots.length = 0;
    this.#free.length = 0;
    this.#size = 0;
  }

  #thin(now: Ms): void {
    const kept: Snapshot[] = [];
    for (const snapshot of this.#snapshots) {
      const age = now - snapshot.at;
      const last = kept.at(-1);
      if (age > fine && last !== undefined && snapshot.at - last.at < coarse) continue;
      kept.push(snapshot);
    }
    // The first one that is old enough for the longest window stays; those before it are of no use.
    const first = kept.findLastIndex(({ at }) => now - at >= longest);
    this.#snapshots.splice(0, this.#snapshots.length, ...kept.slice(Math.max(0, first)));
  }
}

function grown(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
