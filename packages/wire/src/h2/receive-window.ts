// The connection's receive window (RFC 9113 §6.9): given back on receipt, so that one slow stream never stops its siblings,
// until the connection as a whole holds too much for slow consumers. Owned by session.ts.
import { errorCode, Violation } from './protocol.ts';

/** What one connection may hold for slow consumers before its window is withheld. */
const heldLimitBytes = 64 * 1024 * 1024;
/** What all connections of a thread may hold together; beyond it, those that hold more than a little are withheld theirs. */
const totalLimitBytes = 256 * 1024 * 1024;
const littleBytes = 1024 * 1024;

/** Bytes held by all connections that share it. */
export interface HeldTotal {
  held: number;
}

export class ReceiveWindow {
  readonly #size: number;
  readonly #update: (bytes: number) => void;
  readonly #total: HeldTotal;
  #left: number;
  #owed = 0;
  #held = 0;

  /** `size`: the window as announced; `update` sends WINDOW_UPDATE on stream 0. */
  constructor(size: number, total: HeldTotal, update: (bytes: number) => void) {
    this.#size = size;
    this.#left = size;
    this.#update = update;
    this.#total = total;
  }

  received(flowBytes: number): void {
    this.#left -= flowBytes;
    if (this.#left < 0) throw new Violation(errorCode.flowControl, 'more data than the connection window allows');
    this.#owed += flowBytes;
    this.#giveBack();
  }

  /** What is held for slow consumers has grown, or shrunk. */
  held(bytes: number): void {
    this.#held += bytes;
    this.#total.held += bytes;
    if (bytes < 0) this.#giveBack();
  }

  /** Now and then: others may have made room. */
  check(): void {
    this.#giveBack();
  }

  #giveBack(): void {
    const crowded = this.#total.held >= totalLimitBytes && this.#held >= littleBytes;
    if (this.#owed * 2 < this.#size || this.#held >= heldLimitBytes || crowded) return;
    this.#left += this.#owed;
    this.#update(this.#owed);
    this.#owed = 0;
  }
}
