// Label selectors as clients write them: `app=web,tier in (a, b),!canary`. Parses and matches.
// Used for lists, watches and collections; a peer controls the text, which is bounded by the length of a request line.
import { badRequest } from '../status-error.ts';

interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | '!' | '>' | '<';
  readonly values: ReadonlySet<string>;
}

export type LabelMatch = (labels: Readonly<Record<string, string>>) => boolean;

/** @throws StatusError 400 when the text is no selector. */
export function labelSelector(text: string): LabelMatch {
  const requirements = new SelectorReader(text).requirements();
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'in':
      return value !== undefined && values.has(value);
    case 'notin':
      return value === undefined || !values.has(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case '>':
    case '<': {
      const [bound] = values;
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      return operator === '>' ? Number(value) > Number(bound) : Number(value) < Number(bound);
    }
    default:
      return operator satisfies never;
  }
}

/** A key or value, an operator or a bracket; white space separates and says nothing. */
const tokenPattern = /\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)/y;
const isWord = (token: string | undefined): token is string => token !== undefined && !/^[=!(),<>]/.test(token);

class SelectorReader {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    tokenPattern.lastIndex = 0;
    for (let match = tokenPattern.exec(text); match !== null; match = tokenPattern.exec(text)) this.#tokens.push(match[1] ?? '');
  }

  requirements(): readonly Requirement[] {
    if (this.#tokens.length === 0) return [];
    const found = [this.#requirement()];
    while (this.#at < this.#tokens.length) {
      if (this.#next() !== ',') throw this.#bad("expected ',' or end of string");
      found.push(this.#requirement());
    }
    return found;
  }

  #requirement(): Requirement {
    const first = this.#next();
    if (first === '!') return { key: this.#key(this.#next()), operator: '!', values: new Set() };
    const key = this.#key(first);
    const operator = this.#tokens[this.#at];
    if (operator === undefined || operator === ',') return { key, operator: 'exists', values: new Set() };
    this.#at++;
    switch (operator) {
      case '=':
      case '==':
        return { key, operator: 'in', values: new Set([this.#value()]) };
      case '!=':
        return { key, operator: 'notin', values: new Set([this.#value()]) };
      case 'in':
      case 'notin':
        return { key, operator, values: this.#set() };
      case '>':
      case '<': {
        const bound = this.#value();
        if (!/^-?\d+$/.test(bound)) throw this.#bad(`for 'Gt', 'Lt' operators, the value must be an integer`);
        return { key, operator, values: new Set([bound]) };
      }
      default:
        throw this.#bad(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #key(token: string | undefined): string {
    if (!isWord(token)) throw this.#bad(`found '${token ?? ''}', expected: identifier`);
    return token;
  }

  /** May be empty: `app=` asks for the empty value. */
  #value(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined || token === ',') return '';
    if (!isWord(token)) throw this.#bad(`found '${token}', expected: identifier`);
    this.#at++;
    return token;
  }

  #set(): ReadonlySet<string> {
    const first = this.#next();
    if (first !== '(') throw this.#bad(`found '${first ?? ''}' expected: '('`);
    const values = new Set<string>();
    for (;;) {
      const token = this.#next();
      if (isWord(token)) {
        values.add(token);
        const after = this.#next();
        if (after === ')') return values;
        if (after !== ',') throw this.#bad(`found '${after ?? ''}', expected: ',' or ')'`);
      } else if (token === ',' || token === ')') {
        values.add('');
        if (token === ')') return values;
      } else {
        throw this.#bad(`found '${token ?? ''}', expected: ',', ')' or identifier`);
      }
    }
  }

  #next(): string | undefined {
    return this.#tokens[this.#at++];
  }

  #bad(why: string): Error {
    return badRequest(`unable to parse requirement: ${why}`);
  }
}
