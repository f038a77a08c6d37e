// A strict reader of DER: definite, minimal lengths, single-byte tags, nothing left over. What is not DER is refused, never repaired.
// Under x509.ts, csr.ts and crl.ts, which say what structure they expect; writing is der-write.ts.
// Never recurses and never copies: every answer is a view of the input, so hostile input costs no more than its length.

/** Identifier bytes of the types that X.509 uses. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Identifier byte of a context-specific tag. */
export const contextTag = (number: number, form: 'primitive' | 'constructed'): number => (form === 'constructed' ? 0xa0 : 0x80) | number;

class NotDer extends Error {}

/**
 * Runs `read` over the one element that `bytes` must be, from its first byte to its last.
 * @returns undefined when the bytes are not what `read` expects; nothing is thrown for bad input.
 */
export function parseDer<T>(bytes: Buffer, read: (whole: DerCursor) => T): T | undefined {
  try {
    const cursor = new DerCursor(bytes);
    const value = read(cursor);
    cursor.finish();
    return value;
  } catch (e) {
    if (e instanceof NotDer) return undefined;
    throw e;
  }
}

/** Refuses the input being parsed; only meaningful inside `parseDer`. */
export function refuse(why: string): never {
  throw new NotDer(why);
}

/** Walks the elements of one constructed value, in order. */
export class DerCursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** The next element's identifier byte, or undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The content of the next element, which must have this tag. */
  take(tag: number): Buffer {
    return this.#next(tag).content;
  }

  /** The next element with its tag and length, which must have this tag. */
  takeWhole(tag: number): Buffer {
    return this.#next(tag).whole;
  }

  /** The next element's content if it has this tag. */
  optional(tag: number): Buffer | undefined {
    return this.tag === tag ? this.take(tag) : undefined;
  }

  /** A cursor over the content of the next element. */
  enter(tag: number): DerCursor {
    return new DerCursor(this.take(tag));
  }

  skip(): void {
    if (this.tag === undefined) refuse('element missing');
    this.#next(this.tag);
  }

  /** Refuses what is left. */
  finish(): void {
    if (this.more) refuse('trailing bytes');
  }

  #next(tag: number): { content: Buffer; whole: Buffer } {
    const start = this.#at;
    if (this.tag !== tag) refuse(`expected tag ${tag}`);
    if ((tag & 0x1f) === 0x1f) refuse('multi-byte tag');
    const { length, header } = this.#length(start + 1);
    const from = start + 1 + header;
    const end = from + length;
    if (end > this.#bytes.length) refuse('truncated');
    this.#at = end;
    return { content: this.#bytes.subarray(from, end), whole: this.#bytes.subarray(start, end) };
  }

  /** X.690 §10.1: the definite form, in as few bytes as possible. */
  #length(at: number): { length: number; header: number } {
    const first = this.#bytes[at];
    if (first === undefined) return refuse('truncated');
    if (first < 0x80) return { length: first, header: 1 };
    const count = first & 0x7f;
    if (count === 0 || count > 4 || at + count >= this.#bytes.length) return refuse('length');
    const length = this.#bytes.readUIntBE(at + 1, count);
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) return refuse('length not minimal');
    return { length, header: 1 + count };
  }
}

/** Dotted text of an OBJECT IDENTIFIER's content. */
export function readOid(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  let open = true;
  for (const byte of content) {
    if (open && byte === 0x80 && arc === 0) refuse('padded arc');
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) refuse('arc too large');
    open = byte < 0x80;
    if (!open) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [first, ...rest] = arcs;
  if (first === undefined || arc !== 0 || (content.at(-1) ?? 0x80) >= 0x80) return refuse('identifier');
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}

/** A BOOLEAN's content; DER knows only 00 and FF. */
export function readBoolean(content: Buffer): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) return refuse('boolean');
  return content[0] === 0xff;
}

/** The octets of a BIT STRING that has no unused bits: keys and signatures. */
export function readWholeBits(content: Buffer): Buffer {
  if (content[0] !== 0) return refuse('bit string');
  return content.subarray(1);
}

/** Lower-case hexadecimal of a non-negative INTEGER's content without its sign byte. A negative one keeps a leading `-`, so that it equals no other. */
export function readInteger(content: Buffer): string {
  const [first, second] = content;
  if (first === undefined) return refuse('integer');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) return refuse('integer not minimal');
  if (first >= 0x80) return `-${content.toString('hex')}`;
  return content.subarray(first === 0 && content.length > 1 ? 1 : 0).toString('hex');
}

/** Takes a UTCTime or GeneralizedTime in the only form that RFC 5280 §4.1.2.5 allows: to the second, in Z. Milliseconds since the epoch. */
export function takeTime(cursor: DerCursor): number {
  const short = cursor.tag === tags.utcTime;
  const text = cursor.take(short ? tags.utcTime : tags.generalizedTime).toString('latin1');
  const century = short ? (Number(text.slice(0, 2)) >= 50 ? '19' : '20') : '';
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text);
  if (parts === null) return refuse('time');
  const [, year, month, day, hour, minute, second] = parts;
  const when = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(when) ? refuse('time') : when;
}
