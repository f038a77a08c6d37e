// Frames of SPDY/3.1, as far as Kubernetes uses them: bytes to frames and back. Pure; header blocks stay compressed.
// Used by session.ts. (SPDY Protocol draft 3.1, sections 2.2 and 2.6.)

export type Frame =
  | { readonly type: 'data'; readonly stream: number; readonly fin: boolean; readonly data: Buffer }
  | { readonly type: 'syn-stream'; readonly stream: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'syn-reply'; readonly stream: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'headers'; readonly stream: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly type: 'rst-stream'; readonly stream: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway'; readonly lastStream: number; readonly status: number }
  /** Settings, window updates and credentials mean nothing here: Kubernetes' SPDY has no flow control. */
  | { readonly type: 'ignored' };

export const resetStatus = { protocolError: 1, invalidStream: 2, refused: 3, cancel: 5, internal: 6 } as const;

const types = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goaway: 7, headers: 8 } as const;
const version = 3;
const fin = 1;
const headBytes = 8;
const streamMask = 0x7fffffff;

/** Of one frame, its head not counted. */
export const largestFrameBytes = 1 << 20;

/** Cuts a byte stream into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that are complete by now. @throws Error for what is no SPDY/3 frame, or is too large. */
  *read(chunk: Buffer): Generator<Frame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= headBytes) {
      const length = this.#rest.readUIntBE(5, 3);
      if (length > largestFrameBytes) throw new Error(`a SPDY frame of ${length} bytes`);
      if (this.#rest.length < headBytes + length) return;
      const frame = this.#rest.subarray(0, headBytes + length);
      this.#rest = this.#rest.subarray(headBytes + length);
      yield parseFrame(frame);
    }
  }
}

function parseFrame(bytes: Buffer): Frame {
  const isControl = (bytes[0] ?? 0) >= 0x80;
  const isFin = ((bytes[4] ?? 0) & fin) !== 0;
  const body = bytes.subarray(headBytes);
  if (!isControl) return { type: 'data', stream: bytes.readUInt32BE(0), fin: isFin, data: body };
  if ((bytes.readUInt16BE(0) & 0x7fff) !== version) throw new Error('a frame of another version of SPDY');
  const number = (at: number): number => {
    if (body.length < at + 4) throw new Error('a SPDY frame that is too short');
    return body.readUInt32BE(at);
  };
  switch (bytes.readUInt16BE(2)) {
    case types.synStream:
      number(6);
      return { type: 'syn-stream', stream: number(0) & streamMask, fin: isFin, block: body.subarray(10) };
    case types.synReply:
      return { type: 'syn-reply', stream: number(0) & streamMask, fin: isFin, block: body.subarray(4) };
    case types.headers:
      return { type: 'headers', stream: number(0) & streamMask, fin: isFin, block: body.subarray(4) };
    case types.rstStream:
      return { type: 'rst-stream', stream: number(0) & streamMask, status: number(4) };
    case types.ping:
      return { type: 'ping', id: number(0) };
    case types.goaway:
      return { type: 'goaway', lastStream: number(0) & streamMask, status: number(4) };
    default:
      return { type: 'ignored' };
  }
}

/** @param data at most `largestFrameBytes` */
export function dataFrame(stream: number, data: Buffer, isFin = false): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(stream & streamMask);
  head.writeUInt8(isFin ? fin : 0, 4);
  head.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([head, data]);
}

export const synReply = (stream: number, block: Buffer): Buffer => control(types.synReply, [stream], block);
export const synStream = (stream: number, block: Buffer): Buffer =>
  control(types.synStream, [stream, 0], Buffer.concat([Buffer.alloc(2), block]));
export const rstStream = (stream: number, status: number): Buffer => control(types.rstStream, [stream, status]);
export const ping = (id: number): Buffer => control(types.ping, [id]);
export const goaway = (lastStream: number): Buffer => control(types.goaway, [lastStream, 0]);

function control(type: number, numbers: readonly number[], rest: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.alloc(numbers.length * 4);
  for (const [at, number] of numbers.entries()) body.writeUInt32BE(number, at * 4);
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x8000 | version);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(body.length + rest.length, 5, 3);
  return Buffer.concat([head, body, rest]);
}
