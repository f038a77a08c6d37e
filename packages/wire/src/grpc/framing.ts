// gRPC's message framing: a flag octet, a length of four octets, the message. Pure but for the buffers it fills.
// Used by call.ts. Compression is not offered, so a compressed message is a protocol error.
import { MeshError } from '@ambient-mesh/runtime/errors';

export type FramingFault =
  | { readonly code: 'grpc.message-too-long'; readonly bytes: number; readonly limitBytes: number }
  | { readonly code: 'grpc.compressed' }
  | { readonly code: 'grpc.cut-short' };

const prefixBytes = 5;

export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, prefixBytes);
  return framed;
}

/** The room that a message gets at first: a length is only a promise, and costs its maker nothing. */
const firstRoom = 64 << 10;

/** Cuts a byte stream into messages. Holds at most one message, in at most twice the room of what has come of it. */
export class Deframer {
  readonly #limitBytes: number;
  readonly #prefix = Buffer.alloc(prefixBytes);
  #prefixFilled = 0;
  #message: Buffer | undefined;
  #length = 0;
  #filled = 0;

  /** @param limitBytes a longer message is refused before anything of it is stored. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The messages that `chunk` completes; their buffers are the caller's. Throws a MeshError<FramingFault>, after which this object is spent. */
  *push(chunk: Buffer): Generator<Buffer> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#message === undefined) at = this.#readPrefix(chunk, at);
      if (this.#message === undefined) return;
      const end = Math.min(chunk.length, at + this.#length - this.#filled);
      const message = this.#roomFor(this.#message, this.#filled + end - at);
      this.#filled += chunk.copy(message, this.#filled, at, end);
      at = end;
      this.#message = message;
      if (this.#filled < this.#length) return;
      this.#message = undefined;
      this.#prefixFilled = 0;
      yield message;
    }
  }

  /** To be called at the end of the stream: an unfinished message is an error. */
  finish(): void {
    if (this.#prefixFilled > 0) throw new MeshError<FramingFault>({ code: 'grpc.cut-short' }, 'the stream ended inside a message');
  }

  /** Where the prefix ends in `chunk`, or the chunk's length; sets #message once the prefix is whole. */
  #readPrefix(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#prefix, this.#prefixFilled, at);
    this.#prefixFilled += taken;
    if (this.#prefixFilled === prefixBytes) this.#begin();
    return at + taken;
  }

  #begin(): void {
    const bytes = this.#prefix.readUInt32BE(1);
    if (this.#prefix[0] !== 0)
      throw new MeshError<FramingFault>({ code: 'grpc.compressed' }, 'a compressed message, which was not offered');
    if (bytes > this.#limitBytes) {
      const fault = { code: 'grpc.message-too-long', bytes, limitBytes: this.#limitBytes } as const;
      throw new MeshError<FramingFault>(fault, `a message of ${bytes} bytes, the limit is ${this.#limitBytes}`);
    }
    this.#length = bytes;
    this.#filled = 0;
    // Outside Node's pool: the model must not keep a shared slab alive.
    this.#message = Buffer.allocUnsafeSlow(Math.min(bytes, firstRoom));
  }

  /** The same message with room for so many octets, which never is more than its length. */
  #roomFor(message: Buffer, bytes: number): Buffer {
    if (message.length >= bytes) return message;
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(bytes, 2 * message.length)));
    message.copy(larger, 0, 0, this.#filled);
    return larger;
  }
}
