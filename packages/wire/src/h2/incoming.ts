// What arrives on a connection, frame by frame: finds the stream, judges the frame by the stream's state (RFC 9113 §5.1), and passes
// it on. The sink of frame-reader.ts, made by session.ts. Also the place where floods are counted.

import type { Clock } from '@ambient-mesh/runtime/time';
import type { HeaderList } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import { Budget } from './budget.ts';
import type { FrameSink } from './frame-reader.ts';
import { writePing, writeSettingsAck } from './frame-writer.ts';
import { type RequestFields, readRequest, readResponse, readTrailers } from './headers.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import type { Output } from './output.ts';
import { errorCode, maxWindowBytes, Violation } from './protocol.ts';
import type { ReceiveWindow } from './receive-window.ts';
import type { Sender } from './sender.ts';
import { applySettings, type H2Settings, initialPeerSettings, type PeerSettings } from './settings.ts';
import type { H2Stream } from './stream.ts';

/** The session as seen from here. */
export interface IncomingHost {
  readonly role: 'client' | 'server';
  readonly settings: H2Settings;
  readonly clock: Clock;
  readonly output: Output;
  readonly sender: Sender;
  readonly window: ReceiveWindow;
  readonly streams: ReadonlyMap<number, H2Stream>;
  /** True for ids that neither side has used yet. */
  isIdle(stream: number): boolean;
  /** Server: a new id. False if it must be ignored, because our last GOAWAY excludes it. */
  admit(stream: number): boolean;
  request(stream: number, head: RequestFields, ended: boolean): void;
  /** Server: what came instead of a request. 431: its headers are too large. */
  malformed(stream: number, status: 400 | 431, ended: boolean): void;
  /** RST_STREAM for a stream, whether known or not. */
  resetStream(stream: number, code: number): void;
  pong(payload: Buffer): void;
  peerIsGoing(lastStream: number, code: number): void;
  settingsArrived(): void;
}

/** Frames that ask for nothing or come too late, resets of any kind, resets of requests still unanswered: at once, and a second. */
const allowances = { idleFrames: [10_000, 5_000], resets: [5_000, 1_000], unanswered: [1_000, 200] } as const;

export class Incoming implements FrameSink {
  /** What the peer has announced. */
  peer: PeerSettings = initialPeerSettings;
  readonly #host: IncomingHost;
  readonly #decoder: HpackDecoder;
  readonly #idleFrames: Budget;
  readonly #resets: Budget;
  readonly #unanswered: Budget;
  /** The stream of the present DATA frame; undefined when its bytes are to be dropped. */
  #dataStream: H2Stream | undefined;
  #dataIsEmpty = false;

  constructor(host: IncomingHost) {
    this.#host = host;
    this.#decoder = new HpackDecoder(host.settings.headerListBytes);
    this.#idleFrames = new Budget(host.clock, ...allowances.idleFrames);
    this.#resets = new Budget(host.clock, ...allowances.resets);
    this.#unanswered = new Budget(host.clock, ...allowances.unanswered);
  }

  dataBegins(id: number, flowBytes: number): void {
    this.#dataIsEmpty = flowBytes === 0;
    this.#host.window.received(flowBytes);
    const stream = this.#find(id);
    this.#dataStream = undefined;
    if (stream === undefined) return;
    if (stream.remoteEnded) this.#refuse(id, errorCode.streamClosed);
    else if (stream.opening !== undefined) this.#refuse(id, errorCode.protocol);
    else if (!stream.charge(flowBytes)) this.#refuse(id, errorCode.flowControl);
    else this.#dataStream = stream;
  }

  dataBytes(bytes: Buffer, slab: Slab | undefined): void {
    const stream = this.#dataStream;
    if (stream?.bodyLeft !== undefined) {
      stream.bodyLeft -= bytes.length;
      if (stream.bodyLeft < 0) {
        this.#dataStream = undefined;
        this.#refuse(stream.id, errorCode.protocol);
      }
    }
    if (this.#dataStream === undefined) slab?.release();
    else this.#dataStream.arrived(bytes, slab);
  }

  dataPadding(bytes: number): void {
    this.#dataStream?.consumed(bytes);
  }

  dataEnds(endStream: boolean): void {
    if (!endStream) {
      if (this.#dataIsEmpty) this.ignored();
    } else if (this.#dataStream !== undefined) this.#ends(this.#dataStream, undefined);
    this.#dataStream = undefined;
  }

  headers(id: number, block: Buffer, endStream: boolean): void {
    const list = this.#decoder.decode(block);
    const known = this.#host.streams.get(id);
    if (known === undefined && this.#host.role === 'server' && this.#host.isIdle(id)) {
      this.#newRequest(id, list, endStream);
      return;
    }
    const stream = this.#find(id);
    if (stream === undefined) return;
    if (stream.remoteEnded) this.#refuse(id, errorCode.streamClosed);
    else if (stream.opening !== undefined) this.#answer(stream, list, endStream);
    else {
      const trailers = endStream && list !== 'too large' ? readTrailers(list) : undefined;
      if (trailers === undefined) this.#refuse(id, errorCode.protocol);
      else this.#ends(stream, trailers);
    }
  }

  reset(id: number, code: number): void {
    const stream = this.#find(id);
    if (stream === undefined) return;
    if (!this.#resets.spend() || (stream.unanswered && !this.#unanswered.spend())) throw flood('too many resets');
    stream.arrivedReset(code);
  }

  settings(payload: Buffer): void {
    this.ignored();
    const before = this.peer.streamWindowBytes;
    this.peer = applySettings(this.peer, payload);
    const { sender, streams, output } = this.#host;
    sender.frameBytes = this.peer.frameBytes;
    const grown = this.peer.streamWindowBytes - before;
    for (const { lane } of streams.values()) {
      lane.window += grown;
      if (lane.window > maxWindowBytes) throw new Violation(errorCode.flowControl, 'a stream window overflows');
    }
    writeSettingsAck(output);
    if (grown > 0) for (const { lane } of [...streams.values()]) sender.serve(lane);
    this.#host.settingsArrived();
  }

  settingsAcknowledged(): void {
    this.ignored();
  }

  ping(payload: Buffer, acknowledges: boolean): void {
    this.ignored();
    if (acknowledges) this.#host.pong(payload);
    else writePing(this.#host.output, payload, true);
  }

  goAway(lastStream: number, code: number): void {
    this.ignored();
    this.#host.peerIsGoing(lastStream, code);
  }

  windowUpdate(id: number, increment: number): void {
    if (id === 0) {
      if (increment === 0) throw new Violation(errorCode.protocol, 'WINDOW_UPDATE by 0');
      this.#host.sender.grow(increment);
      return;
    }
    const stream = this.#find(id);
    if (stream === undefined) return;
    const { lane } = stream;
    if (increment === 0) this.#refuse(id, errorCode.protocol);
    else if (lane.window + increment > maxWindowBytes) this.#refuse(id, errorCode.flowControl);
    else {
      lane.window += increment;
      this.#host.sender.serve(lane);
    }
  }

  ignored(): void {
    if (!this.#idleFrames.spend()) throw flood('too many frames that do nothing');
  }

  /** Undefined, and counted, for a stream that has ended: the peer may not know yet. */
  #find(id: number): H2Stream | undefined {
    const stream = this.#host.streams.get(id);
    if (stream !== undefined) return stream;
    if (this.#host.isIdle(id)) throw new Violation(errorCode.protocol, `a frame on idle stream ${id}`);
    this.ignored();
    return undefined;
  }

  #newRequest(id: number, list: HeaderList | 'too large', endStream: boolean): void {
    if (id % 2 === 0) throw new Violation(errorCode.protocol, `a request on stream ${id}`);
    const { streams, settings } = this.#host;
    const full = streams.size >= settings.concurrentStreams;
    if (!this.#host.admit(id)) {
      this.ignored();
      return;
    }
    if (full) {
      this.#refuse(id, errorCode.refusedStream);
      return;
    }
    const head = list === 'too large' ? undefined : readRequest(list);
    if (head !== undefined && !(endStream && (head.length ?? 0) > 0)) this.#host.request(id, head, endStream);
    else {
      this.#countRefusal();
      this.#host.malformed(id, list === 'too large' ? 431 : 400, endStream);
    }
  }

  #answer(stream: H2Stream, list: HeaderList | 'too large', endStream: boolean): void {
    const head = list === 'too large' ? undefined : readResponse(list);
    if (head === undefined || head.status === 101 || (head.status < 200 && endStream)) this.#refuse(stream.id, errorCode.protocol);
    else if (head.status < 200) {
      this.ignored();
      stream.opening?.informed?.(head.status, head.headers);
    } else {
      const bodyless = stream.carries === 'head' || head.status === 204 || head.status === 304;
      if (stream.carries !== 'bytes') stream.bodyLeft = bodyless ? 0 : head.length;
      if (endStream && stream.bodyLeft !== undefined && stream.bodyLeft > 0) this.#refuse(stream.id, errorCode.protocol);
      else {
        stream.answered(head.status, head.headers, endStream);
        if (endStream) stream.arrivedEnd();
      }
    }
  }

  /** A body shorter than declared is malformed (RFC 9113 §8.1.1). */
  #ends(stream: H2Stream, trailers: HeaderList | undefined): void {
    if (stream.bodyLeft !== undefined && stream.bodyLeft > 0) this.#refuse(stream.id, errorCode.protocol);
    else stream.arrivedEnd(trailers);
  }

  /** The peer got a stream wrong. Its resets by us count like its own: both are cheap for it and not for us. */
  #refuse(id: number, code: number): void {
    this.#countRefusal();
    this.#host.resetStream(id, code);
  }

  #countRefusal(): void {
    if (!this.#unanswered.spend()) throw flood('too many streams refused');
  }
}

const flood = (text: string): Violation => new Violation(errorCode.enhanceYourCalm, text);
