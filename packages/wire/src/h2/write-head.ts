// Heads and trailers as header lists. What concerns one connection only is left out; what else HTTP/2 forbids makes a head unwritable.
// Used by http2-server.ts and http2-client.ts, because configured filters may have put anything in. Pure.
import type { HeaderList, RequestHead, ResponseHead } from '../http/message.ts';
import { connectionFields, isAuthority, isFieldValue, isLowerToken, isToken, notInTrailers } from '../http1/syntax.ts';
import { isBlank } from './headers.ts';
import { isPath } from './request-head.ts';

type Entry = readonly [name: string, value: string];

/** Undefined: it cannot be written. */
export function requestList({ method, scheme, authority, path, headers }: RequestHead): HeaderList | undefined {
  if (!isToken(method) || method === 'CONNECT' || !isPath(path, method) || (authority !== '' && !isAuthority(authority))) return undefined;
  const list: Entry[] = [
    [':method', method],
    [':scheme', scheme],
  ];
  if (authority !== '') list.push([':authority', authority]);
  list.push([':path', path]);
  return withFields(list, headers);
}

/** Undefined: it cannot be written. */
export function responseList({ status, headers }: ResponseHead): HeaderList | undefined {
  return Number.isInteger(status) && status >= 200 && status <= 599 ? withFields([[':status', String(status)]], headers) : undefined;
}

/** Undefined: it cannot be written. There is no 101 in HTTP/2 (RFC 9113 §8.6). */
export function interimList(status: number, headers: HeaderList): HeaderList | undefined {
  const fit = Number.isInteger(status) && status >= 100 && status <= 199 && status !== 101;
  return fit ? withFields([[':status', String(status)]], headers) : undefined;
}

/** What cannot be written is left out. */
export const trailerList = (trailers: HeaderList): HeaderList =>
  trailers.filter(([name, value]) => isLowerToken(name) && isFieldValue(value) && !notInTrailers.has(name)).map(trimmed);

function withFields(list: Entry[], headers: HeaderList): HeaderList | undefined {
  for (const entry of headers) {
    const [name, value] = entry;
    if (!isLowerToken(name) || !isFieldValue(value)) return undefined;
    if (connectionFields.has(name) || name === 'host' || (name === 'te' && value !== 'trailers')) continue;
    list.push(trimmed(entry));
  }
  return list;
}

/** A value neither begins nor ends with a blank (RFC 9113 §8.2.1). */
function trimmed(entry: Entry): Entry {
  const [name, value] = entry;
  return isBlank(value, 0) || isBlank(value, value.length - 1) ? [name, value.replace(/^[ \t]+|[ \t]+$/g, '')] : entry;
}
