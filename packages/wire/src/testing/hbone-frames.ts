// A peer that speaks HTTP/2 frame by frame, right or wrong as the test likes, and remembers what it is told.
// Used by the tests of h2/; works over any Duplex, most of all over one half of `linked()`.
import { Duplex } from 'node:stream';
import { encodeHeaders } from '../h2/hpack-encoder.ts';
import { flag, frameType, preface } from '../h2/protocol.ts';
import type { HeaderList } from '../http/message.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

export const u32 = (...values: readonly number[]): Buffer => {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    out.writeUInt32BE(value, i * 4);
  });
  return out;
};

export function settings(...entries: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(entries.length * 6);
  entries.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(frameType.settings, 0, 0, payload);
}

export const headers = (stream: number, list: HeaderList, endStream = false): Buffer =>
  frame(frameType.headers, flag.endHeaders | (endStream ? flag.endStream : 0), stream, encodeHeaders(list));

export const connectHeaders = (stream: number, authority = '10.0.0.2:80'): Buffer =>
  headers(stream, [
    [':method', 'CONNECT'],
    [':authority', authority],
  ]);

export const data = (stream: number, bytes: Uint8Array | string, endStream = false): Buffer =>
  frame(frameType.data, endStream ? flag.endStream : 0, stream, Buffer.from(bytes));

/** Two Duplex streams, each the other's peer. */
export function linked(): readonly [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(bytes: Buffer, _encoding, done) {
        // What is written may be reused once `done` was called.
        other().push(Buffer.from(bytes));
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}

export class RawPeer {
  readonly frames: Frame[] = [];
  readonly socket: Duplex;
  closed = false;
  #rest: Buffer = Buffer.alloc(0);
  #skip: number;

  /** `greet`: sends preface (as client) and empty SETTINGS at once. */
  constructor(socket: Duplex, role: 'client' | 'server', greet = true) {
    this.socket = socket;
    this.#skip = role === 'server' ? preface.length : 0;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', () => {});
    socket.on('end', () => {
      this.closed = true;
    });
    socket.on('close', () => {
      this.closed = true;
    });
    if (greet) this.send(role === 'client' ? preface : Buffer.alloc(0), settings());
  }

  send(...bytes: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  of(type: number, stream?: number): Frame[] {
    return this.frames.filter((f) => f.type === type && (stream === undefined || f.stream === stream));
  }

  /** The code of the GOAWAY that it got last. */
  get goAwayCode(): number | undefined {
    return this.of(frameType.goAway).at(-1)?.payload.readUInt32BE(4);
  }

  resetCode(stream: number): number | undefined {
    return this.of(frameType.reset, stream)[0]?.payload.readUInt32BE(0);
  }

  #read(bytes: Buffer): void {
    let rest = Buffer.concat([this.#rest, bytes]);
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
    }
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      const stream = rest.readUInt32BE(5);
      this.frames.push({ type: rest.readUInt8(3), flags: rest.readUInt8(4), stream, payload: Buffer.from(rest.subarray(9, end)) });
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }
}
