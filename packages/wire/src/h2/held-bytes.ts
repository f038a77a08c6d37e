// Bytes that arrived for a consumer who is not ready: a queue whose memory stays close to the bytes it holds.
// Used by stream.ts. Small pieces are copied together: a peer that sends one octet a frame must not pin a 16 KiB record for each.

const copyUpToBytes = 8 * 1024;
const tailBytes = 16 * 1024;

export class HeldBytes {
  readonly #pieces: Buffer[] = [];
  /** The last piece's free room, if it is one of ours. */
  #tail: Buffer | undefined;
  #tailFilled = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (bytes.length > copyUpToBytes) {
      this.#closeTail();
      this.#pieces.push(bytes);
      return;
    }
    if (this.#tail === undefined || this.#tail.length - this.#tailFilled < bytes.length) {
      this.#closeTail();
      this.#tail = Buffer.allocUnsafeSlow(tailBytes);
    }
    bytes.copy(this.#tail, this.#tailFilled);
    this.#tailFilled += bytes.length;
  }

  /** The oldest bytes, in pieces of any size. */
  shift(): Buffer | undefined {
    if (this.#pieces.length === 0) this.#closeTail();
    const piece = this.#pieces.shift();
    if (piece !== undefined) this.#bytes -= piece.length;
    return piece;
  }

  #closeTail(): void {
    if (this.#tail !== undefined && this.#tailFilled > 0) this.#pieces.push(this.#tail.subarray(0, this.#tailFilled));
    this.#tail = undefined;
    this.#tailFilled = 0;
  }
}
