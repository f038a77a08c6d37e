// Takes a WebAssembly module apart as far as needed to bound what it may take: its memory and tables get a maximum, and what could take
// memory in other ways is refused. Pure: octets in, octets out.
// Called by source.ts before a module is compiled. Whether the rest of it is valid is for the engine to say.

/** Pages of 64 KiB. */
const pageBytes = 65_536;
/** Entries; programs have some thousands of functions at most. */
const mostEntries = 1_000_000;
const section = { types: 1, imports: 2, tables: 4, memories: 5 } as const;

export interface Limited {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Unfit {
  readonly unfit: string;
}

/** `memoryBytes`: what the module may hold at most. */
export function limitModule(module: Uint8Array, memoryBytes: number): Limited | Unfit {
  try {
    return { bytes: new Cutter(module).run(Math.floor(memoryBytes / pageBytes)) };
  } catch (e) {
    if (e instanceof UnfitError || e instanceof RangeError) return { unfit: e instanceof UnfitError ? e.message : 'it ends in the middle' };
    throw e;
  }
}

class UnfitError extends Error {}

class Cutter {
  readonly #view: DataView;
  readonly #module: Uint8Array;
  #at = 8;

  constructor(module: Uint8Array) {
    this.#module = module;
    this.#view = new DataView(module.buffer, module.byteOffset, module.byteLength);
  }

  run(mostPages: number): Uint8Array<ArrayBuffer> {
    if (this.#view.getUint32(0) !== 0x0061736d || this.#view.getUint32(4, true) !== 1) throw new UnfitError('it is no WebAssembly module');
    const out: Uint8Array[] = [this.#module.subarray(0, 8)];
    while (this.#at < this.#module.length) {
      const start = this.#at;
      const id = this.#byte();
      const length = this.#number();
      const end = this.#at + length;
      if (end > this.#module.length) throw new UnfitError('it ends in the middle');
      if (id === section.types) this.#checkTypes();
      if (id === section.imports) this.#checkImports();
      const limits = id === section.memories ? this.#memories(mostPages) : id === section.tables ? this.#tables() : undefined;
      if (limits === undefined) out.push(this.#module.subarray(start, end));
      else out.push(Uint8Array.of(id, ...unsigned(limits.length), ...limits));
      this.#at = end;
    }
    return concat(out);
  }

  /** Functions over plain values only: objects of the engine's own heap have no bound. */
  #checkTypes(): void {
    for (let n = this.#number(); n > 0; n--) {
      if (this.#byte() !== 0x60) throw new UnfitError('it uses types other than functions');
      for (const _ of ['parameters', 'results'])
        for (let m = this.#number(); m > 0; m--) {
          const type = this.#byte();
          if ((type < 0x7b || type > 0x7f) && type !== 0x70 && type !== 0x6f) throw new UnfitError('it uses types other than plain values');
        }
    }
  }

  #checkImports(): void {
    for (let n = this.#number(); n > 0; n--) {
      this.#skip(this.#number());
      this.#skip(this.#number());
      if (this.#byte() !== 0) throw new UnfitError('it imports something that is not a function');
      this.#number();
    }
  }

  #memories(mostPages: number): number[] {
    const count = this.#number();
    if (count > 1) throw new UnfitError('it has more than one memory');
    return count === 0 ? [0] : [1, ...this.#limits('memory', mostPages, (pages) => `${(pages * pageBytes) >> 20} MB`)];
  }

  #tables(): number[] {
    const count = this.#number();
    const out: number[] = [];
    for (let n = 0; n < count; n++) {
      const type = this.#byte();
      if (type !== 0x70 && type !== 0x6f) throw new UnfitError('it has a table of an unknown kind');
      out.push(type, ...this.#limits('table', Math.floor(mostEntries / count), (entries) => `${entries} entries`));
    }
    return [...unsigned(count), ...out];
  }

  #limits(what: string, most: number, show: (amount: number) => string): number[] {
    const flags = this.#byte();
    if (flags > 1) throw new UnfitError(`its ${what} is shared or wider than 32 bits`);
    const least = this.#number();
    const wanted = flags === 1 ? this.#number() : most;
    if (least > most) throw new UnfitError(`its ${what} begins with ${show(least)}, more than the ${show(most)} it may have`);
    return [1, ...unsigned(least), ...unsigned(Math.min(wanted, most))];
  }

  #byte(): number {
    const value = this.#view.getUint8(this.#at);
    this.#at += 1;
    return value;
  }

  #skip(octets: number): void {
    this.#at += octets;
    if (this.#at > this.#module.length) throw new UnfitError('it ends in the middle');
  }

  /** LEB128, 32 bits. */
  #number(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new UnfitError('it holds a number that is too long');
  }
}

function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) out.push((rest % 128) | 0x80);
  return [...out, rest];
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
