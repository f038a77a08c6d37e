// Cuts the bytes of a connection into HTTP/2 frames (RFC 9113 §4, §6): the parser's state machine, bounded in every state.
// Fed by session.ts, which is also its sink. DATA is passed on as it arrives, without waiting for the rest of its frame.
// Checks what a single frame can get wrong; what depends on streams is the session's to judge.
import type { Slab } from '../read-memory.ts';
import { errorCode, flag, frameHeaderBytes, frameType, preface, Violation } from './protocol.ts';

export interface FrameSink {
  /** A DATA frame begins. `flowBytes`: what it takes from the windows, padding included. */
  dataBegins(stream: number, flowBytes: number): void;
  /** A part of its bytes. Yours to keep, or with a slab yours until you release it. */
  dataBytes(bytes: Buffer, slab: Slab | undefined): void;
  /** Octets of the frame that are no data. */
  dataPadding(bytes: number): void;
  dataEnds(endStream: boolean): void;
  /** A whole header block; `block` is valid only during the call. */
  headers(stream: number, block: Buffer, endStream: boolean): void;
  reset(stream: number, code: number): void;
  /** Payload of a SETTINGS frame that is no acknowledgement; valid only during the call. */
  settings(payload: Buffer): void;
  settingsAcknowledged(): void;
  ping(payload: Buffer, acknowledges: boolean): void;
  goAway(lastStream: number, code: number): void;
  windowUpdate(stream: number, increment: number): void;
  /** A frame that asks for nothing: PRIORITY, or a type that we do not know. */
  ignored(): void;
}

export interface FrameReaderLimits {
  readonly frameBytes: number;
  /** Octets of one header block, over all its frames. */
  readonly headerBlockBytes: number;
}

/** CONTINUATION frames in one block: an honest peer fills its frames, so even a few are many. */
const maxContinuations = 32;
/** Frames other than DATA and header blocks are small; GOAWAY's debug data and SETTINGS have no limit of their own. */
const maxControlBytes = 4096;

/** A header block whose END_HEADERS has not come yet; no other frame may come in between (RFC 9113 §4.3). */
interface OpenBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly parts: Buffer[];
  bytes: number;
}

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limits: FrameReaderLimits;
  /** Octets of the client's preface still to come; 0 on the client's side. */
  #prefaceLeft: number;
  readonly #header = Buffer.allocUnsafeSlow(frameHeaderBytes);
  #headerFilled = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** Octets of the present frame still to come. */
  #left = 0;
  #inFrame = false;
  /** DATA: padding at the frame's end; undefined until its length octet has come. */
  #padding: number | undefined = 0;
  /** Other frames: the part of the payload that came in earlier chunks. */
  #collected: Buffer[] = [];
  #block: OpenBlock | undefined;
  #firstFrame = true;
  /** Of the chunk being fed. */
  #slab: Slab | undefined;

  constructor(sink: FrameSink, limits: FrameReaderLimits, expectPreface: boolean) {
    this.#sink = sink;
    this.#limits = limits;
    this.#prefaceLeft = expectPreface ? preface.length : 0;
  }

  /**
   * Takes the slab that the chunk lies in, if any; a chunk without one must not change afterwards.
   * Throws a Violation; after that nothing more may be fed.
   */
  feed(chunk: Buffer, slab?: Slab): void {
    this.#slab = slab;
    this.#feed(chunk);
    this.#slab = undefined;
    slab?.release();
  }

  #feed(chunk: Buffer): void {
    let at = this.#prefaceLeft > 0 ? this.#readPreface(chunk) : 0;
    while (at < chunk.length) {
      if (!this.#inFrame) {
        at = this.#readHeader(chunk, at);
        if (!this.#inFrame) return;
        this.#begin();
        if (this.#left > 0) continue;
      }
      at = this.#type === frameType.data ? this.#readData(chunk, at) : this.#readPayload(chunk, at);
    }
  }

  #readPreface(chunk: Buffer): number {
    const from = preface.length - this.#prefaceLeft;
    const bytes = Math.min(this.#prefaceLeft, chunk.length);
    if (preface.compare(chunk, 0, bytes, from, from + bytes) !== 0) throw new Violation(errorCode.protocol, 'not an HTTP/2 preface');
    this.#prefaceLeft -= bytes;
    return bytes;
  }

  #readHeader(chunk: Buffer, at: number): number {
    const filled = this.#headerFilled;
    if (filled === 0 && chunk.length - at >= frameHeaderBytes) {
      this.#parseHeader(chunk, at);
      return at + frameHeaderBytes;
    }
    const bytes = Math.min(frameHeaderBytes - filled, chunk.length - at);
    chunk.copy(this.#header, filled, at, at + bytes);
    this.#headerFilled += bytes;
    if (this.#headerFilled === frameHeaderBytes) {
      this.#headerFilled = 0;
      this.#parseHeader(this.#header, 0);
    }
    return at + bytes;
  }

  #parseHeader(from: Buffer, at: number): void {
    this.#left = from.readUIntBE(at, 3);
    this.#type = from.readUInt8(at + 3);
    this.#flags = from.readUInt8(at + 4);
    this.#stream = from.readUInt32BE(at + 5) & 0x7fffffff;
    this.#inFrame = true;
  }

  #begin(): void {
    const length = this.#left;
    if (length > this.#limits.frameBytes) throw new Violation(errorCode.frameSize, `a frame of ${length} bytes`);
    if (this.#firstFrame && this.#type !== frameType.settings) throw new Violation(errorCode.protocol, 'the first frame is not SETTINGS');
    this.#firstFrame = false;
    if (this.#block !== undefined && (this.#type !== frameType.continuation || this.#stream !== this.#block.stream)) {
      throw new Violation(errorCode.protocol, 'a frame in the middle of a header block');
    }
    if (this.#type === frameType.data) this.#beginData(length);
    else if (this.#type === frameType.headers || this.#type === frameType.continuation) this.#beginBlock(length);
    else this.#checkControl(length);
  }

  #beginData(length: number): void {
    if (this.#stream === 0) throw new Violation(errorCode.protocol, 'DATA on stream 0');
    this.#padding = (this.#flags & flag.padded) === 0 ? 0 : undefined;
    if (this.#padding === undefined && length === 0) throw new Violation(errorCode.frameSize, 'DATA without its padding length');
    this.#sink.dataBegins(this.#stream, length);
  }

  #beginBlock(length: number): void {
    if (this.#stream === 0) throw new Violation(errorCode.protocol, 'HEADERS on stream 0');
    if (this.#type === frameType.continuation && this.#block === undefined) {
      throw new Violation(errorCode.protocol, 'CONTINUATION without HEADERS');
    }
    if ((this.#block?.bytes ?? 0) + length > this.#limits.headerBlockBytes || (this.#block?.parts.length ?? 0) > maxContinuations) {
      throw new Violation(errorCode.enhanceYourCalm, 'an oversized header block');
    }
  }

  #checkControl(length: number): void {
    const wrong = wrongLength(this.#type, length, this.#flags);
    if (wrong) throw new Violation(errorCode.frameSize, `a ${wrong} frame of ${length} bytes`);
    const connectionOnly = this.#type === frameType.settings || this.#type === frameType.ping || this.#type === frameType.goAway;
    const streamOnly = this.#type === frameType.reset || this.#type === frameType.priority;
    if ((connectionOnly && this.#stream !== 0) || (streamOnly && this.#stream === 0)) {
      throw new Violation(errorCode.protocol, `frame type ${this.#type} on stream ${this.#stream}`);
    }
    if (this.#type === frameType.pushPromise) throw new Violation(errorCode.protocol, 'PUSH_PROMISE, which nobody allowed');
  }

  #readData(chunk: Buffer, start: number): number {
    let at = start;
    if (this.#padding === undefined && this.#left > 0) {
      this.#padding = chunk[at++] ?? 0;
      this.#left--;
      if (this.#padding > this.#left) throw new Violation(errorCode.protocol, 'more padding than frame');
      this.#sink.dataPadding(this.#padding + 1);
    }
    const padding = this.#padding ?? 0;
    const bytes = Math.min(this.#left - padding, chunk.length - at);
    if (bytes > 0) {
      this.#sink.dataBytes(bytes === chunk.length ? chunk : chunk.subarray(at, at + bytes), this.#slab?.hold());
      this.#left -= bytes;
      at += bytes;
    }
    if (this.#left <= padding) {
      const skipped = Math.min(this.#left, chunk.length - at);
      this.#left -= skipped;
      at += skipped;
    }
    if (this.#left === 0) {
      this.#inFrame = false;
      this.#sink.dataEnds((this.#flags & flag.endStream) !== 0);
    }
    return at;
  }

  #readPayload(chunk: Buffer, at: number): number {
    const bytes = Math.min(this.#left, chunk.length - at);
    const part = chunk.subarray(at, at + bytes);
    this.#left -= bytes;
    const ignored = this.#type > frameType.continuation || this.#type === frameType.priority;
    if (this.#left > 0) {
      if (!ignored) this.#collected.push(Buffer.from(part));
      return at + bytes;
    }
    this.#inFrame = false;
    if (ignored) this.#sink.ignored();
    else if (this.#collected.length === 0) this.#finish(part);
    else {
      const parts = this.#collected;
      this.#collected = [];
      parts.push(part);
      this.#finish(Buffer.concat(parts));
    }
    return at + bytes;
  }

  #finish(payload: Buffer): void {
    const stream = this.#stream;
    const ack = (this.#flags & flag.ack) !== 0;
    switch (this.#type) {
      case frameType.headers:
        this.#finishHeaders(payload);
        break;
      case frameType.continuation:
        this.#finishContinuation(payload);
        break;
      case frameType.reset:
        this.#sink.reset(stream, payload.readUInt32BE(0));
        break;
      case frameType.settings:
        if (ack) this.#sink.settingsAcknowledged();
        else this.#sink.settings(payload);
        break;
      case frameType.ping:
        this.#sink.ping(payload, ack);
        break;
      case frameType.goAway:
        this.#sink.goAway(payload.readUInt32BE(0) & 0x7fffffff, payload.readUInt32BE(4));
        break;
      default:
        this.#sink.windowUpdate(stream, payload.readUInt32BE(0) & 0x7fffffff);
    }
  }

  #finishHeaders(payload: Buffer): void {
    let start = 0;
    let end = payload.length;
    if ((this.#flags & flag.padded) !== 0) end -= payload[start++] ?? 0;
    if ((this.#flags & flag.priority) !== 0) start += 5;
    if (start > end) throw new Violation(errorCode.protocol, 'HEADERS shorter than its padding and priority');
    const part = payload.subarray(start, end);
    const endStream = (this.#flags & flag.endStream) !== 0;
    if ((this.#flags & flag.endHeaders) !== 0) this.#sink.headers(this.#stream, part, endStream);
    else this.#block = { stream: this.#stream, endStream, parts: [Buffer.from(part)], bytes: payload.length };
  }

  #finishContinuation(payload: Buffer): void {
    const block = this.#block;
    if (block === undefined) return;
    block.parts.push(Buffer.from(payload));
    block.bytes += payload.length;
    if ((this.#flags & flag.endHeaders) === 0) return;
    this.#block = undefined;
    this.#sink.headers(block.stream, Buffer.concat(block.parts), block.endStream);
  }
}

/** The frame's name if its length breaks RFC 9113 §6, or our bound for control frames. */
function wrongLength(type: number, length: number, flags: number): string | undefined {
  switch (type) {
    case frameType.priority:
      return length === 5 ? undefined : 'PRIORITY';
    case frameType.reset:
      return length === 4 ? undefined : 'RST_STREAM';
    case frameType.windowUpdate:
      return length === 4 ? undefined : 'WINDOW_UPDATE';
    case frameType.ping:
      return length === 8 ? undefined : 'PING';
    case frameType.settings: {
      const right = (flags & flag.ack) !== 0 ? length === 0 : length % 6 === 0 && length <= maxControlBytes;
      return right ? undefined : 'SETTINGS';
    }
    case frameType.goAway:
      return length >= 8 && length <= maxControlBytes ? undefined : 'GOAWAY';
    default:
      return undefined;
  }
}
