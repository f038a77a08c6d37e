// Heads as text. Framing and connection are ours to say; whatever else would break the message's syntax makes the head unwritable, never altered.
// Used by served.ts and client.ts. Pure.
import { STATUS_CODES } from 'node:http';
import type { HeaderList, RequestHead, ResponseHead } from '../http/message.ts';
import type { Framing } from './fields.ts';
import { connectionFields, isAuthority, isFieldValue, isLowerToken, isToken, notInTrailers, readLength } from './syntax.ts';

export interface WrittenHead {
  readonly text: string;
  readonly framing: Framing;
}

interface WrittenFields {
  readonly text: string;
  readonly length: number | undefined;
  readonly te: boolean;
}

const target = /^(?:\/[!"$-~]*|\*)$/;
/** Methods whose requests say so when there is no body (RFC 9110 §8.6). */
const withBody = new Set(['POST', 'PUT', 'PATCH']);

/** Undefined: it cannot be written. `last`: there is no body. */
export function writeRequestHead(head: RequestHead, last: boolean): WrittenHead | undefined {
  const { method, path, authority, upgrade } = head;
  const fields = writeFields(head.headers);
  if (fields === undefined || !isToken(method) || method === 'CONNECT' || !target.test(path)) return undefined;
  if (authority !== '' && !isAuthority(authority)) return undefined;
  if (upgrade !== undefined && !isToken(upgrade.replace('/', ''))) return undefined;
  const bodyless = last || upgrade !== undefined;
  if (bodyless && fields.length) return undefined;
  const framing = bodyless ? 0 : (fields.length ?? 'chunked');
  const options = [...(upgrade === undefined ? [] : ['upgrade']), ...(fields.te ? ['te'] : [])];
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields.text}`;
  if (options.length > 0) text += `connection: ${options.join(', ')}\r\n`;
  if (upgrade !== undefined) text += `upgrade: ${upgrade}\r\n`;
  if (framing === 'chunked') text += 'transfer-encoding: chunked\r\n';
  else if (framing > 0 || fields.length === 0 || withBody.has(method)) text += `content-length: ${framing}\r\n`;
  return { text: `${text}\r\n`, framing };
}

export interface Answering {
  readonly method: string;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  /** The connection will go on afterwards. */
  readonly keep: boolean;
  /** Nothing follows the head. */
  readonly last: boolean;
}

/** Undefined: it cannot be written. With `until-close` the connection cannot go on. */
export function writeResponseHead(head: ResponseHead, { method, version, keep, last }: Answering): WrittenHead | undefined {
  const { status } = head;
  const fields = writeFields(head.headers);
  if (fields === undefined || !Number.isInteger(status) || status < 200 || status > 599) return undefined;
  const silent = status === 204;
  const bodyless = silent || status === 304 || method === 'HEAD';
  const old = version === 'HTTP/1.0';
  const { length } = fields;
  const framing = bodyless ? 0 : (length ?? (last ? 0 : old ? 'until-close' : 'chunked'));
  let text = `${statusLine(status)}${fields.text}`;
  if (framing === 'chunked') text += 'transfer-encoding: chunked\r\n';
  else if (bodyless ? length !== undefined && !silent : framing !== 'until-close') text += `content-length: ${length ?? 0}\r\n`;
  if (!keep || framing === 'until-close') text += 'connection: close\r\n';
  else if (old) text += 'connection: keep-alive\r\n';
  return { text: `${text}\r\n`, framing };
}

/** An interim response, or 101 with the protocol. */
export function writeInterim(status: number, headers: HeaderList, upgrade?: string): string | undefined {
  const fields = writeFields(headers);
  if (fields === undefined || !Number.isInteger(status) || status < 100 || status > 199) return undefined;
  const change = upgrade === undefined ? '' : `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
  return `${statusLine(status)}${fields.text}${change}\r\n`;
}

/** The end of a chunked body. Trailers that cannot be written are left out. */
export function writeLastChunk(trailers: HeaderList | undefined): string {
  let text = '0\r\n';
  for (const [name, value] of trailers ?? [])
    if (isLowerToken(name) && isFieldValue(value) && !notInTrailers.has(name)) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

const statusLine = (status: number): string => `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;

function writeFields(headers: HeaderList): WrittenFields | undefined {
  let text = '';
  let length: number | undefined;
  let te = false;
  for (const [name, value] of headers) {
    if (!isLowerToken(name) || !isFieldValue(value)) return undefined;
    if (name === 'content-length') {
      if (length !== undefined) return undefined;
      length = readLength(value);
      if (length === undefined) return undefined;
    } else if (name !== 'host' && !connectionFields.has(name)) {
      if (name === 'te') te = true;
      text += `${name}: ${value}\r\n`;
    }
  }
  return { text, length, te };
}
