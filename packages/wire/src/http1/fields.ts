// Reads the field lines of a head or of trailers: the fields to pass on, and what they say about framing and connection.
// Used by request-head.ts, response-head.ts and body-reader.ts. Pure; the section's characters were checked before (isSection).
import type { HeaderList } from '../http/message.ts';
import { connectionFields, notInTrailers, readLength, readName } from './syntax.ts';

/** Why something is not taken, and the status that says so. */
export interface Refusal {
  readonly refused: 400 | 405 | 414 | 431 | 505;
  readonly reason: string;
}

export const malformed = (reason: string): Refusal => ({ refused: 400, reason });

/** How a body is delimited: octets to come, chunks, or the end of the connection. */
export type Framing = number | 'chunked' | 'until-close';

export interface Fields {
  readonly headers: HeaderList;
  readonly host: string | undefined;
  /** Content-Length. */
  readonly length: number | undefined;
  readonly chunked: boolean;
  /** Options of `connection` in lower case. */
  readonly options: ReadonlySet<string>;
  /** The one protocol of `upgrade`, if `connection` names it. */
  readonly upgrade: string | undefined;
}

const mostFields = 200;
const noOptions: ReadonlySet<string> = new Set();
/** Options that name no field to be removed; the fields that they might name have rules of their own. */
const plainOptions = new Set(['close', 'keep-alive', 'upgrade', 'te', 'content-length', 'host', 'transfer-encoding']);

/** `text` from `at` on: lines, each with its CRLF. */
export function readFields(text: string, at: number): Fields | Refusal {
  const reading = new Reading();
  let count = 0;
  for (let from = at; from < text.length; ) {
    if (++count > mostFields) return { refused: 431, reason: 'too many header fields' };
    const end = text.indexOf('\r\n', from);
    const colon = text.indexOf(':', from);
    if (colon < 0 || colon > end) return malformed('a header line without a colon');
    const name = readName(text.slice(from, colon));
    if (name === undefined) return malformed('a header name that is not a token');
    const why = reading.add(name, trim(text, colon + 1, end));
    if (why !== undefined) return malformed(why);
    from = end + 2;
  }
  return reading.fields();
}

/** Undefined if malformed. What may not stand in trailers is left out. */
export function readTrailers(text: string, at: number): HeaderList | undefined {
  const fields = readFields(text, at);
  return 'refused' in fields ? undefined : fields.headers.filter(([name]) => !notInTrailers.has(name));
}

/** What is known after some of the lines. */
class Reading {
  readonly #headers: [string, string][] = [];
  #host: string | undefined;
  #length: number | undefined;
  #chunked = false;
  #options: Set<string> | undefined;
  #upgrade: string | undefined;

  /** Why the line is malformed, if it is. */
  add(name: string, value: string): string | undefined {
    switch (name) {
      case 'host':
        if (this.#host !== undefined) return 'more than one Host';
        this.#host = value;
        return undefined;
      case 'content-length':
        if (this.#length !== undefined) return 'more than one Content-Length';
        this.#length = readLength(value);
        if (this.#length === undefined) return 'a Content-Length that is not a number';
        break;
      case 'transfer-encoding':
        if (this.#chunked || value.toLowerCase() !== 'chunked') return 'a Transfer-Encoding other than chunked';
        this.#chunked = true;
        return undefined;
      case 'connection':
        this.#options ??= new Set();
        for (const option of value.toLowerCase().split(',')) this.#options.add(option.trim());
        return undefined;
      case 'upgrade':
        this.#upgrade = this.#upgrade === undefined ? value.toLowerCase() : ',';
        return undefined;
      case 'te':
        if (value.toLowerCase() !== 'trailers') return undefined;
        break;
      default:
        if (connectionFields.has(name)) return undefined;
    }
    this.#headers.push([name, value]);
    return undefined;
  }

  fields(): Fields | Refusal {
    const length = this.#length;
    const chunked = this.#chunked;
    if (chunked && length !== undefined) return malformed('both Content-Length and Transfer-Encoding');
    const options = this.#options ?? noOptions;
    const upgrade = options.has('upgrade') ? this.#upgrade : undefined;
    return { headers: this.#passedOn(options), host: this.#host, length, chunked, options, upgrade };
  }

  #passedOn(options: ReadonlySet<string>): HeaderList {
    for (const option of options)
      if (!plainOptions.has(option)) return this.#headers.filter(([name]) => plainOptions.has(name) || !options.has(name));
    return this.#headers;
  }
}

/** Without the blanks and tabs around it. */
function trim(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;
