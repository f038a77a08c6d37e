// Numbers crossing threads: a worker sends by how much its series changed since its last snapshot, the main thread adds that to its own.
// So a worker that dies takes no count with it, and one that starts anew (its snapshots are numbered from 0 again) never makes a counter go down.
// Labels travel once per series, then only the series' small number.
import type { Entry, Family } from './family.ts';
import type { LabelRow } from './labels.ts';

export interface FamilySnapshot {
  readonly family: string;
  /** Series that the receiver does not know yet. */
  readonly fresh: readonly (readonly [id: number, values: readonly string[]])[];
  /** Three numbers per changed cell: id of the series, index of the cell, difference. */
  readonly changes: Float64Array;
  /** Series that were evicted. */
  readonly gone: readonly number[];
}

/** Plain data; may be posted to another thread. Each must reach the receiver, in order. */
export interface Snapshot {
  /** 0 for the first of a worker's life, then one more each time. */
  readonly number: number;
  readonly families: readonly FamilySnapshot[];
}

/** The sending side: one per worker. */
export class SnapshotTaker {
  readonly #announced = new Map<Family<string>, Set<Entry>>();
  #number = 0;

  take(families: Iterable<Family<string>>): Snapshot {
    const taken: FamilySnapshot[] = [];
    for (const family of families) {
      const snapshot = this.#takeFamily(family);
      if (snapshot.changes.length + snapshot.gone.length > 0) taken.push(snapshot);
    }
    return { number: this.#number++, families: taken };
  }

  #takeFamily(family: Family<string>): FamilySnapshot {
    const announced = this.#announced.get(family) ?? new Set();
    this.#announced.set(family, announced);
    const gone: number[] = [];
    for (const entry of announced) {
      if (family.has(entry)) continue;
      announced.delete(entry);
      gone.push(entry.id);
    }
    const fresh: [number, readonly string[]][] = [];
    const changes: number[] = [];
    for (const entry of family.entries) {
      const isFresh = !announced.has(entry);
      for (const [index, cell] of entry.cells.entries()) {
        if (cell.value === cell.sent && !isFresh) continue;
        changes.push(entry.id, index, cell.value - cell.sent);
        cell.sent = cell.value;
      }
      if (!isFresh) continue;
      announced.add(entry);
      fresh.push([entry.id, entry.labels.values]);
    }
    return { family: family.options.name, fresh, changes: Float64Array.from(changes), gone };
  }
}

interface Known {
  readonly row: LabelRow;
  /** Sum of all differences: what a gauge must give back when the worker ends. */
  held: number;
}

/** The receiving side: one per worker. */
export class SnapshotMerger {
  readonly #known = new Map<Family<string>, Map<number, Known>>();
  #next = 0;

  /** Refuses, and changes nothing, if a snapshot is missing in between. */
  merge(snapshot: Snapshot, familyNamed: (name: string) => Family<string> | undefined): 'merged' | 'out of order' {
    if (snapshot.number === 0) this.settle();
    if (snapshot.number !== this.#next) return 'out of order';
    this.#next += 1;
    for (const part of snapshot.families) {
      const family = familyNamed(part.family);
      if (family !== undefined) this.#mergeFamily(family, part);
    }
    return 'merged';
  }

  /** The worker has ended: what it counted stays counted, what its gauges held is taken back. */
  settle(): void {
    for (const [family, series] of this.#known) {
      if (family.options.kind !== 'gauge') continue;
      for (const { row, held } of series.values()) family.seriesOf(row).value -= held;
    }
    this.#known.clear();
    this.#next = 0;
  }

  #mergeFamily(family: Family<string>, { fresh, changes, gone }: FamilySnapshot): void {
    const known = this.#known.get(family) ?? new Map<number, Known>();
    this.#known.set(family, known);
    for (const id of gone) known.delete(id);
    for (const [id, values] of fresh) known.set(id, { row: family.options.labels.row(values), held: 0 });
    for (let at = 0; at + 2 < changes.length; at += 3) {
      const [id = -1, index = 0, difference = 0] = changes.subarray(at, at + 3);
      const series = known.get(id);
      const cell = series && family.entryOf(series.row).cells[index];
      if (series === undefined || cell === undefined) continue;
      cell.value += difference;
      series.held += difference;
    }
  }
}
