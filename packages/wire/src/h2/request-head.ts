// What a well-formed HTTP/2 header list says as an HTTP request, and the other way round (RFC 9113 §8.3, RFC 9110 §7).
// Used by http2-server.ts and http2-client.ts. Strict: nothing gets through that HTTP/1.1 could not say, or would say differently. Pure.
import type { HeaderList, RequestHead, ResponseHead } from '../http/message.ts';
import { connectionFields, isAuthority, isToken } from '../http1/syntax.ts';
import type { RequestFields } from './headers.ts';

/** Visible ASCII but `#` (RFC 9112 §3.2). */
const path = /^\/[!"$-~]*$/;

/** The status of the refusal if it is not served. */
export function asRequest(fields: RequestFields): RequestHead | 400 | 405 {
  const { method, scheme, path: target } = fields;
  if (method === 'CONNECT') return 405;
  if (!isToken(method) || (scheme !== 'http' && scheme !== 'https')) return 400;
  if (!path.test(target) && !(target === '*' && method === 'OPTIONS')) return 400;
  const hosts = fields.headers.filter(([name]) => name === 'host');
  const host = hosts[0]?.[1];
  if (hosts.length > 1) return 400;
  if (host !== undefined && fields.authority !== '' && host.toLowerCase() !== fields.authority.toLowerCase()) return 400;
  const authority = fields.authority === '' ? (host ?? '') : fields.authority;
  if (!isAuthority(authority)) return 400;
  return { method, scheme, authority, path: target, headers: tidy(fields.headers) };
}

/** Without `host`, and with all pieces of the cookie in one (RFC 9113 §8.2.3). */
function tidy(headers: HeaderList): HeaderList {
  const cookies: string[] = [];
  let tidied = true;
  for (const [name, value] of headers) {
    if (name === 'cookie') cookies.push(value);
    else if (name === 'host') tidied = false;
  }
  if (tidied && cookies.length < 2) return headers;
  const out: (readonly [string, string])[] = [];
  for (const entry of headers) {
    if (entry[0] === 'host') continue;
    if (entry[0] !== 'cookie') out.push(entry);
    else if (cookies.length > 0) out.push(['cookie', cookies.splice(0).join('; ')]);
  }
  return out;
}

export function requestList({ method, scheme, authority, path: target, headers }: RequestHead): HeaderList {
  const pseudo: [string, string][] = [
    [':method', method],
    [':scheme', scheme],
  ];
  if (authority !== '') pseudo.push([':authority', authority]);
  pseudo.push([':path', target]);
  return withFields(pseudo, headers);
}

export const responseList = ({ status, headers }: ResponseHead): HeaderList => withFields([[':status', String(status)]], headers);

/** What a configured filter may have added and HTTP/2 forbids is left out (RFC 9113 §8.2.2). */
export function withFields(pseudo: readonly (readonly [string, string])[], headers: HeaderList): HeaderList {
  const list = [...pseudo];
  for (const entry of headers) if (!connectionFields.has(entry[0]) && entry[0] !== 'host') list.push(entry);
  return list;
}
