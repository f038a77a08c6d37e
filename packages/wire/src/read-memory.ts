// The memory that reads land in, for all connections of one thread: quiet connections hold none of it.
// Used by tcp.ts and h2/intake.ts, which read into it, and by whoever writes such bytes on and then gives them back.
// Knows nothing of sockets: it only lends buffers and takes them back.

/** Octets kept free in front of a slab's payload, so that an HTTP/2 frame header can be put there without copying (RFC 9113 §4.1). */
const headroomBytes = 9;

/**
 * One pooled read buffer. Who receives bytes together with a slab calls `release()` once, when nobody reads those bytes any more.
 * A slab that is never released is garbage-collected: forgetting costs speed, releasing too early or twice corrupts somebody's data.
 */
export class Slab {
  /** The part that reads may fill: all but the headroom. */
  readonly room: Buffer;
  readonly #shelf: Shelf;
  #headroomFree = true;
  #holders = 1;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
    this.room = Buffer.allocUnsafeSlow(shelf.slabBytes).subarray(headroomBytes);
  }

  /** One more `release` will come. */
  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders === 0) this.#shelf.put(this);
  }

  /** True, once, if the octets in front of `bytes` are free headroom: the caller may write there. */
  takeHeadroom(bytes: Buffer): boolean {
    if (!this.#headroomFree || bytes.byteOffset !== this.room.byteOffset) return false;
    this.#headroomFree = false;
    return true;
  }

  /** Its shelf lends it again. */
  renew(): this {
    this.#holders = 1;
    this.#headroomFree = true;
    return this;
  }
}

/** The free slabs of one size. */
class Shelf {
  /** Headroom included. */
  readonly slabBytes: number;
  readonly #keep: number;
  readonly #free: Slab[] = [];

  constructor(slabBytes: number, keepBytes: number) {
    this.slabBytes = slabBytes;
    this.#keep = keepBytes / slabBytes;
  }

  take(): Slab {
    return this.#free.pop()?.renew() ?? new Slab(this);
  }

  put(slab: Slab): void {
    if (this.#free.length < this.#keep) this.#free.push(slab);
  }
}

/** At most this much stays pooled of each size. */
const keepBytes = 8 * 1024 * 1024;
/** With the headroom a multiple of the TLS record (RFC 8446 §5.1), so that a full slab leaves no short record over. */
const smallBytes = 64 * 1024;
const largeBytes = 128 * 1024;
/** The plaintext of one TLS record. */
const recordBytes = 16 * 1024 + headroomBytes;

export class ReadMemory {
  /** What quiet connections share. Valid only until the read callback returns: the next read of any connection overwrites it. */
  readonly landing: Buffer = Buffer.allocUnsafeSlow(smallBytes - headroomBytes);
  /** Bytes that tunnels of this thread hold for consumers who are slower than their senders; counted by h2/receive-window.ts. */
  held = 0;
  readonly #small = new Shelf(smallBytes, keepBytes);
  readonly #large = new Shelf(largeBytes, keepBytes);
  readonly #record = new Shelf(recordBytes, keepBytes);

  /** For a busy TCP connection. */
  small(): Slab {
    return this.#small.take();
  }

  /** For a very busy one. */
  large(): Slab {
    return this.#large.take();
  }

  /** For a busy TLS connection, which Node reads record by record. */
  record(): Slab {
    return this.#record.take();
  }
}
