// The memory that plain TCP reads land in, for all connections of one thread: idle connections hold none of it.
// Used by tcp.ts, which reads into it, and by whoever writes such bytes on and gives them back (h2/output.ts, tcp.ts).
// Knows nothing of sockets: it only lends buffers and takes them back.

/** Bytes kept free in front of a slab's payload, so that an HTTP/2 frame header can be put there without copying (RFC 9113 §4.1). */
export const headroomBytes = 9;

/**
 * One pooled read buffer. Whoever receives bytes together with a slab owns it and calls `release()` at most once, when nobody reads
 * those bytes any more. A slab that is never released is garbage-collected: forgetting costs speed, releasing early corrupts data.
 */
export class Slab {
  /** The part that reads may fill: all but the headroom. */
  readonly room: Buffer;
  #headroomFree = true;
  readonly #home: Slab[];
  readonly #keep: number;

  constructor(bytes: number, home: Slab[], keep: number) {
    // A whole slab, header included, is a multiple of the TLS record size, so that no short record is left over.
    this.room = Buffer.allocUnsafeSlow(bytes).subarray(headroomBytes);
    this.#home = home;
    this.#keep = keep;
  }

  /** True, once, if the octets in front of `bytes` are free headroom: the caller may write there. */
  takeHeadroom(bytes: Buffer): boolean {
    if (!this.#headroomFree || bytes.byteOffset !== this.room.byteOffset) return false;
    this.#headroomFree = false;
    return true;
  }

  release(): void {
    if (this.#home.length >= this.#keep) return;
    this.#headroomFree = true;
    this.#home.push(this);
  }
}

/** Sizes include the headroom; at most `keepBytes` stay pooled for each size. */
export interface ReadMemorySizes {
  readonly smallBytes: number;
  readonly largeBytes: number;
  readonly keepBytes: number;
}

const defaultSizes = { smallBytes: 64 * 1024, largeBytes: 256 * 1024, keepBytes: 8 * 1024 * 1024 } as const;

/** Slabs by size, and the landing buffer that all quiet connections of this thread share. */
export class ReadMemory {
  /** Valid only until the read callback returns: the next read of any connection overwrites it. */
  readonly landing: Buffer;
  readonly sizes: ReadMemorySizes;
  readonly #small: Slab[] = [];
  readonly #large: Slab[] = [];

  constructor(sizes: ReadMemorySizes = defaultSizes) {
    this.sizes = sizes;
    this.landing = Buffer.allocUnsafeSlow(sizes.smallBytes - headroomBytes);
  }

  small(): Slab {
    const { smallBytes, keepBytes } = this.sizes;
    return this.#small.pop() ?? new Slab(smallBytes, this.#small, keepBytes / smallBytes);
  }

  large(): Slab {
    const { largeBytes, keepBytes } = this.sizes;
    return this.#large.pop() ?? new Slab(largeBytes, this.#large, keepBytes / largeBytes);
  }
}
