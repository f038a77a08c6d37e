// The memory of a plugin, read and written with care: addresses come from the plugin and may be anything.
// Used by the host functions. Views are made anew each time, since memory that grows moves.

/** The plugin gave an address that it does not have. */
export class BadAddress extends Error {}

export class GuestMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #allocate: (octets: number) => number;

  /** `allocate`: the plugin's own; answers 0 when there is no room. */
  constructor(memory: WebAssembly.Memory, allocate: (octets: number) => number) {
    this.#memory = memory;
    this.#allocate = allocate;
  }

  /** A copy. */
  bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#window(at, length).slice();
  }

  /** UTF-8. */
  text(at: number, length: number): string {
    return Buffer.from(this.bytes(at, length)).toString('utf8');
  }

  /** Octets as they are. */
  latin1(at: number, length: number): string {
    return Buffer.from(this.bytes(at, length)).toString('latin1');
  }

  uint32(at: number): number {
    return this.#view(at, 4).getUint32(0, true);
  }

  put(at: number, bytes: Uint8Array): void {
    this.#window(at, bytes.length).set(bytes);
  }

  putUint32(at: number, value: number): void {
    this.#view(at, 4).setUint32(0, value, true);
  }

  putUint64(at: number, value: bigint): void {
    this.#view(at, 8).setBigUint64(0, value, true);
  }

  /** Hands octets over in memory that the plugin allocates and frees: their address and size go to the given places. */
  give(bytes: Uint8Array, toAddress: number, toSize: number): void {
    const at = bytes.length === 0 ? 0 : this.#allocate(bytes.length) >>> 0;
    if (at === 0 && bytes.length > 0) throw new BadAddress('the plugin has no room');
    this.put(at, bytes);
    this.putUint32(toAddress, at);
    this.putUint32(toSize, bytes.length);
  }

  #window(at: number, length: number): Uint8Array<ArrayBuffer> {
    this.#check(at, length);
    return new Uint8Array(this.#memory.buffer, at >>> 0, length >>> 0);
  }

  #view(at: number, length: number): DataView {
    this.#check(at, length);
    return new DataView(this.#memory.buffer, at >>> 0, length);
  }

  #check(at: number, length: number): void {
    if ((at >>> 0) + (length >>> 0) > this.#memory.buffer.byteLength) throw new BadAddress('no such address');
  }
}
