// Bytes that arrived for a consumer who is not ready: a queue whose memory stays close to the bytes it holds.
// Used by stream.ts. Small pieces are copied together: a peer that sends one octet a frame must not pin a 16 KiB record for each.
import type { Slab } from '../read-memory.ts';

const copyUpToBytes = 8 * 1024;
const tailBytes = 16 * 1024;

export interface Piece {
  readonly bytes: Buffer;
  readonly slab: Slab | undefined;
}

export class HeldBytes {
  readonly #pieces: Piece[] = [];
  /** A buffer of ours that small pieces are gathered in. */
  #tail: Buffer | undefined;
  #tailFilled = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Buffer, slab: Slab | undefined): void {
    this.#bytes += bytes.length;
    if (bytes.length > copyUpToBytes) {
      this.#closeTail();
      this.#pieces.push(slab !== undefined && bytes.length * 2 < slab.room.length ? copied(bytes, slab) : { bytes, slab });
      return;
    }
    if (this.#tail === undefined || this.#tail.length - this.#tailFilled < bytes.length) {
      this.#closeTail();
      this.#tail = Buffer.allocUnsafeSlow(tailBytes);
    }
    bytes.copy(this.#tail, this.#tailFilled);
    this.#tailFilled += bytes.length;
    slab?.release();
  }

  /** The oldest bytes, in pieces of any size. */
  shift(): Piece | undefined {
    if (this.#pieces.length === 0) this.#closeTail();
    const piece = this.#pieces.shift();
    if (piece !== undefined) this.#bytes -= piece.bytes.length;
    return piece;
  }

  #closeTail(): void {
    if (this.#tail !== undefined) this.#pieces.push({ bytes: this.#tail.subarray(0, this.#tailFilled), slab: undefined });
    this.#tail = undefined;
    this.#tailFilled = 0;
  }
}

/** A small part of a slab would pin the whole of it for as long as the consumer takes. */
function copied(bytes: Buffer, slab: Slab): Piece {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  slab.release();
  return { bytes: own, slab: undefined };
}
