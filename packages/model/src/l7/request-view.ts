// What a route may look at in a request, taken apart at most once for however many matches are tried. Pure.
// Built by route-table.ts for each request; read by route-match.ts.
import type { Headers } from './request-facts.ts';

export interface MatchInput {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Host and perhaps port, as the client wrote it. */
  readonly authority: string;
  readonly scheme: string;
  readonly headers: Headers;
}

export class RequestView {
  readonly input: MatchInput;
  /** Without query. */
  readonly path: string;
  readonly #question: number;
  #headers: Map<string, string> | undefined;
  #query: Map<string, string> | undefined;

  constructor(input: MatchInput) {
    this.input = input;
    this.#question = input.path.indexOf('?');
    this.path = this.#question < 0 ? input.path : input.path.slice(0, this.#question);
  }

  /** Repeated headers as one, joined with a bare comma. `host` and pseudo-headers can be asked for, too. */
  header(name: string): string | undefined {
    this.#headers ??= joined(this.input);
    return this.#headers.get(name);
  }

  /** The first value of a query parameter. */
  parameter(name: string): string | undefined {
    this.#query ??= this.#question < 0 ? new Map() : parametersOf(this.input.path.slice(this.#question + 1));
    return this.#query.get(name);
  }
}

function joined({ headers, authority, method, scheme, path }: MatchInput): Map<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = all.get(name);
    all.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ','}${value}`);
  }
  all.set('host', authority);
  return all.set(':authority', authority).set(':method', method).set(':scheme', scheme).set(':path', path);
}

/** Names and values percent-decoded; what cannot be decoded stays as it is, and `+` is a plus. */
function parametersOf(query: string): Map<string, string> {
  const all = new Map<string, string>();
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = decoded(equals < 0 ? part : part.slice(0, equals));
    if (!all.has(name)) all.set(name, equals < 0 ? '' : decoded(part.slice(equals + 1)));
  }
  return all;
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
