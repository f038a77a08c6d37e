// Collects lines up to an empty one, however they arrive: a head, or trailers. Bounded; nothing is copied when it arrives in one piece.
// Used by server.ts and client.ts for heads, by body-reader.ts for trailers. Reads no meaning into the lines.

const emptyLine = Buffer.from('\r\n\r\n');
const lf = 0x0a;
const cr = 0x0d;

/** `whole`: `text` is there. `long`: over the limit. `bare`: a line that ends without CR, whose end a strict reader might never see. */
export type SectionState = 'more' | 'whole' | 'long' | 'bare';

export class Section {
  state: SectionState = 'more';
  /** Once whole: the lines, each with its CRLF, without the empty one. */
  text = '';
  readonly #limit: number;
  #room: Buffer | undefined;
  #length = 0;

  /** Octets. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Something has arrived, but not all. */
  get begun(): boolean {
    return this.#length > 0;
  }

  /** No line has ended within the first so many octets of what has arrived. */
  noLineWithin(octets: number): boolean {
    return this.#room !== undefined && this.#length > octets && !this.#room.subarray(0, octets).includes(lf);
  }

  /** For the next one. `first`: as if that had arrived already. */
  reset(first = ''): void {
    this.state = 'more';
    this.text = '';
    this.#room = undefined;
    this.#length = 0;
    if (first !== '') this.#append(Buffer.from(first, 'latin1'));
  }

  /** The octets taken: all, or up to the end of the section. */
  take(bytes: Buffer): number {
    if (this.#length > 0) return this.#gather(bytes);
    const at = bytes.indexOf(emptyLine);
    if (at < 0 || at + 2 > this.#limit) return this.#gather(bytes);
    this.text = bytes.toString('latin1', 0, at + 2);
    this.state = 'whole';
    return at + 4;
  }

  #gather(bytes: Buffer): number {
    const before = this.#length;
    const room = this.#append(bytes.subarray(0, this.#limit + 2 - before));
    const end = room.indexOf(emptyLine, Math.max(0, before - 3));
    if (end >= 0) {
      this.text = room.toString('latin1', 0, end + 2);
      this.state = 'whole';
      this.#room = undefined;
      this.#length = 0;
      return end + 4 - before;
    }
    if (hasBareLf(room, before)) this.state = 'bare';
    else if (this.#length >= this.#limit + 2) this.state = 'long';
    return this.#length - before;
  }

  /** Everything so far. */
  #append(bytes: Buffer): Buffer {
    const length = this.#length + bytes.length;
    let room = this.#room;
    if (room === undefined || room.length < length) {
      room = Buffer.allocUnsafeSlow(Math.min(this.#limit + 2, Math.max(1024, 2 * length)));
      this.#room?.copy(room, 0, 0, this.#length);
      this.#room = room;
    }
    bytes.copy(room, this.#length);
    this.#length = length;
    return room.subarray(0, length);
  }
}

function hasBareLf(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(lf, from); at >= 0; at = bytes.indexOf(lf, at + 1)) if (bytes[at - 1] !== cr) return true;
  return false;
}
