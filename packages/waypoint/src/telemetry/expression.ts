// The part of CEL that Telemetry objects use: values of tags, filters of access logs. Compiled once to a function. Pure.
// Attributes, headers, literals, comparisons, `in`, `has`, logic, `+`, `?:`, startsWith, endsWith and contains; a thing beyond these is refused
// as a whole, and whoever compiled it says so.
import { type Attribute, attributeNamed, headerNamed, type Value } from './attributes.ts';

export type Expression = Attribute;

const longest = 2_048;
const deepest = 24;

/** Undefined: not of the part that we know. */
export function compileExpression(text: string): Expression | undefined {
  if (text.length > longest) return undefined;
  const tokens = tokensOf(text);
  return tokens === undefined ? undefined : new Parser(tokens).whole();
}

const token =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)|([A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)|(==|!=|<=|>=|&&|\|\||[-<>!+?:()[\],.]))/y;

type Token = { readonly is: 'text' | 'name' | 'sign'; readonly text: string } | { readonly is: 'number'; readonly text: string };

function tokensOf(text: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  const trimmed = text.trimEnd();
  token.lastIndex = 0;
  while (token.lastIndex < trimmed.length) {
    const match = token.exec(trimmed);
    if (match === null) return undefined;
    const [, quoted, number, name, sign] = match;
    if (quoted !== undefined) tokens.push({ is: 'text', text: quoted.slice(1, -1).replace(/\\(.)/gs, '$1') });
    else if (number !== undefined) tokens.push({ is: 'number', text: number });
    else if (name !== undefined) tokens.push({ is: 'name', text: name.replace(/\s/g, '') });
    else tokens.push({ is: 'sign', text: sign ?? '' });
  }
  return tokens;
}

type Part = Expression | undefined;

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Part {
    const parsed = this.#choice();
    return this.#at === this.#tokens.length ? parsed : undefined;
  }

  #choice(): Part {
    if (this.#depth >= deepest) return undefined;
    this.#depth += 1;
    const condition = this.#either();
    let chosen = condition;
    if (this.#takes('?')) {
      const yes = this.#choice();
      const no = this.#takes(':') ? this.#choice() : undefined;
      chosen =
        condition &&
        yes &&
        no &&
        ((entry) =>
          branch(
            condition(entry),
            () => yes(entry),
            () => no(entry),
          ));
    }
    this.#depth -= 1;
    return chosen;
  }

  #either(): Part {
    let left = this.#both();
    while (this.#takes('||')) left = joined(left, this.#both(), (a, b) => logic(a, b, true));
    return left;
  }

  #both(): Part {
    let left = this.#relation();
    while (this.#takes('&&')) left = joined(left, this.#relation(), (a, b) => logic(a, b, false));
    return left;
  }

  #relation(): Part {
    if (this.#peek()?.is === 'text' && this.#peek(1)?.text === 'in' && this.#peek(2)?.is === 'name') return this.#headerIn();
    const left = this.#sum();
    if (this.#takes('in', 'name')) return this.#oneOf(left);
    const sign = this.#peek();
    const compare = sign?.is === 'sign' ? comparisons.get(sign.text) : undefined;
    if (compare === undefined) return left;
    this.#at += 1;
    return joined(left, this.#sum(), (a, b) => (a === undefined || b === undefined ? undefined : compare(a, b)));
  }

  /** `'x' in request.headers`. */
  #headerIn(): Part {
    const found = headerNamed(this.#peek(2)?.text ?? '', this.#peek()?.text ?? '');
    this.#at += 3;
    return found && ((entry) => found(entry) !== undefined);
  }

  #oneOf(left: Part): Part {
    const members = this.#takes('[') ? this.#list(']') : undefined;
    if (left === undefined || members === undefined) return undefined;
    return (entry) => {
      const value = left(entry);
      return value === undefined ? undefined : members.some((member) => member(entry) === value);
    };
  }

  #sum(): Part {
    let left = this.#unary();
    while (this.#takes('+')) left = joined(left, this.#unary(), plus);
    return left;
  }

  #unary(): Part {
    let [negations, minus] = [0, false];
    while (this.#takes('!')) negations += 1;
    if (negations === 0 && this.#peek(1)?.is === 'number') minus = this.#takes('-');
    const operand = this.#primary();
    if (operand === undefined || (negations === 0 && !minus)) return operand;
    if (minus) return (entry) => -Number(operand(entry));
    return (entry) => {
      const value = operand(entry);
      return typeof value === 'boolean' ? value !== (negations % 2 === 1) : undefined;
    };
  }

  #primary(): Part {
    const next = this.#peek();
    this.#at += 1;
    if (next?.is === 'text') return () => next.text;
    if (next?.is === 'number') return () => Number(next.text);
    if (next?.is === 'name') return this.#named(next.text);
    if (next?.text !== '(') return undefined;
    const inner = this.#choice();
    return this.#takes(')') ? inner : undefined;
  }

  #named(name: string): Part {
    if (name === 'true' || name === 'false') return () => name === 'true';
    if (name === 'has') {
      const what = this.#takes('(') ? this.#choice() : undefined;
      return this.#takes(')') && what !== undefined ? (entry) => what(entry) !== undefined : undefined;
    }
    if (this.#takes('[')) return this.#indexed(name);
    return this.#takes('(') ? this.#tested(name) : attributeNamed(name);
  }

  #indexed(name: string): Part {
    const key = this.#peek();
    this.#at += 1;
    const found = key?.is === 'text' && this.#takes(']') ? headerNamed(name, key.text) : undefined;
    if (found === undefined || !this.#takes('.')) return found;
    const method = this.#peek();
    this.#at += 1;
    return method?.is === 'name' && this.#takes('(') ? tested(found, method.text, this.#list(')')) : undefined;
  }

  /** `request.host.startsWith(`. */
  #tested(name: string): Part {
    const dot = name.lastIndexOf('.');
    return tested(attributeNamed(name.slice(0, dot)), name.slice(dot + 1), this.#list(')'));
  }

  #list(end: ')' | ']'): readonly Expression[] | undefined {
    const list: Expression[] = [];
    if (this.#takes(end)) return list;
    do {
      const each = this.#choice();
      if (each === undefined) return undefined;
      list.push(each);
    } while (this.#takes(','));
    return this.#takes(end) ? list : undefined;
  }

  #peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  #takes(text: string, is: Token['is'] = 'sign'): boolean {
    const next = this.#peek();
    if (next?.is !== is || next.text !== text) return false;
    this.#at += 1;
    return true;
  }
}

function tested(subject: Part, method: string, given: readonly Expression[] | undefined): Part {
  const test = methods.get(method);
  const [only, surplus] = given ?? [];
  if (subject === undefined || test === undefined || only === undefined || surplus !== undefined) return undefined;
  return (entry) => {
    const [text, piece] = [subject(entry), only(entry)];
    return typeof text === 'string' && typeof piece === 'string' ? test(text, piece) : undefined;
  };
}

const methods: ReadonlyMap<string, (text: string, piece: string) => boolean> = new Map([
  ['startsWith', (text: string, piece: string) => text.startsWith(piece)],
  ['endsWith', (text: string, piece: string) => text.endsWith(piece)],
  ['contains', (text: string, piece: string) => text.includes(piece)],
]);

type Known = Exclude<Value, undefined>;

const ordered =
  (holds: (difference: number) => boolean) =>
  (a: Known, b: Known): Value =>
    typeof a === typeof b ? holds(a < b ? -1 : a > b ? 1 : 0) : undefined;

const comparisons: ReadonlyMap<string, (a: Known, b: Known) => Value> = new Map([
  ['==', (a: Known, b: Known) => a === b],
  ['!=', (a: Known, b: Known) => a !== b],
  ['<', ordered((difference) => difference < 0)],
  ['<=', ordered((difference) => difference <= 0)],
  ['>', ordered((difference) => difference > 0)],
  ['>=', ordered((difference) => difference >= 0)],
]);

function joined(left: Part, right: Part, join: (a: Value, b: Value) => Value): Part {
  return left && right && ((entry) => join(left(entry), right(entry)));
}

/** What is decided by one side alone is decided, whatever the other is (CEL). */
function logic(a: Value, b: Value, decisive: boolean): Value {
  if (a === decisive || b === decisive) return decisive;
  return typeof a === 'boolean' && typeof b === 'boolean' ? !decisive : undefined;
}

function plus(a: Value, b: Value): Value {
  if (typeof a === 'string' && typeof b === 'string') return a + b;
  return typeof a === 'number' && typeof b === 'number' ? a + b : undefined;
}

function branch(condition: Value, yes: () => Value, no: () => Value): Value {
  return typeof condition === 'boolean' ? (condition ? yes() : no()) : undefined;
}
