// Judges decoded header lists: what RFC 9113 §8 calls malformed gets its stream reset or a 400, never reaches a caller.
// Used by incoming.ts, for tunnels and for HTTP alike; what only HTTP asks of a request is in request-head.ts. Pure.
import type { HeaderList } from '../http/message.ts';
import { connectionFields, isFieldValue, isLowerToken, notInTrailers, readLength } from '../http1/syntax.ts';

const requestPseudo = new Set([':method', ':scheme', ':authority', ':path']);

export interface RequestFields {
  readonly method: string;
  /** Empty when absent, as in CONNECT. */
  readonly scheme: string;
  /** Empty when absent, which only requests other than CONNECT may do. */
  readonly authority: string;
  /** Empty when absent, as in CONNECT. */
  readonly path: string;
  /** Without the pseudo-headers. */
  readonly headers: HeaderList;
  /** Content-Length. */
  readonly length: number | undefined;
}

/** Undefined if malformed. CONNECT has exactly `:method` and `:authority` (§8.5). */
export function readRequest(list: HeaderList): RequestFields | undefined {
  const fields = readFields(list);
  if (fields === undefined) return undefined;
  const { pseudo, headers, length } = fields;
  for (const name of pseudo.keys()) if (!requestPseudo.has(name)) return undefined;
  const method = pseudo.get(':method');
  const scheme = pseudo.get(':scheme');
  const authority = pseudo.get(':authority') ?? '';
  const path = pseudo.get(':path');
  if (method === undefined) return undefined;
  const none = path === undefined && scheme === undefined;
  const both = path !== undefined && scheme !== undefined;
  if (method === 'CONNECT' ? !none || authority === '' : !both) return undefined;
  return { method, scheme: scheme ?? '', authority, path: path ?? '', headers, length };
}

export interface ResponseFields {
  readonly status: number;
  readonly headers: HeaderList;
  readonly length: number | undefined;
}

/** Undefined if malformed. */
export function readResponse(list: HeaderList): ResponseFields | undefined {
  const fields = readFields(list);
  const status = fields?.pseudo.get(':status');
  if (fields === undefined || status === undefined || fields.pseudo.size !== 1 || !/^[1-5]\d\d$/.test(status)) return undefined;
  return { status: Number(status), headers: fields.headers, length: fields.length };
}

/** Undefined if malformed: trailers have no pseudo-headers (§8.1). What may not stand in trailers is left out. */
export function readTrailers(list: HeaderList): HeaderList | undefined {
  const fields = readFields(list);
  return fields?.pseudo.size === 0 ? fields.headers.filter(([name]) => !notInTrailers.has(name)) : undefined;
}

interface Fields {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly headers: HeaderList;
  readonly length: number | undefined;
}

function readFields(list: HeaderList): Fields | undefined {
  const pseudo = new Map<string, string>();
  const headers: (readonly [string, string])[] = [];
  let length: number | undefined;
  for (const entry of list) {
    const [name, value] = entry;
    if (!isFieldValue(value) || isBlank(value, 0) || isBlank(value, value.length - 1)) return undefined;
    if (name.startsWith(':')) {
      if (headers.length > 0 || pseudo.has(name)) return undefined;
      pseudo.set(name, value);
      continue;
    }
    if (!isLowerToken(name) || connectionFields.has(name) || (name === 'te' && value !== 'trailers')) return undefined;
    if (name === 'content-length') {
      if (length !== undefined) return undefined;
      length = readLength(value);
      if (length === undefined) return undefined;
    }
    headers.push(entry);
  }
  return { pseudo, headers, length };
}

/** Neither end of a value may be one (§8.2.1). */
export const isBlank = (value: string, at: number): boolean => value[at] === ' ' || value[at] === '\t';
