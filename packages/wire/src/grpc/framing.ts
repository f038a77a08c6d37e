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

/** Cuts a byte stream into messages, copying each octet once. Holds at most one message. */
export class Deframer {
  readonly #limitBytes: number;
  readonly #prefix = Buffer.alloc(prefixBytes);
  #prefixFilled = 0;
  #message: Buffer | undefined;
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
      const taken = chunk.copy(this.#message, this.#filled, at);
      at += taken;
      this.#filled += taken;
      if (this.#filled < this.#message.length) return;
      const complete = this.#message;
      this.#message = undefined;
      this.#prefixFilled = 0;
      yield complete;
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
    // Outside Node's pool: the model must not keep a shared slab alive.
    this.#message = Buffer.allocUnsafeSlow(bytes);
    this.#filled = 0;
  }
}
