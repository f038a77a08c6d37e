// What a well-formed HTTP/2 header list says as an HTTP request (RFC 9113 §8.3, RFC 9110 §7).
// Used by http2-server.ts; the other way round is write-head.ts. Strict: nothing gets through that HTTP/1.1 could not say, or would say differently. Pure.
import type { HeaderList, RequestHead } from '../http/message.ts';
import { isAuthority, isToken } from '../http1/syntax.ts';
import type { RequestFields } from './headers.ts';

/** Visible ASCII but `#` (RFC 9112 §3.2). */
const target = /^\/[!"$-~]*$/;

export const isPath = (path: string, method: string): boolean => target.test(path) || (path === '*' && method === 'OPTIONS');

/** The status of the refusal if it is not served. */
export function asRequest(fields: RequestFields): RequestHead | 400 | 405 {
  const { method, scheme, path } = fields;
  if (method === 'CONNECT') return 405;
  if (!isToken(method) || (scheme !== 'http' && scheme !== 'https')) return 400;
  if (!isPath(path, method)) return 400;
  const hosts = fields.headers.filter(([name]) => name === 'host');
  const host = hosts[0]?.[1];
  if (hosts.length > 1) return 400;
  if (host !== undefined && fields.authority !== '' && host.toLowerCase() !== fields.authority.toLowerCase()) return 400;
  const authority = fields.authority === '' ? (host ?? '') : fields.authority;
  if (!isAuthority(authority)) return 400;
  return { method, scheme, authority, path, headers: tidy(fields.headers) };
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
