// What arrives on a connection, offered to its reader piece by piece; what the reader does not take yet is held, and the conduit paused.
// Used by server.ts and client.ts. Bounded: at most what the conduit had under way when it was paused.
import type { Closed, Conduit } from '../conduit.ts';
import type { Slab } from '../read-memory.ts';

export interface Reader {
  /** The octets taken, from the beginning. With a slab, pieces that are kept need a hold of their own. None only after `stop`. */
  take(bytes: Buffer, slab: Slab | undefined): number;
  /** The peer will send no more, and everything has been taken. */
  ended(): void;
  drained(): void;
  /** The last call, unless `drop` was called before. */
  closed(how: Closed): void;
}

export class Source {
  readonly #conduit: Conduit;
  readonly #reader: Reader;
  #rest: Buffer | undefined;
  #slab: Slab | undefined;
  #stopped = false;
  #paused = false;
  #running = false;
  #ended = false;
  #over: Closed | undefined;
  #dropped = false;

  /** `early`: bytes that were read before. */
  constructor(conduit: Conduit, reader: Reader, early: readonly Buffer[] = []) {
    this.#conduit = conduit;
    this.#reader = reader;
    if (early.length > 0) this.#rest = Buffer.concat(early);
  }

  /** Begins. Not in the constructor, because the reader must be complete by then. */
  start(): void {
    this.#conduit.receive({
      data: (bytes, slab) => this.#data(bytes, slab),
      end: () => {
        this.#ended = true;
        this.#run();
      },
      drained: () => this.#reader.drained(),
      closed: (how) => this.#closed(how),
    });
    if (this.#rest !== undefined) queueMicrotask(() => this.#run());
  }

  /** Offers nothing more until `go`. The conduit is paused only when something arrives: mostly nothing does. */
  stop(): void {
    this.#stopped = true;
  }

  go(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#run();
  }

  /** As `go`, but nothing is offered within this call. */
  goLater(): void {
    this.#stopped = false;
    queueMicrotask(() => this.#run());
  }

  /** Nothing is offered or told any more. */
  drop(): void {
    this.#dropped = true;
    this.#rest = undefined;
    this.#slab?.release();
    this.#slab = undefined;
  }

  #data(bytes: Buffer, slab: Slab | undefined): void {
    if (this.#dropped) slab?.release();
    else if (this.#rest === undefined) {
      this.#rest = bytes;
      this.#slab = slab;
      this.#run();
    } else {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      slab?.release();
      this.#slab?.release();
      this.#slab = undefined;
    }
  }

  #closed(how: Closed): void {
    if (this.#dropped) return;
    this.#over = how;
    // An orderly end comes after everything that was sent; nothing is gained by reading on after any other.
    if (how !== 'finished') this.#tellClosed();
    else this.#run();
  }

  #run(): void {
    if (this.#running || this.#dropped) return;
    this.#running = true;
    while (this.#rest !== undefined && !this.#stopped) {
      const bytes: Buffer = this.#rest;
      const taken = this.#reader.take(bytes, this.#slab);
      if (this.#dropped) break;
      if (taken < bytes.length) this.#rest = bytes.subarray(taken);
      else this.#taken();
    }
    this.#running = false;
    if (this.#dropped) return;
    if (this.#rest === undefined) this.#emptied();
    else if (!this.#paused) {
      this.#paused = true;
      this.#conduit.pause();
    }
  }

  #taken(): void {
    this.#rest = undefined;
    this.#slab?.release();
    this.#slab = undefined;
  }

  #emptied(): void {
    if (this.#ended) {
      this.#ended = false;
      this.#reader.ended();
    }
    if (this.#over !== undefined) {
      this.#tellClosed();
      return;
    }
    if (this.#stopped || !this.#paused) return;
    this.#paused = false;
    this.#conduit.resume();
  }

  #tellClosed(): void {
    const how = this.#over;
    if (how === undefined || this.#dropped) return;
    this.drop();
    this.#reader.closed(how);
  }
}
