// One HTTP/2 connection, either role, over any byte stream (RFC 9113): no push, no priorities, no compression of ours.
// Called by hbone/ for tunnels, by http2-client.ts and http2-server.ts for requests. Owns streams, SETTINGS, GOAWAY and the end of the connection.
// What arrives is judged by incoming.ts, what leaves is ordered by sender.ts and output.ts.
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { HeaderList } from '../http/message.ts';
import type { ReadMemory, Slab } from '../read-memory.ts';
import { FrameReader } from './frame-reader.ts';
import { writeEnd, writeGoAway, writeHeaders, writePing, writeReset, writeSettings, writeWindowUpdate } from './frame-writer.ts';
import type { RequestFields } from './headers.ts';
import { encodeHeaders } from './hpack-encoder.ts';
import { Incoming, type IncomingHost } from './incoming.ts';
import { defaultKeepalive, Keepalive, type KeepaliveSettings } from './keepalive.ts';
import { type Carrier, type Link, linkOf } from './link.ts';
import { Output, type Written } from './output.ts';
import { defaultWindowBytes, errorCode, errorName, maxStreamId, preface, Violation } from './protocol.ts';
import { ReceiveWindow } from './receive-window.ts';
import { type Lane, Sender } from './sender.ts';
import { encodeSettings, type H2Settings } from './settings.ts';
import { H2Stream, type Opening, type StreamHost, tunnelLost } from './stream.ts';

export type SessionFault =
  /** One side broke the protocol's rules; `by` says who complains. */
  | { readonly code: 'h2.violation'; readonly h2: number; readonly by: 'us' | 'peer' }
  | { readonly code: 'h2.ping-timeout' }
  | { readonly code: 'h2.preface-timeout' }
  /** The byte stream below failed, or closed while streams were open. */
  | { readonly code: 'h2.socket' };

export interface SessionEvents {
  /** Server: a well-formed request. `ended`: the client will send no data. */
  request?(stream: H2Stream, head: RequestFields, ended: boolean): void;
  /** Server: to be answered with this status. Without it the stream is reset, as befits a tunnel. */
  readonly malformed?: (stream: H2Stream, status: 400 | 431) => void;
  /** A stream has ended: its slot is free. */
  retired?(): void;
  /** SETTINGS came: limits may have changed. */
  settings?(): void;
  /** No new streams from now on. At most once. */
  goingAway?(): void;
  /** The last event. Undefined: an orderly end. */
  closed?(fault: MeshError<SessionFault> | undefined): void;
}

export interface SessionOptions {
  readonly role: 'client' | 'server';
  readonly settings: H2Settings;
  readonly clock: Clock;
  /** `none`: for peers that resent PINGs, over a carrier that notices by itself when it is dead. */
  readonly keepalive?: KeepaliveSettings | 'none';
  /** How long the peer may take to its first SETTINGS. Default 10,000. */
  readonly prefaceTimeoutMs?: number;
  /** Where the connection's bytes are read into; without it, into buffers of Node's own. */
  readonly memory?: ReadMemory | undefined;
}

/** Frames that the peer makes us send while it reads nothing (acknowledgements, resets) may pile up to this. */
const unsentLimitBytes = 4 * 1024 * 1024;
/** From our last frame to the end of the socket, if the peer does not close it first. */
const closeWithinMs = 1_000;
/** How long a peer may take to end a stream whose consumer here has gone. */
const lingerMs = 10_000;
/** The same for a request whose response is whole: as a rule the end of its body is on the way already. */
const servedLingerMs = 200;
/** Without keepalive, how long an orderly end waits for a peer that does not read. */
const endWithinMs = 60_000;
const shutdownPing = Buffer.from('shutdown', 'latin1');
const keepalivePing = Buffer.from('keepaliv', 'latin1');

export class H2Session implements StreamHost, IncomingHost {
  readonly role: 'client' | 'server';
  readonly settings: H2Settings;
  readonly clock: Clock;
  readonly streams = new Map<number, H2Stream>();
  readonly output: Output;
  readonly sender: Sender;
  readonly window: ReceiveWindow;
  readonly streamWindowBytes: number;
  readonly #link: Link;
  readonly #events: SessionEvents;
  readonly #incoming: Incoming;
  readonly #reader: FrameReader;
  readonly #keepalive: Keepalive | undefined;
  readonly #lingering = new Map<H2Stream, Disposable>();
  #prefaceTimer: Disposable | undefined;
  /** Runs between the two GOAWAYs of a graceful shutdown. */
  #shutdownTimer: Disposable | undefined;
  #closeTimer: Disposable | undefined;
  #nextId = 1;
  #lastPeerId = 0;
  /** Streams of the peer up to here are served. */
  #servedUpTo = maxStreamId;
  #goingAway = false;
  /** `closing`: our last frame is queued. */
  #state: 'open' | 'closing' | 'closed' = 'open';
  #fault: MeshError<SessionFault> | undefined;

  /** Takes the carrier over: nobody else may read, write or end it. */
  constructor(carrier: Carrier, options: SessionOptions, events: SessionEvents) {
    this.#link = linkOf(carrier);
    this.#events = events;
    this.role = options.role;
    this.settings = options.settings;
    this.clock = options.clock;
    this.streamWindowBytes = options.settings.streamWindowBytes;
    this.output = new Output(this.#link, () => this.sender.serve());
    this.sender = new Sender(this.output);
    const windowBytes = Math.max(options.settings.connectionWindowBytes, defaultWindowBytes);
    this.window = new ReceiveWindow(windowBytes, options.memory ?? { held: 0 }, (bytes) => {
      writeWindowUpdate(this.output, 0, bytes);
    });
    this.#incoming = new Incoming(this);
    const limits = { frameBytes: options.settings.frameBytes, headerBlockBytes: options.settings.headerListBytes + 16_384 };
    this.#reader = new FrameReader(this.#incoming, limits, this.role === 'server');
    const { keepalive = defaultKeepalive } = options;
    const probe = { ping: () => writePing(this.output, keepalivePing, false), dead: () => this.#silent() };
    this.#keepalive = keepalive === 'none' ? undefined : new Keepalive(this.clock, keepalive, probe);
    this.#prefaceTimer = this.clock.after(ms(options.prefaceTimeoutMs ?? 10_000), () => this.#noPreface());
    this.#greet();
    this.#link.start(options.memory, { bytes: (bytes, slab) => this.#feed(bytes, slab), broken: (cause) => this.#broken(cause) });
  }

  /** The peer's limit for streams at a time, as far as it has said. */
  get peerConcurrentStreams(): number {
    return this.#incoming.peer.concurrentStreams;
  }

  /** New streams can be opened. */
  get usable(): boolean {
    return this.#state === 'open' && !this.#goingAway && this.#nextId < maxStreamId;
  }

  /** The peer's first SETTINGS have come. */
  get greeted(): boolean {
    return this.#prefaceTimer === undefined;
  }

  /** Client: sends a request. Undefined when the session is not usable or the peer's limit is reached. */
  open(headers: HeaderList, opening: Opening, last = false): H2Stream | undefined {
    if (!this.usable || this.streams.size >= this.peerConcurrentStreams) return undefined;
    const stream = this.#makeStream(this.#nextId);
    this.#nextId += 2;
    stream.opening = opening;
    stream.sendHead(headers, last);
    return stream;
  }

  /** Takes no new streams, lets those in progress finish, then closes (RFC 9113 §6.8). */
  shutdown(): void {
    if (this.#state !== 'open' || this.#goingAway) return;
    this.#announceGoingAway();
    if (this.role === 'client') {
      this.#endIfIdle();
      return;
    }
    // What the client sends before it reads this is still served: its answer to the PING tells when that is over.
    writeGoAway(this.output, maxStreamId, errorCode.noError, 'draining');
    writePing(this.output, shutdownPing, false);
    this.#shutdownTimer = this.clock.after(ms(closeWithinMs), () => this.#lastCall());
  }

  /** Everything at once: streams are lost, the socket is destroyed. */
  destroy(): void {
    this.#over(undefined);
  }

  // StreamHost: what streams ask of their session.

  write(lane: Lane, bytes: Buffer, slab: Slab | undefined): boolean {
    return this.sender.write(lane, bytes, slab);
  }

  sendEnd(stream: number): void {
    writeEnd(this.output, stream);
  }

  sendHeaders(stream: number, headers: HeaderList, endStream: boolean): void {
    writeHeaders(this.output, stream, encodeHeaders(headers), { endStream, frameBytes: this.sender.frameBytes });
  }

  sendReset(stream: number, code: number): void {
    if (this.#state === 'open') writeReset(this.output, stream, code);
  }

  sendWindowUpdate(stream: number, bytes: number): void {
    if (this.#state === 'open') writeWindowUpdate(this.output, stream, bytes);
  }

  whenWritten(done: Written): void {
    this.output.whenWritten(done);
  }

  held(bytes: number): void {
    this.window.held(bytes);
  }

  retire(stream: H2Stream): void {
    this.sender.forget(stream.lane);
    this.#lingering.get(stream)?.[Symbol.dispose]();
    this.#lingering.delete(stream);
    if (!this.streams.delete(stream.id)) return;
    if (this.#state === 'open') this.#events.retired?.();
    this.#endIfIdle();
  }

  linger(stream: H2Stream): void {
    const [within, code] = stream.endsWithUs ? [servedLingerMs, errorCode.noError] : [lingerMs, errorCode.cancel];
    const timer = this.clock.after(ms(within), () => stream.reset(code));
    this.#lingering.set(stream, timer);
  }

  // IncomingHost: what arriving frames ask of it.

  isIdle(id: number): boolean {
    const ours = id % 2 === (this.role === 'client' ? 1 : 0);
    return ours ? id >= this.#nextId || this.role === 'server' : id > this.#lastPeerId;
  }

  admit(id: number): boolean {
    if (id > this.#servedUpTo || this.#state !== 'open') return false;
    this.#lastPeerId = id;
    return true;
  }

  request(id: number, head: RequestFields, ended: boolean): void {
    const stream = this.#makeStream(id);
    stream.unanswered = true;
    if (head.method !== 'CONNECT') stream.bodyLeft = head.length;
    if (ended) stream.arrivedEnd();
    this.#events.request?.(stream, head, ended);
  }

  malformed(id: number, status: 400 | 431, ended: boolean): void {
    const { malformed } = this.#events;
    if (malformed === undefined) {
      this.resetStream(id, status === 431 ? errorCode.enhanceYourCalm : errorCode.protocol);
      return;
    }
    const stream = this.#makeStream(id);
    stream.unanswered = true;
    if (ended) stream.arrivedEnd();
    malformed(stream, status);
  }

  resetStream(id: number, code: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) this.sendReset(id, code);
    else stream.violated(code);
  }

  pong(payload: Buffer): void {
    if (payload.equals(shutdownPing)) this.#lastCall();
    else this.#keepalive?.pong();
    this.window.check();
  }

  peerIsGoing(lastStream: number, code: number): void {
    this.#announceGoingAway();
    for (const stream of [...this.streams.values()]) {
      if (this.role !== 'client' || stream.id <= lastStream) continue;
      stream.lost(new MeshError({ code: 'stream.refused', h2: code }, `the peer is going away: ${errorName(code)}`));
    }
    if (code !== errorCode.noError) {
      this.#fault ??= new MeshError({ code: 'h2.violation', h2: code, by: 'peer' }, `the peer gave the connection up: ${errorName(code)}`);
    }
    this.#endIfIdle();
  }

  settingsArrived(): void {
    this.#prefaceTimer?.[Symbol.dispose]();
    this.#prefaceTimer = undefined;
    this.#events.settings?.();
  }

  // The connection's own life.

  #greet(): void {
    if (this.role === 'client') this.output.raw(preface);
    writeSettings(this.output, encodeSettings(this.settings, this.role));
    const extra = this.settings.connectionWindowBytes - defaultWindowBytes;
    if (extra > 0) writeWindowUpdate(this.output, 0, extra);
  }

  #makeStream(id: number): H2Stream {
    const stream = new H2Stream(id, this, this.#incoming.peer.streamWindowBytes);
    this.streams.set(id, stream);
    return stream;
  }

  /** Nothing may be thrown from here: it runs in the socket's callback. */
  #feed(chunk: Buffer, slab: Slab | undefined): void {
    if (this.#state !== 'open') return;
    try {
      this.#reader.feed(chunk, slab);
      if (this.output.unsentBytes > unsentLimitBytes) throw new Violation(errorCode.enhanceYourCalm, 'the peer does not read our answers');
    } catch (e) {
      const violation = e instanceof Violation ? e : new Violation(errorCode.internal, 'internal error');
      const { h2, message } = violation;
      this.#fail(
        h2,
        new MeshError({ code: 'h2.violation', h2, by: 'us' }, `${errorName(h2)}: ${message}`, violation === e ? undefined : e),
      );
    }
  }

  #announceGoingAway(): void {
    if (this.#goingAway) return;
    this.#goingAway = true;
    this.#events.goingAway?.();
  }

  /** Second step of a graceful shutdown: the streams known by now are the last. */
  #lastCall(): void {
    if (this.#shutdownTimer === undefined || this.#state !== 'open') return;
    this.#shutdownTimer[Symbol.dispose]();
    this.#shutdownTimer = undefined;
    this.#servedUpTo = this.#lastPeerId;
    writeGoAway(this.output, this.#lastPeerId, errorCode.noError, 'draining');
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    const waiting = this.#shutdownTimer !== undefined || this.streams.size > 0;
    if (!this.#goingAway || waiting || this.#state !== 'open') return;
    this.#end(errorCode.noError, 'done');
  }

  #silent(): void {
    const fault = new MeshError<SessionFault>({ code: 'h2.ping-timeout' }, 'the peer answered no PING in time');
    if (this.role === 'client' || this.#state !== 'open') this.#over(fault);
    else this.#fail(errorCode.noError, fault);
  }

  #noPreface(): void {
    this.#fail(errorCode.settingsTimeout, new MeshError({ code: 'h2.preface-timeout' }, 'the peer did not begin to speak HTTP/2 in time'));
  }

  /** Tells the peer why, and closes. */
  #fail(code: number, fault: MeshError<SessionFault>): void {
    if (this.#state !== 'open') return;
    this.#fault ??= fault;
    this.#end(code, fault.message);
  }

  /** GOAWAY is our last frame. An orderly end waits until the peer has read what it was sent; keepalive bounds that. */
  #end(code: number, text: string): void {
    this.#state = 'closing';
    this.#announceGoingAway();
    writeGoAway(this.output, this.#lastPeerId, code, text);
    this.output.whenWritten(() => {
      this.#link.end();
      this.#closeWithin(closeWithinMs);
    });
    this.output.flush();
    if (this.#fault !== undefined) this.#closeWithin(closeWithinMs);
    else if (this.#keepalive === undefined) this.#closeWithin(endWithinMs);
    this.#loseStreams();
  }

  #closeWithin(limitMs: number): void {
    if (this.#state !== 'closing') return;
    this.#closeTimer?.[Symbol.dispose]();
    this.#closeTimer = this.clock.after(ms(limitMs), () => this.#over(this.#fault));
  }

  #broken(cause: Error | undefined): void {
    if (this.#state === 'closed') return;
    const orderly = cause === undefined && this.streams.size === 0;
    this.#over(orderly ? undefined : new MeshError({ code: 'h2.socket' }, 'the connection below was lost', cause));
  }

  #over(fault: MeshError<SessionFault> | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#fault ??= fault;
    for (const timer of [this.#keepalive, this.#prefaceTimer, this.#shutdownTimer, this.#closeTimer]) timer?.[Symbol.dispose]();
    this.output.stop();
    this.#link.destroy();
    this.#announceGoingAway();
    this.#loseStreams();
    this.#events.closed?.(this.#fault);
  }

  #loseStreams(): void {
    if (this.streams.size === 0) return;
    const fault = tunnelLost(this.#fault);
    for (const stream of [...this.streams.values()]) stream.lost(fault);
  }
}
