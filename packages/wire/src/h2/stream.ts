// One stream of a session, as a conduit: its two halves, what is held for a slow consumer, and how it ends.
// Made by session.ts, which calls it with what arrives; hbone/ hands it to whoever pumps, exchange-stream.ts makes a message of it. Sending is the lane's (sender.ts).
// Resets are read as facts ztunnel §2.11 says: some of them are a normal end.
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Closed, Conduit, ConduitFault, Receiver } from '../conduit.ts';
import type { HeaderList } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import { HeldBytes } from './held-bytes.ts';
import type { Written } from './output.ts';
import { errorCode, errorName } from './protocol.ts';
import { Lane, type LaneEvents } from './sender.ts';
import { firstWindowBytes } from './settings.ts';

/** What a stream needs of its session. */
export interface StreamHost {
  readonly streamWindowBytes: number;
  write(lane: Lane, bytes: Buffer, slab: Slab | undefined): boolean;
  /** An empty DATA frame with END_STREAM. */
  sendEnd(stream: number): void;
  sendHeaders(stream: number, headers: HeaderList, endStream: boolean): void;
  sendReset(stream: number, code: number): void;
  sendWindowUpdate(stream: number, bytes: number): void;
  whenWritten(done: Written): void;
  /** Bytes that the session holds for slow consumers have grown (or shrunk). */
  held(bytes: number): void;
  /** Neither side will send on the stream any more: its slot is free. */
  retire(stream: H2Stream): void;
  /** The consumer has let go: reset the stream unless the peer ends it soon. */
  linger(stream: H2Stream): void;
}

/** What the peer sends on a stream: bytes of any number, a message whose length may be declared, or a head that no body follows. */
export type Carries = 'bytes' | 'message' | 'head';

/** Who waits for the answer to a request (client). */
export interface Opening {
  /** `last`: no body and no trailers follow. */
  answered(status: number, headers: HeaderList, last: boolean): void;
  /** 1xx. */
  informed?(status: number, headers: HeaderList): void;
  /** Reset, refused or lost before any answer. */
  failed(fault: MeshError<ConduitFault>): void;
}

/** What a consumer must have taken before its window doubles: more than the kernel's buffers take for one that never reads. */
const growAfterWindows = 8;

export class H2Stream implements Conduit, LaneEvents {
  readonly id: number;
  /** Owned by the session and the sender. */
  readonly lane: Lane;
  /** Client: until the answer has come. */
  opening: Opening | undefined;
  /** Server: until our answer has been queued. */
  unanswered = false;
  /** Server, HTTP: with our response whole the exchange is over, whatever the request still lacks. */
  endsWithUs = false;
  carries: Carries = 'bytes';
  /** What the declared length leaves to come; undefined if nothing was declared. */
  bodyLeft: number | undefined;
  /** That came after the data, once `end` was delivered. */
  trailers: HeaderList | undefined;
  /** The code of the peer's RST_STREAM. */
  resetCode: number | undefined;
  /** Called when the stream is reset or lost, beside the receiver's `closed`: for those who have not begun to receive. */
  onGone: (() => void) | undefined;
  readonly #host: StreamHost;
  #receiver: Receiver | undefined;
  #paused = false;
  #held: HeldBytes | undefined;
  /** The receive window, and what is left of it for the peer to send. */
  #size: number;
  #window: number;
  /** Consumed since the window last grew. */
  #kept = 0;
  /** Consumed, not yet given back to the peer. */
  #owed = 0;
  #local: 'open' | 'ending' | 'ended' = 'open';
  #remote: 'open' | 'ended' = 'open';
  /** How the stream ended, to be told when what is held has been delivered. */
  #over: Closed | undefined;
  #toldEnd = false;
  #letGo = false;
  #retired = false;
  #delivering = false;
  /** Our END_STREAM has been queued, and has left this process. */
  #sentEnd = false;
  #flushed = false;
  #ownTrailers: HeaderList | undefined;

  constructor(id: number, host: StreamHost, sendWindow: number) {
    this.id = id;
    this.#host = host;
    this.lane = new Lane(id, sendWindow, this);
    this.#size = Math.min(host.streamWindowBytes, firstWindowBytes);
    this.#window = this.#size;
  }

  // The conduit's side.

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#held !== undefined || this.#remote === 'ended' || this.#over !== undefined) queueMicrotask(() => this.#deliver());
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliver();
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    if (this.#local !== 'open') {
      slab?.release();
      return true;
    }
    return this.#host.write(this.lane, bytes, slab);
  }

  end(trailers?: HeaderList): void {
    if (this.#local !== 'open') return;
    this.#local = 'ending';
    this.#ownTrailers = trailers;
    if (this.lane.pendingBytes > 0) {
      this.lane.endAfter = trailers === undefined ? 'data' : 'trailers';
      return;
    }
    if (trailers === undefined) this.#host.sendEnd(this.id);
    this.laneEnded();
  }

  close(): void {
    this.end();
    if (this.#letGo) return;
    this.#release();
    this.#deliver();
  }

  abort(why: 'cancel' | 'broken'): void {
    this.drop(why === 'cancel' ? errorCode.cancel : errorCode.connect);
  }

  /** Resets the stream and tells nobody here. */
  drop(code: number): void {
    this.#receiver = undefined;
    this.opening = undefined;
    this.reset(code);
  }

  /** 1xx, before the head. */
  sendInterim(headers: HeaderList): void {
    if (this.#local === 'open') this.#host.sendHeaders(this.id, headers, false);
  }

  /** The head of a request, or the answer to one. */
  sendHead(headers: HeaderList, endStream: boolean): void {
    if (this.#local !== 'open') return;
    this.unanswered = false;
    this.#host.sendHeaders(this.id, headers, endStream);
    if (!endStream) return;
    this.#local = 'ending';
    this.laneEnded();
  }

  /** Ends both halves at once from our side; `closed` follows with `gone` if anybody listens. */
  reset(code: number): void {
    if (this.#retired) return;
    this.#host.sendReset(this.id, code);
    this.#finish('gone', true);
  }

  // The session's side.

  /** A DATA frame of this many octets begins. False: more than the peer was allowed. */
  charge(flowBytes: number): boolean {
    this.#window -= flowBytes;
    return this.#window >= 0;
  }

  get remoteEnded(): boolean {
    return this.#remote === 'ended';
  }

  /** HTTP: END_STREAM of the response has been queued (server), or has come (client). */
  get responseEnded(): boolean {
    return this.endsWithUs ? this.#sentEnd : this.#remote === 'ended';
  }

  arrived(bytes: Buffer, slab: Slab | undefined): void {
    if (this.#letGo) {
      slab?.release();
      if (!this.endsWithUs) this.reset(errorCode.cancel);
      return;
    }
    const receiver = this.#receiver;
    if (receiver !== undefined && !this.#paused && !this.#delivering && this.#held === undefined) {
      receiver.data(bytes, slab);
      this.consumed(bytes.length);
      return;
    }
    this.#held ??= new HeldBytes();
    this.#held.push(bytes, slab);
    this.#host.held(bytes.length);
  }

  arrivedEnd(trailers?: HeaderList): void {
    this.trailers = trailers;
    this.#remote = 'ended';
    this.#retireIfDone();
    this.#deliver();
  }

  /** RST_STREAM from the peer. */
  arrivedReset(code: number): void {
    this.resetCode = code;
    if (benignResets.has(code)) this.#finish('gone', false);
    else {
      const text = `the peer reset the stream: ${errorName(code)}`;
      const fault: ConduitFault =
        code === errorCode.refusedStream ? { code: 'stream.refused', h2: code } : { code: 'stream.reset', h2: code };
      this.#finish(new MeshError(fault, text), true);
    }
  }

  /** The peer broke a rule of this stream. */
  violated(code: number): void {
    if (this.#retired) return;
    this.#host.sendReset(this.id, code);
    this.#finish(new MeshError({ code: 'stream.reset', h2: code }, `the peer broke the protocol on this stream: ${errorName(code)}`), true);
  }

  /** The connection is lost, or will not serve this stream. */
  lost(fault: MeshError<ConduitFault>): void {
    this.#finish(fault, true);
  }

  answered(status: number, headers: HeaderList, last: boolean): void {
    const { opening } = this;
    this.opening = undefined;
    opening?.answered(status, headers, last);
  }

  laneDrained(): void {
    this.#receiver?.drained();
  }

  laneEnded(): void {
    if (this.#ownTrailers !== undefined) this.#host.sendHeaders(this.id, this.#ownTrailers, true);
    this.#local = 'ended';
    this.#sentEnd = true;
    this.#retireIfDone();
    if (this.endsWithUs && this.#remote === 'open') this.#release();
    this.#host.whenWritten((written) => {
      this.#flushed = written;
      if (written) this.#deliver();
      else this.#finish(tunnelLost(), true);
    });
  }

  /** Gives window back to the peer, in steps of half a window (RFC 9113 §6.9), and more of it while the consumer keeps up. */
  consumed(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#size || this.#remote === 'ended' || this.#retired) return;
    this.#kept += this.#owed;
    if (this.#kept >= this.#size * growAfterWindows && this.#held === undefined && !this.#paused) this.#grow();
    this.#window += this.#owed;
    this.#host.sendWindowUpdate(this.id, this.#owed);
    this.#owed = 0;
  }

  #grow(): void {
    const more = Math.min(this.#size, this.#host.streamWindowBytes - this.#size);
    this.#size += more;
    this.#kept = 0;
    this.#owed += more;
  }

  #deliver(): void {
    const receiver = this.#receiver;
    if (receiver === undefined || this.#delivering) return;
    this.#delivering = true;
    while (!this.#paused && this.#held !== undefined) {
      const piece = this.#held.shift();
      if (piece === undefined) this.#held = undefined;
      else {
        const { length } = piece.bytes;
        this.#host.held(-length);
        receiver.data(piece.bytes, piece.slab);
        this.consumed(length);
      }
    }
    this.#delivering = false;
    if (this.#held !== undefined) return;
    if (this.#remote === 'ended' && !this.#toldEnd) {
      this.#toldEnd = true;
      if (!this.#letGo) receiver.end();
    }
    if (this.#flushed && this.#remote === 'ended') this.#over ??= 'finished';
    else if (this.#flushed && this.#letGo) this.#over ??= 'gone';
    if (this.#over !== undefined && this.#receiver !== undefined) {
      this.#receiver = undefined;
      receiver.closed(this.#over);
    }
  }

  #finish(how: Closed, dropHeld: boolean): void {
    this.#over ??= how;
    this.#local = 'ended';
    this.#retire();
    if (dropHeld) this.#dropHeld();
    this.onGone?.();
    const { opening } = this;
    this.opening = undefined;
    opening?.failed(
      typeof how === 'string' ? new MeshError({ code: 'stream.reset', h2: errorCode.cancel }, 'the peer cancelled the stream') : how,
    );
    this.#deliver();
  }

  /** What still arrives is not wanted; the peer is given a while to end. */
  #release(): void {
    this.#letGo = true;
    this.#dropHeld();
    if (this.#remote === 'open' && this.#over === undefined) this.#host.linger(this);
  }

  #dropHeld(): void {
    if (this.#held === undefined) return;
    this.#host.held(-this.#held.bytes);
    this.#held = undefined;
  }

  #retireIfDone(): void {
    if (this.#local === 'ended' && this.#remote === 'ended') this.#retire();
  }

  #retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#host.retire(this);
  }
}

/** Read as the end of the stream, whatever came before (facts: ztunnel §2.11). */
const benignResets: ReadonlySet<number> = new Set([errorCode.noError, errorCode.cancel, errorCode.streamClosed]);

export function tunnelLost(cause?: unknown): MeshError<ConduitFault> {
  return new MeshError({ code: 'tunnel.lost' }, 'the tunnel was lost', cause);
}
