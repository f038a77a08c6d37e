// Takes a body out of a connection's bytes: a known length, chunks with trailers, or everything until the end (RFC 9112 §6-7).
// Used by server.ts and client.ts; pieces go out as they came in, not copied.
// One step a call, so that whoever takes the pieces can stop in between.
import type { HeaderList } from '../http/message.ts';
import type { Slab } from '../read-memory.ts';
import { type Framing, readTrailers } from './fields.ts';
import { Section } from './section.ts';
import { isSection } from './syntax.ts';

export type Deliver = (bytes: Buffer, slab: Slab | undefined) => void;

const mostLine = 256;
const mostTrailers = 8 * 1024;
/** Of all chunks of a message together: who sends more only makes work. */
const mostExtensions = 16 * 1024;
/** At most 2^52. Nothing between size and extension or line end: the blanks that RFC 9112 §7.1.1 tolerates are where readers differ. */
const chunkLine = /^([0-9A-Fa-f]{1,13})(;[\t -~\u0080-\u00ff]*)?\r$/;
const lf = 0x0a;
const cr = 0x0d;

type Where = 'octets' | 'size' | 'after-chunk' | 'trailers' | 'until-close';

export class BodyReader {
  done: boolean;
  /** Why it is malformed. */
  fault: string | undefined;
  trailers: HeaderList | undefined;
  readonly #chunked: boolean;
  #where: Where;
  /** Octets to come, of the body or of the chunk. */
  #left: number;
  #line = '';
  #afterChunk = 0;
  #extensions = 0;
  #section: Section | undefined;

  constructor(framing: Framing) {
    this.done = framing === 0;
    this.#chunked = framing === 'chunked';
    this.#left = typeof framing === 'number' ? framing : 0;
    this.#where = framing === 'chunked' ? 'size' : framing === 'until-close' ? framing : 'octets';
  }

  /** The connection has ended. True: so the body is whole. */
  get endsWithConnection(): boolean {
    return this.#where === 'until-close';
  }

  /** The octets taken, at least one unless done or faulty. */
  take(bytes: Buffer, slab: Slab | undefined, deliver: Deliver): number {
    switch (this.#where) {
      case 'octets':
        return this.#octets(bytes, slab, deliver);
      case 'until-close':
        slab?.hold();
        deliver(bytes, slab);
        return bytes.length;
      case 'size':
        return this.#size(bytes);
      case 'after-chunk':
        return this.#crlf(bytes);
      case 'trailers':
        return this.#trailers(bytes);
      default:
        return this.#where satisfies never;
    }
  }

  #octets(bytes: Buffer, slab: Slab | undefined, deliver: Deliver): number {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= piece.length;
    if (this.#left === 0) {
      if (this.#chunked) this.#where = 'after-chunk';
      else this.done = true;
    }
    slab?.hold();
    deliver(piece, slab);
    return piece.length;
  }

  #size(bytes: Buffer): number {
    const window = bytes.length > mostLine ? bytes.subarray(0, mostLine) : bytes;
    const end = window.indexOf(lf);
    this.#line += window.toString('latin1', 0, end < 0 ? window.length : end);
    if (this.#line.length > mostLine) return this.#fail('a chunk line that is too long');
    if (end < 0) return window.length;
    const [whole, size = '', extension = ''] = chunkLine.exec(this.#line) ?? [];
    this.#line = '';
    this.#extensions += extension.length;
    if (whole === undefined) return this.#fail('a chunk line that is not a size');
    if (this.#extensions > mostExtensions) return this.#fail('too many chunk extensions');
    this.#left = Number.parseInt(size, 16);
    if (this.#left > 0) this.#where = 'octets';
    else {
      this.#where = 'trailers';
      this.#section = undefined;
    }
    return end + 1;
  }

  #crlf(bytes: Buffer): number {
    let taken = 0;
    for (; this.#afterChunk < 2 && taken < bytes.length; this.#afterChunk++, taken++)
      if (bytes[taken] !== (this.#afterChunk === 0 ? cr : lf)) return this.#fail('no line end after a chunk');
    if (this.#afterChunk === 2) {
      this.#afterChunk = 0;
      this.#where = 'size';
    }
    return taken;
  }

  #trailers(bytes: Buffer): number {
    if (this.#section === undefined && bytes[0] === cr && bytes[1] === lf) {
      this.done = true;
      return 2;
    }
    if (this.#section === undefined) {
      this.#section = new Section(mostTrailers);
      // The line end of the last chunk: an empty line may follow at once.
      this.#section.reset('\r\n');
    }
    const taken = this.#section.take(bytes);
    const { state, text } = this.#section;
    if (state === 'more') return taken;
    if (state !== 'whole' || !isSection(text)) return this.#fail('trailers that are too long or malformed');
    const trailers = readTrailers(text, 2);
    if (trailers === undefined) return this.#fail('malformed trailers');
    if (trailers.length > 0) this.trailers = trailers;
    this.done = true;
    return taken;
  }

  #fail(why: string): number {
    this.fault = why;
    return 0;
  }
}
