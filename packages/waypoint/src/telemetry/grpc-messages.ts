// Counts the messages of a gRPC body as it passes, without keeping any of it: looks only at the length before each message.
// Used by dispatch/transaction.ts, one for each direction.

const prefixBytes = 5;

export class MessageCounter {
  /** Messages that have begun to arrive: their length is there. */
  count = 0;
  /** Octets of the prefix that have come, and the length so far. */
  #prefix = 0;
  #length = 0;
  /** Octets of the message that have not come yet. */
  #left = 0;

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at);
        this.#left -= skipped;
        at += skipped;
        continue;
      }
      // The first octet is the flag of compression.
      if (this.#prefix > 0) this.#length = this.#length * 256 + (bytes[at] ?? 0);
      this.#prefix += 1;
      at += 1;
      if (this.#prefix < prefixBytes) continue;
      this.count += 1;
      this.#left = this.#length;
      this.#prefix = 0;
      this.#length = 0;
    }
  }
}
