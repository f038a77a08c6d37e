// Reads the head of a request, or says why it is refused: whatever two readers could understand differently is (RFC 9112 §3, §6.3, §11.2).
// Used by server.ts. Pure.
import type { RequestHead } from '../http/message.ts';
import { type Fields, malformed, type Refusal, readFields } from './fields.ts';
import { isAuthority, isSection, isToken } from './syntax.ts';

export interface ReadRequest {
  readonly head: RequestHead;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  /** Octets of the body, or `chunked`. */
  readonly framing: number | 'chunked';
  /** The client would like to go on with the connection. */
  readonly keep: boolean;
}

/** Longer request lines are refused. RFC 9112 §3 asks for 8,000 octets at least. */
export const mostLine = 16 * 1024;

const requestLine = /^(\S+) (\S+) HTTP\/(\d)\.(\d)$/;
/** Visible ASCII but `#`, which no request line has (RFC 9112 §3.2). */
const target = /^[!"$-~]+$/;
const absolute = /^https?:\/\/([^/?]*)(.*)$/i;

/** `text`: the lines, each with its CRLF, without the empty one. */
export function readRequestHead(text: string, scheme: RequestHead['scheme']): ReadRequest | Refusal {
  // One empty line before is let pass (RFC 9112 §2.2).
  const start = text.startsWith('\r\n') ? 2 : 0;
  const end = text.indexOf('\r\n', start);
  if (end - start > mostLine) return { refused: 414, reason: 'the request line is too long' };
  if (!isSection(text)) return malformed('a control character in the head');
  const line = requestLine.exec(text.slice(start, Math.max(start, end)));
  const [, method = '', where = '', major, minor] = line ?? [];
  if (line === null || !isToken(method) || !target.test(where)) return malformed('not a request line');
  if (major !== '1' || (minor !== '0' && minor !== '1')) return { refused: 505, reason: 'not HTTP/1.0 or HTTP/1.1' };
  if (method === 'CONNECT') return { refused: 405, reason: 'CONNECT is not served here' };
  const fields = readFields(text, end + 2);
  if ('refused' in fields) return fields;
  const version = minor === '1' ? 'HTTP/1.1' : 'HTTP/1.0';
  const at = readTarget(method, where, fields, version);
  return 'refused' in at ? at : assemble({ method, scheme, ...at, headers: fields.headers }, fields, version);
}

interface Target {
  readonly authority: string;
  readonly path: string;
}

function readTarget(method: string, where: string, { host }: Fields, version: ReadRequest['version']): Target | Refusal {
  if (host === undefined && version === 'HTTP/1.1') return malformed('no Host');
  if (host !== undefined && !isAuthority(host) && !(host === '' && version === 'HTTP/1.0')) return malformed('a Host that names no host');
  if (where.startsWith('/') || (where === '*' && method === 'OPTIONS')) return { authority: host ?? '', path: where };
  const [whole, authority = '', rest = ''] = absolute.exec(where) ?? [];
  if (whole === undefined || !isAuthority(authority)) return malformed('a request target of no known form');
  if (host !== undefined && host.toLowerCase() !== authority.toLowerCase()) return malformed('the target and Host name different hosts');
  if (rest === '') return { authority, path: method === 'OPTIONS' ? '*' : '/' };
  return { authority, path: rest.startsWith('/') ? rest : `/${rest}` };
}

function assemble(head: RequestHead, fields: Fields, version: ReadRequest['version']): ReadRequest | Refusal {
  const { options, chunked, length, upgrade } = fields;
  const old = version === 'HTTP/1.0';
  if (old && chunked) return malformed('Transfer-Encoding in HTTP/1.0');
  const framing = chunked ? 'chunked' : (length ?? 0);
  const keep = !options.has('close') && (!old || options.has('keep-alive'));
  // HTTP/2 in clear text is not offered by upgrade; a protocol change while a body is under way is not either.
  const upgrading = upgrade !== undefined && !old && framing === 0 && upgrade !== 'h2c' && isToken(upgrade.replace('/', ''));
  return { head: { ...head, ...(upgrading && { upgrade }) }, version, framing, keep };
}
