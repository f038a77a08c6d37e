// Reads regular expressions of RE2's syntax into a tree. Pure.
// Used by pattern.ts, which runs them. What RE2 refuses is refused (back-references, lookaround), and so are Unicode classes.
import { any, cased, digit, inverted, type Range, space, union, word } from './pattern-classes.ts';

export type Node =
  | { readonly is: 'empty' }
  | { readonly is: 'set'; readonly ranges: readonly Range[] }
  | { readonly is: 'at'; readonly where: Where }
  | { readonly is: 'all'; readonly nodes: readonly Node[] }
  | { readonly is: 'either'; readonly nodes: readonly Node[] }
  | { readonly is: 'group'; readonly index: number; readonly node: Node }
  | { readonly is: 'repeat'; readonly node: Node; readonly min: number; readonly max: number; readonly greedy: boolean };

export type Where = 'start' | 'end' | 'line-start' | 'line-end' | 'word' | 'not-word';

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly U: boolean;
}

/** As in RE2. */
const mostRepeats = 1000;
const longestPattern = 1024;
const deepest = 50;

const escapes: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const perl: Readonly<Record<string, readonly Range[]>> = {
  d: digit,
  D: inverted(digit),
  s: space,
  S: inverted(space),
  w: word,
  W: inverted(word),
};
const places: Readonly<Record<string, Where>> = { A: 'start', z: 'end', b: 'word', B: 'not-word' };
const posix: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** Throws SyntaxError with a reason. */
export function parsePattern(source: string): Node {
  if (source.length > longestPattern) throw new SyntaxError(`regular expression is longer than ${longestPattern} characters`);
  const reader = new Reader(source);
  const node = reader.either({ i: false, m: false, s: false, U: false }, 0);
  if (!reader.done) reader.fail('unexpected )');
  return node;
}

class Reader {
  #groups = 0;
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get done(): boolean {
    return this.#at >= this.#source.length;
  }

  fail(why: string): never {
    throw new SyntaxError(`regular expression ${JSON.stringify(this.#source)}: ${why}`);
  }

  either(flags: Flags, depth: number): Node {
    if (depth > deepest) this.fail(`groups are nested deeper than ${deepest}`);
    const branches: Node[] = [];
    let current: Node[] = [];
    let now = flags;
    while (!this.done && this.#peek() !== ')') {
      if (this.#take('|')) {
        branches.push(sequence(current));
        current = [];
        continue;
      }
      const read = this.#atom(now, depth);
      if ('flags' in read) now = read.flags;
      else current.push(...this.#repeated(read.nodes, now));
    }
    branches.push(sequence(current));
    const [only] = branches;
    return only !== undefined && branches.length === 1 ? only : { is: 'either', nodes: branches };
  }

  /** One atom; a quoted text is several, and flags on their own are none. */
  #atom(flags: Flags, depth: number): { readonly nodes: readonly Node[] } | { readonly flags: Flags } {
    const char = this.#next();
    switch (char) {
      case '(':
        return this.#group(flags, depth);
      case '[':
        return { nodes: [this.#set(this.#class(flags), flags)] };
      case '.':
        return { nodes: [{ is: 'set', ranges: flags.s ? any : inverted([[10, 10]]) }] };
      case '^':
        return { nodes: [{ is: 'at', where: flags.m ? 'line-start' : 'start' }] };
      case '$':
        return { nodes: [{ is: 'at', where: flags.m ? 'line-end' : 'end' }] };
      case '*':
      case '+':
      case '?':
        return this.fail(`nothing before ${char}`);
      case '\\':
        return { nodes: this.#escaped(flags) };
      default:
        return { nodes: [this.#literal(char.charCodeAt(0), flags)] };
    }
  }

  #group(flags: Flags, depth: number): { readonly nodes: readonly Node[] } | { readonly flags: Flags } {
    const inside = (within: Flags): Node => {
      const node = this.either(within, depth + 1);
      if (!this.#take(')')) this.fail('missing )');
      return node;
    };
    if (!this.#take('?')) return { nodes: [{ is: 'group', index: ++this.#groups, node: inside(flags) }] };
    const named = /^P?<[A-Za-z_]\w*>/.exec(this.#source.slice(this.#at, this.#at + 100));
    if (named !== null) {
      this.#at += named[0].length;
      return { nodes: [{ is: 'group', index: ++this.#groups, node: inside(flags) }] };
    }
    const written = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#source.slice(this.#at, this.#at + 20));
    if (written === null) return this.fail('lookaround and other extensions of groups are not supported');
    this.#at += written[0].length;
    const [, on = '', off = '', end] = written;
    const flag = (name: keyof Flags): boolean => (flags[name] || on.includes(name)) && !off.includes(name);
    const changed: Flags = { i: flag('i'), m: flag('m'), s: flag('s'), U: flag('U') };
    return end === ':' ? { nodes: [inside(changed)] } : { flags: changed };
  }

  /** The last of the nodes with its quantifier, if one follows. */
  #repeated(nodes: readonly Node[], flags: Flags): readonly Node[] {
    const last = nodes.at(-1);
    const range = last && this.#quantifier();
    if (last === undefined || range === undefined) return nodes;
    const lazy = this.#take('?');
    if (this.#quantifier() !== undefined) this.fail('a quantifier after a quantifier');
    return [...nodes.slice(0, -1), { is: 'repeat', node: last, min: range[0], max: range[1], greedy: lazy === flags.U }];
  }

  #quantifier(): readonly [min: number, max: number] | undefined {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#take('?')) return [0, 1];
    // Anything else in braces is plain text.
    const braces = /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(this.#source.slice(this.#at, this.#at + 24));
    if (braces === null) return undefined;
    this.#at += braces[0].length;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : braces[3] === '' ? Number.POSITIVE_INFINITY : Number(braces[3]);
    if (min > mostRepeats || (max > mostRepeats && max !== Number.POSITIVE_INFINITY) || max < min)
      this.fail(`invalid repetition ${braces[0]}`);
    return [min, max];
  }

  /** After the backslash. */
  #escaped(flags: Flags): readonly Node[] {
    const char = this.#peek();
    if (this.#take('Q')) {
      const end = this.#source.indexOf('\\E', this.#at);
      const text = this.#source.slice(this.#at, end < 0 ? undefined : end);
      this.#at = end < 0 ? this.#source.length : end + 2;
      return Array.from({ length: text.length }, (_, at) => this.#literal(text.charCodeAt(at), flags));
    }
    const where = Object.hasOwn(places, char) ? places[char] : undefined;
    if (where !== undefined) {
      this.#at += 1;
      return [{ is: 'at', where }];
    }
    const read = this.#escape();
    return [typeof read === 'number' ? this.#literal(read, flags) : this.#set(read, flags)];
  }

  /** What means the same inside and outside of a class: one character or a set of them. */
  #escape(): number | readonly Range[] {
    if (this.done) return this.fail('a backslash at the end');
    const char = this.#next();
    if (Object.hasOwn(perl, char)) return perl[char] ?? [];
    if (Object.hasOwn(escapes, char)) return escapes[char] ?? 0;
    if (char === '0') return Number.parseInt(this.#taken(/^[0-7]{0,2}/) || '0', 8);
    if (char === 'x') {
      const digits = this.#taken(/^(?:[0-9a-fA-F]{2}|\{[0-9a-fA-F]{1,4}\})/);
      return digits === '' ? this.fail('invalid \\x') : Number.parseInt(digits.replace('{', ''), 16);
    }
    if (/[0-9A-Za-z]/.test(char)) return this.fail(`\\${char} is not supported`);
    return char.charCodeAt(0);
  }

  /** After the opening bracket. */
  #class(flags: Flags): readonly Range[] {
    const negated = this.#take('^');
    const parts: (readonly Range[])[] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.done) this.fail('missing ]');
      const low = this.#member();
      if (typeof low !== 'number') {
        parts.push(low);
        continue;
      }
      const ranged = this.#peek() === '-' && this.#source[this.#at + 1] !== ']' && this.#source[this.#at + 1] !== undefined;
      if (ranged) this.#at += 1;
      const high = ranged ? this.#member() : low;
      if (typeof high !== 'number' || high < low) this.fail('invalid range in brackets');
      parts.push([[low, high as number]]);
    }
    this.#at += 1;
    const all = union(parts.flat());
    // Cases are folded before negation: `(?i)[^a]` is not `A` either.
    return negated ? inverted(flags.i ? cased(all) : all) : all;
  }

  #member(): number | readonly Range[] {
    const name = this.#taken(/^\[:\^?[a-z]+:\]/);
    if (name !== '') {
      const bare = name.slice(2, -2).replace('^', '');
      if (!Object.hasOwn(posix, bare)) this.fail(`unknown class ${name}`);
      const ranges = new Reader(`${posix[bare]}]`).#class({ i: false, m: false, s: false, U: false });
      return name.includes('^') ? inverted(ranges) : ranges;
    }
    const char = this.#next();
    return char === '\\' ? this.#escape() : char.charCodeAt(0);
  }

  #literal(code: number, flags: Flags): Node {
    return this.#set([[code, code]], flags);
  }

  #set(ranges: readonly Range[], { i }: Flags): Node {
    return { is: 'set', ranges: i ? cased(ranges) : ranges };
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }

  #next(): string {
    return this.#source[this.#at++] ?? '';
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #taken(shape: RegExp): string {
    const found = shape.exec(this.#source.slice(this.#at, this.#at + 20))?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}

function sequence(nodes: readonly Node[]): Node {
  const [only] = nodes;
  if (only === undefined) return { is: 'empty' };
  return nodes.length === 1 ? only : { is: 'all', nodes };
}
