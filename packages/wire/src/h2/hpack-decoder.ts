// Decodes header blocks (RFC 7541), bounded: one decoder per connection, fed every block in order, whatever becomes of its stream.
// Used by session.ts. What the names may be is for headers.ts to judge.

import type { HeaderList } from '../http/message.ts';
import { entryBytes, HeaderTable } from './hpack-table.ts';
import { decodeHuffman } from './huffman.ts';
import { errorCode, Violation } from './protocol.ts';

/** We never announce another size (RFC 9113 §6.5.2: SETTINGS_HEADER_TABLE_SIZE). */
const tableBytes = 4096;
const nothing = Buffer.alloc(0);

export class HpackDecoder {
  readonly #table = new HeaderTable(tableBytes);
  readonly #limitBytes: number;
  #block: Buffer = nothing;
  #at = 0;

  /** `limitBytes`: the header list that we accept, counted as RFC 9113 §6.5.2 says. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** `too large`: over the limit; the tables are right all the same and the connection can go on. Throws a Violation for anything broken. */
  decode(block: Buffer): HeaderList | 'too large' {
    this.#block = block;
    this.#at = 0;
    const list: (readonly [string, string])[] = [];
    let bytes = 0;
    let atStart = true;
    while (this.#at < block.length) {
      const first = block[this.#at] ?? 0;
      if (first >= 0x20 && first < 0x40) {
        if (!atStart) throw broken('a table size update after the first header');
        this.#resize();
        continue;
      }
      atStart = false;
      const entry = this.#entry(first);
      bytes += entryBytes(entry[0], entry[1]);
      if (bytes <= this.#limitBytes) list.push(entry);
    }
    this.#block = nothing;
    return bytes > this.#limitBytes ? 'too large' : list;
  }

  #entry(first: number): readonly [string, string] {
    if (first >= 0x80) {
      const entry = this.#table.at(this.#integer(7));
      if (entry === undefined) throw broken('an index beyond the tables');
      return entry;
    }
    const indexed = first >= 0x40;
    const nameAt = this.#integer(indexed ? 6 : 4);
    const name = nameAt === 0 ? this.#string() : this.#table.at(nameAt)?.[0];
    if (name === undefined) throw broken('an index beyond the tables');
    const entry = [name, this.#string()] as const;
    if (indexed) this.#table.add(entry);
    return entry;
  }

  #resize(): void {
    const size = this.#integer(5);
    if (size > tableBytes) throw broken(`a table of ${size} bytes`);
    this.#table.resize(size);
  }

  /** RFC 7541 §5.1, up to 2^28: nothing in a block of ours can be larger. */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = (this.#block[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#block[this.#at++];
      if (byte === undefined) throw broken('a truncated integer');
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken('an oversized integer');
  }

  #string(): string {
    const compressed = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    if (this.#at >= this.#block.length) throw broken('a missing string');
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw broken('a truncated string');
    const start = this.#at;
    this.#at = end;
    if (!compressed) return this.#block.toString('latin1', start, end);
    const text = decodeHuffman(this.#block.subarray(start, end));
    if (text === undefined) throw broken('a malformed Huffman string');
    return text;
  }
}

const broken = (what: string): Violation => new Violation(errorCode.compression, `header block with ${what}`);
