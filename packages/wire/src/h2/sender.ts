// Decides which stream may send how much: connection window, stream windows, frame size and the socket's own congestion (RFC 9113 §5.2).
// Owned by session.ts; streams hand their bytes in here. Streams that wait are served in turn, one frame each.
import type { Slab } from '../read-memory.ts';
import type { Output } from './output.ts';
import { defaultFrameBytes, defaultWindowBytes, errorCode, maxWindowBytes, Violation } from './protocol.ts';

/** Unsent bytes of one stream at which its writer must stop, and down to which it must wait. */
const streamHighWaterBytes = 256 * 1024;
const streamLowWaterBytes = 64 * 1024;

interface Pending {
  bytes: Buffer;
  readonly slab: Slab | undefined;
  /** A part of it has been sent already. */
  split: boolean;
}

/** The sending half of one stream. */
export class Lane {
  readonly id: number;
  /** Below zero when the peer has shrunk its windows meanwhile (§6.9.2). */
  window: number;
  /** What comes after the bytes held: END_STREAM on the last of them, or trailers, which the stream sends. */
  endAfter: 'data' | 'trailers' | undefined;
  readonly #pending: Pending[] = [];
  #pendingBytes = 0;
  #blocked = false;
  #ended = false;
  readonly #events: LaneEvents;

  constructor(id: number, window: number, events: LaneEvents) {
    this.id = id;
    this.window = window;
    this.#events = events;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether the writer must wait for `laneDrained`. */
  get blocked(): boolean {
    return this.#blocked;
  }

  hold(bytes: Buffer, slab: Slab | undefined): void {
    this.#pending.push({ bytes, slab, split: false });
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= streamHighWaterBytes) this.#blocked = true;
  }

  /** Sends one frame of at most `limit` bytes from what is held; returns how many. Calls nobody: see `settle`. */
  sendOne(output: Output, limit: number): number {
    const first = this.#pending[0];
    if (first === undefined) return 0;
    const length = Math.min(first.bytes.length, limit, this.window);
    this.window -= length;
    this.#pendingBytes -= length;
    if (length < first.bytes.length) {
      output.data(this.id, first.bytes.subarray(0, length), false, undefined);
      first.bytes = first.bytes.subarray(length);
      first.split = true;
      return length;
    }
    this.#pending.shift();
    this.#ended = this.endAfter !== undefined && this.#pending.length === 0;
    const { slab, split } = first;
    output.data(this.id, first.bytes, this.#ended && this.endAfter === 'data', split ? undefined : slab);
    // The earlier pieces lie in the same slab and may still be on their way.
    if (split && slab !== undefined) output.whenWritten((written) => written && slab.release());
    return length;
  }

  /** Tells the stream what the frames sent have changed. */
  settle(): void {
    if (this.#ended) this.#events.laneEnded();
    if (!this.#blocked || this.#pendingBytes > streamLowWaterBytes) return;
    this.#blocked = false;
    this.#events.laneDrained();
  }

  /** Drops what is held. Slabs are left to the garbage collector: pieces of them may be on their way. */
  discard(): void {
    this.#pending.length = 0;
    this.#pendingBytes = 0;
  }
}

export interface LaneEvents {
  laneDrained(): void;
  /** All is queued, with END_STREAM unless trailers follow. */
  laneEnded(): void;
}

export class Sender {
  readonly #output: Output;
  #window = defaultWindowBytes;
  /** The peer's limit for one frame. */
  frameBytes = defaultFrameBytes;
  /** Lanes that hold bytes and have window for them, in the order of their turn. */
  readonly #ready = new Set<Lane>();

  constructor(output: Output) {
    this.#output = output;
  }

  /** Sends, or holds until it may. False: the writer must wait for the lane's `laneDrained`. */
  write(lane: Lane, bytes: Buffer, slab: Slab | undefined): boolean {
    const { length } = bytes;
    const free = lane.pendingBytes === 0 && this.#ready.size === 0 && !this.#output.congested;
    if (free && length <= this.frameBytes && length <= lane.window && length <= this.#window) {
      lane.window -= length;
      this.#window -= length;
      this.#output.data(lane.id, bytes, false, slab);
      return true;
    }
    lane.hold(bytes, slab);
    this.serve(lane);
    return !lane.blocked;
  }

  /** The connection's window has grown by WINDOW_UPDATE. */
  grow(bytes: number): void {
    if (this.#window + bytes > maxWindowBytes) throw new Violation(errorCode.flowControl, 'the connection window overflows');
    this.#window += bytes;
    this.serve();
  }

  /** Sends what windows and socket allow, beginning with those whose turn it is. `lane` may have become able to send. */
  serve(lane?: Lane): void {
    if (lane !== undefined && lane.pendingBytes > 0 && lane.window > 0) this.#ready.add(lane);
    for (const next of this.#ready) {
      if (this.#output.congested || this.#window <= 0) return;
      this.#ready.delete(next);
      const sent = next.sendOne(this.#output, Math.min(this.#window, this.frameBytes));
      this.#window -= sent;
      if (next.pendingBytes > 0 && next.window > 0) this.#ready.add(next);
      next.settle();
    }
  }

  forget(lane: Lane): void {
    this.#ready.delete(lane);
    lane.discard();
  }
}
