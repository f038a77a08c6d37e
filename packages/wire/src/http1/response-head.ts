// Reads the head of a response, as strictly as that of a request: a server behind us must not be able to confuse two answers.
// Used by client.ts. Pure.
import type { ResponseHead } from '../http/message.ts';
import { type Framing, malformed, type Refusal, readFields } from './fields.ts';
import { isSection } from './syntax.ts';

export interface ReadResponse {
  readonly head: ResponseHead;
  readonly framing: Framing;
  /** The connection can be used again afterwards. */
  readonly keep: boolean;
  /** With 101: the protocol. */
  readonly upgrade: string | undefined;
}

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?$/;

/** `text`: the lines, each with its CRLF, without the empty one. `method`: of the request. */
export function readResponseHead(text: string, method: string): ReadResponse | Refusal {
  if (!isSection(text)) return malformed('a control character in the head');
  const end = text.indexOf('\r\n');
  const line = statusLine.exec(text.slice(0, Math.max(0, end)));
  if (line === null) return malformed('not a status line');
  const status = Number(line[2]);
  const old = line[1] === '0';
  const fields = readFields(text, end + 2);
  if ('refused' in fields) return fields;
  const { headers, chunked, length, options, upgrade } = fields;
  if (old && chunked) return malformed('Transfer-Encoding in HTTP/1.0');
  const silent = status < 200 || status === 204;
  const bodyless = silent || status === 304 || method === 'HEAD';
  const framing = bodyless ? 0 : chunked ? 'chunked' : (length ?? 'until-close');
  const keep = framing !== 'until-close' && !options.has('close') && (!old || options.has('keep-alive'));
  // No length belongs there (RFC 9110 §8.6), and who reads one might wait for it.
  const shown = silent && length !== undefined ? headers.filter(([name]) => name !== 'content-length') : headers;
  return { head: { status, headers: shown }, framing, keep, upgrade: status === 101 ? upgrade : undefined };
}
