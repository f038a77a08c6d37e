// The way out of a connection: frames queued in order, gathered, and written one batch at a time.
// Used by session.ts and sender.ts. Small frames are copied together; large DATA goes out in place, its header in the slab's headroom.
// One write at a time, because node:tls copies whatever waits behind a write in progress into one new buffer.
import type { Slab } from '../read-memory.ts';
import type { Link, Part } from './link.ts';
import { flag, frameHeaderBytes, frameType } from './protocol.ts';

/** Unsent bytes from which on no stream may add data, and down to which they may again. */
const congestedBytes = 256 * 1024;
const relievedBytes = 128 * 1024;
/** Queued bytes that do not wait for the end of the loop turn. */
const flushAtBytes = 64 * 1024;
/** Payloads up to this size are copied. */
const copyUpToBytes = 8 * 1024;
const stagingBytes = 16 * 1024;
/** Several parts make one write up to this size; a larger part is written alone, uncopied. */
const batchBytes = 64 * 1024;

/** False: the connection was lost before. */
export type Written = (written: boolean) => void;

export class Output {
  readonly #link: Link;
  /** Called when congestion is over. */
  readonly #roomAgain: () => void;
  #parts: Part[] = [];
  /** Frames being gathered: from `#open` to `#end`; before `#open` lie closed parts. */
  #staging: Buffer = Buffer.alloc(0);
  #open = 0;
  #end = 0;
  /** Octets since the connection began: queued, and taken by the socket. */
  #queued = 0;
  #written = 0;
  #writing = false;
  #planned = false;
  #congested = false;
  /** Who waits for everything queued before them, in order. */
  readonly #waiting: { readonly at: number; readonly done: Written }[] = [];
  #stopped = false;

  constructor(link: Link, roomAgain: () => void) {
    this.#link = link;
    this.#roomAgain = roomAgain;
  }

  get congested(): boolean {
    return this.#congested;
  }

  /** Octets that the socket has not taken yet. */
  get unsentBytes(): number {
    return this.#queued - this.#written;
  }

  /** Queues a frame; the caller writes its payload into `staging` at the returned offset, at once. */
  frame(type: number, flags: number, stream: number, length: number): number {
    const at = this.#claim(frameHeaderBytes + length);
    writeHeader(this.#staging, at, { length, type, flags, stream });
    this.#plan(false);
    return at + frameHeaderBytes;
  }

  /** Valid until the next call of this object. */
  get staging(): Buffer {
    return this.#staging;
  }

  /** Queues bytes that are no frame of ours to build: the client's preface. */
  raw(bytes: Buffer): void {
    const at = this.#claim(bytes.length);
    bytes.copy(this.#staging, at);
    this.#plan(false);
  }

  /** Queues a DATA frame and takes the slab that its bytes lie in, if any: released when they have gone out. */
  data(stream: number, bytes: Buffer, endStream: boolean, slab: Slab | undefined): void {
    const { length } = bytes;
    const header = { length, type: frameType.data, flags: endStream ? flag.endStream : 0, stream };
    if (length <= copyUpToBytes) {
      const at = this.frame(header.type, header.flags, stream, length);
      bytes.copy(this.#staging, at);
      slab?.release();
      return;
    }
    let whole = bytes;
    if (slab?.takeHeadroom(bytes)) {
      whole = Buffer.from(bytes.buffer, bytes.byteOffset - frameHeaderBytes, length + frameHeaderBytes);
      writeHeader(whole, 0, header);
    } else {
      const at = this.#claim(frameHeaderBytes);
      writeHeader(this.#staging, at, header);
    }
    this.#closePart();
    this.#parts.push({ bytes: whole, slab });
    this.#queued += whole.length;
    this.#plan(true);
  }

  /** Calls back when everything queued so far has been taken by the socket, or when it is certain that it will not be. */
  whenWritten(done: Written): void {
    if (this.unsentBytes === 0 || this.#stopped) queueMicrotask(() => done(!this.#stopped));
    else this.#waiting.push({ at: this.#queued, done });
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#stopped = true;
    this.#parts = [];
    for (const { done } of this.#waiting.splice(0)) done(false);
  }

  flush(): void {
    this.#planned = false;
    if (this.#writing || this.#stopped) return;
    this.#closePart();
    const batch = this.#takeBatch();
    if (batch.length === 0) return;
    this.#writing = true;
    let bytes = 0;
    for (const part of batch) bytes += part.bytes.length;
    this.#link.write(batch, () => this.#taken(bytes));
  }

  #takeBatch(): readonly Part[] {
    let bytes = 0;
    let count = 0;
    for (const part of this.#parts) {
      bytes += part.bytes.length;
      if (count > 0 && bytes > batchBytes) break;
      count++;
    }
    if (count === this.#parts.length) {
      const all = this.#parts;
      this.#parts = [];
      return all;
    }
    return this.#parts.splice(0, count);
  }

  #taken(bytes: number): void {
    this.#writing = false;
    this.#written += bytes;
    if (this.#stopped) return;
    if (this.unsentBytes > 0) this.flush();
    else if (!this.#link.keepsBytes) {
      this.#open = 0;
      this.#end = 0;
    }
    if (this.#congested && this.unsentBytes <= relievedBytes) {
      this.#congested = false;
      this.#roomAgain();
    }
    while (this.#waiting[0] !== undefined && this.#waiting[0].at <= this.#written) this.#waiting.shift()?.done(true);
  }

  /** Room for `length` octets at the end of the gathered frames; returns where. */
  #claim(length: number): number {
    if (this.#staging.length - this.#end < length) {
      this.#closePart();
      this.#staging = Buffer.allocUnsafeSlow(Math.max(stagingBytes, length));
      this.#open = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += length;
    this.#queued += length;
    return at;
  }

  #closePart(): void {
    if (this.#end === this.#open) return;
    this.#parts.push({ bytes: this.#staging.subarray(this.#open, this.#end), slab: undefined });
    this.#open = this.#end;
  }

  /** `complete`: everything queued has its payload, so that it may go at once. */
  #plan(complete: boolean): void {
    const { unsentBytes } = this;
    if (unsentBytes >= congestedBytes) this.#congested = true;
    if (this.#writing || this.#stopped) return;
    if (complete && unsentBytes >= flushAtBytes) this.flush();
    else if (!this.#planned) {
      this.#planned = true;
      setImmediate(flushNow, this);
    }
  }
}

const flushNow = (output: Output): void => output.flush();

interface FrameHeader {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

function writeHeader(into: Buffer, at: number, { length, type, flags, stream }: FrameHeader): void {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  into.writeUInt32BE(stream, at + 5);
}
