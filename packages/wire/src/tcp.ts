// A conduit over a TCP socket: reads without allocation while quiet, into pooled slabs while busy; writes gathered per loop turn.
// Accepted sockets come in through `acceptTcp`, dialled ones through tcp-dial.ts; pump.ts drives both.
// Marks, keepalive and transparency are set on the descriptor by the caller (host/sockets).
import { Socket, type SocketConstructorOpts } from 'node:net';
import { canonicalIp, type SocketAddress } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Closed, Conduit, Receiver } from './conduit.ts';
import type { ReadMemory, Slab } from './read-memory.ts';

/** Unsent bytes at which `write` says stop, and at which it says go on. */
const highWaterBytes = 256 * 1024;
const lowWaterBytes = 64 * 1024;
/** Queued bytes that do not wait for the end of the loop turn. */
const flushAtBytes = 64 * 1024;
/** Reads up to this size are copied into a buffer of their own, so that a small message does not occupy a slab. */
const copyUpToBytes = 8 * 1024;
/** After `close`, a peer that takes nothing for this long is dropped: nobody watches that connection any more. */
const lingerMs = 60_000;

export class TcpConduit implements Conduit {
  readonly #socket: Socket;
  readonly #memory: ReadMemory;
  #receiver: Receiver | undefined;
  /** The slab that the kernel reads into; undefined while that is the landing buffer. */
  #armed: Slab | undefined;
  #paused = false;
  #queue: Buffer[] = [];
  #slabs: Slab[] = [];
  /** In the queue, and given to the socket but not yet in the kernel. */
  #unsentBytes = 0;
  #queuedBytes = 0;
  #flushPlanned = false;
  #wantsDrain = false;
  #ended = false;
  #letGo = false;
  #over: Closed | undefined;
  #failure: Error | undefined;

  /** `options` says where the socket comes from: a handle, a descriptor, or nothing (to be connected). */
  constructor(memory: ReadMemory, options: SocketConstructorOpts) {
    this.#memory = memory;
    const onread = { buffer: () => this.#armed?.room ?? memory.landing, callback: (bytes: number) => this.#read(bytes) };
    const own = { allowHalfOpen: true, noDelay: true, manualStart: true, onread };
    this.#socket = new Socket({ ...options, ...own });
    this.#socket.pause();
    this.#socket.on('end', () => this.#letGo || this.#receiver?.end());
    this.#socket.on('error', (e) => {
      this.#failure = e;
    });
    this.#socket.on('close', () => this.#close());
  }

  /** For the dialler and for callers that need what only a socket tells; reading and writing stay with the conduit. */
  get socket(): Socket {
    return this.#socket;
  }

  /** For socket options that Node does not know (host/sockets). Undefined once closed. */
  get fd(): number | undefined {
    const handle: unknown = Reflect.get(this.#socket, '_handle');
    const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
    return typeof fd === 'number' && fd >= 0 ? fd : undefined;
  }

  /** Undefined when the peer is gone already. */
  get remote(): SocketAddress | undefined {
    return addressOf(this.#socket.remoteAddress, this.#socket.remotePort);
  }

  get local(): SocketAddress | undefined {
    return addressOf(this.#socket.localAddress, this.#socket.localPort);
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#over !== undefined) return void queueMicrotask(() => this.#tellClosed());
    this.resume();
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (this.#letGo) return;
    this.#paused = false;
    if (this.#receiver !== undefined) this.#socket.resume();
  }

  write(bytes: Buffer, slab?: Slab): boolean {
    if (this.#ended || this.#over !== undefined) {
      slab?.release();
      return true;
    }
    this.#queue.push(bytes);
    if (slab !== undefined) this.#slabs.push(slab);
    this.#queuedBytes += bytes.length;
    this.#unsentBytes += bytes.length;
    if (this.#queuedBytes >= flushAtBytes) this.#flush();
    else if (!this.#flushPlanned) {
      this.#flushPlanned = true;
      setImmediate(flushNow, this);
    }
    this.#wantsDrain = this.#unsentBytes >= highWaterBytes;
    return !this.#wantsDrain;
  }

  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#socket.end();
  }

  close(): void {
    this.end();
    this.#letGo = true;
    this.pause();
    this.#socket.setTimeout(lingerMs, () => this.#socket.destroy());
    this.#socket.destroySoon();
  }

  abort(why: 'cancel' | 'broken'): void {
    this.#receiver = undefined;
    this.#ended = true;
    if (why === 'broken' && !this.#isShuttingDown) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /**
   * Everything has gone out and its end is on the way. libuv refuses to reset such a socket, and Node then forgets it without closing its
   * descriptor; the peer has had all bytes, so that an ordinary close tells it nothing wrong.
   */
  get #isShuttingDown(): boolean {
    const { writableEnded, writableLength, writableFinished } = this.#socket;
    return writableEnded && writableLength === 0 && !writableFinished;
  }

  /** Called by a timer of the loop turn; public only for that. */
  flushPlanned(): void {
    this.#flushPlanned = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#queuedBytes === 0) return;
    const { length } = this.#queue;
    const sent = { bytes: this.#queuedBytes, slabs: this.#slabs };
    const done = () => this.#written(sent.bytes, sent.slabs);
    if (length > 1) this.#socket.cork();
    this.#queue.forEach((bytes, i) => {
      this.#socket.write(bytes, i === length - 1 ? done : undefined);
    });
    if (length > 1) this.#socket.uncork();
    this.#queue = [];
    this.#slabs = [];
    this.#queuedBytes = 0;
  }

  #written(bytes: number, slabs: readonly Slab[]): void {
    for (const slab of slabs) slab.release();
    this.#unsentBytes -= bytes;
    if (!this.#wantsDrain || this.#unsentBytes > lowWaterBytes) return;
    this.#wantsDrain = false;
    this.#receiver?.drained();
  }

  /**
   * A read that fills its buffer means that more is waiting: the next one goes to a pooled slab, then to a larger one. Any other read
   * goes back to the landing buffer, because the buffer of the next read is chosen now and held however long that read takes to come.
   */
  #read(bytes: number): boolean {
    if (this.#letGo) return false;
    const memory = this.#memory;
    const armed = this.#armed;
    const from = armed?.room ?? memory.landing;
    if (bytes === from.length) this.#armed = armed === undefined ? memory.small() : memory.large();
    else this.#armed = undefined;
    if (bytes <= copyUpToBytes) {
      armed?.release();
      this.#receiver?.data(Buffer.from(from.subarray(0, bytes)));
    } else if (armed !== undefined) this.#receiver?.data(from.subarray(0, bytes), armed);
    else {
      const slab = memory.small();
      from.copy(slab.room, 0, 0, bytes);
      this.#receiver?.data(slab.room.subarray(0, bytes), slab);
    }
    return !this.#paused;
  }

  #close(): void {
    const code = this.#failure && ((this.#failure as NodeJS.ErrnoException).code ?? 'UNKNOWN');
    if (code === undefined) this.#over = 'finished';
    else if (benign.has(code)) this.#over = 'gone';
    else this.#over = new MeshError({ code: 'tcp.failed', errno: code }, `the TCP connection failed: ${code}`, this.#failure);
    this.#armed?.release();
    this.#armed = undefined;
    this.#queue = [];
    this.#tellClosed();
  }

  #tellClosed(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    if (this.#over !== undefined) receiver?.closed(this.#over);
  }
}

/** Ways for a peer to go that count as a normal end (facts: ztunnel §2.11). */
const benign = new Set([
  'ECONNRESET',
  'EPIPE',
  'ENOTCONN',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

const flushNow = (conduit: TcpConduit): void => conduit.flushPlanned();

function addressOf(ip: string | undefined, port: number | undefined): SocketAddress | undefined {
  return ip === undefined || port === undefined ? undefined : { ip: canonicalIp(ip), port };
}

/**
 * Takes over a connection from a `net.Server`. Node reads into our buffers only if it learns of them when the socket is made, and a server
 * makes its sockets itself; so the connection's handle moves to a socket of ours. The server must have `pauseOnConnect`, or bytes that
 * arrive before this call would be lost. The emptied first socket is destroyed, whereby the server stops counting it: closing the
 * server does not wait for adopted connections.
 */
export function acceptTcp(accepted: Socket, memory: ReadMemory): TcpConduit {
  const handle: unknown = Reflect.get(accepted, '_handle');
  Reflect.set(accepted, '_handle', null);
  accepted.destroy();
  const conduit = new TcpConduit(memory, { handle } as SocketConstructorOpts);
  // Gone already: say so to whoever receives.
  if (handle === null) conduit.socket.destroy();
  return conduit;
}
