// Heads of requests: what is understood, and what is refused because another reader might understand it differently.
import { describe, expect, test } from 'vitest';
import { readRequestHead } from './request-head.ts';

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join('');
const read = (text: string) => readRequestHead(text, 'http');
const get = (...fields: readonly string[]) => read(lines('GET / HTTP/1.1', 'Host: a', ...fields));

test('a request as browsers send it', () => {
  const text = lines('GET /a?b=c HTTP/1.1', 'Host: example.com:80', 'User-Agent: x', 'Cookie:  a=b \t', 'X-ODD: \xe9');
  const headers = [
    ['user-agent', 'x'],
    ['cookie', 'a=b'],
    ['x-odd', '\xe9'],
  ];
  const head = { method: 'GET', scheme: 'http', authority: 'example.com:80', path: '/a?b=c', headers };
  expect(read(text)).toEqual({ head, version: 'HTTP/1.1', framing: 0, keep: true });
});

describe('targets', () => {
  const rows: readonly (readonly [rule: string, line: string, host: string, want: readonly [string, string] | number])[] = [
    ['origin form', 'GET /a HTTP/1.1', 'h', ['h', '/a']],
    ['absolute form: the authority of the target', 'GET http://H/a HTTP/1.1', 'h', ['H', '/a']],
    ['absolute form without a path', 'GET http://h HTTP/1.1', 'h', ['h', '/']],
    ['absolute form with a query only', 'GET http://h?q HTTP/1.1', 'h', ['h', '/?q']],
    ['OPTIONS in absolute form without a path', 'OPTIONS http://h HTTP/1.1', 'h', ['h', '*']],
    ['asterisk', 'OPTIONS * HTTP/1.1', 'h', ['h', '*']],
    ['an IPv6 address', 'GET / HTTP/1.1', '[::1]:80', ['[::1]:80', '/']],
    ['asterisk for another method', 'GET * HTTP/1.1', 'h', 400],
    ['absolute form that disagrees with Host', 'GET http://other/ HTTP/1.1', 'h', 400],
    ['a user in the target', 'GET http://u@h/ HTTP/1.1', 'u@h', 400],
    ['another scheme', 'GET ftp://h/ HTTP/1.1', 'h', 400],
    ['no slash', 'GET a HTTP/1.1', 'h', 400],
    ['a fragment', 'GET /a#b HTTP/1.1', 'h', 400],
    ['not ASCII', 'GET /\xe9 HTTP/1.1', 'h', 400],
    ['two blanks', 'GET  / HTTP/1.1', 'h', 400],
    ['a blank in the target', 'GET /a b HTTP/1.1', 'h', 400],
    ['a tab for a blank', 'GET\t/ HTTP/1.1', 'h', 400],
    ['a blank at the end', 'GET / HTTP/1.1 ', 'h', 400],
    ['a method that is no token', 'G(T / HTTP/1.1', 'h', 400],
    ['HTTP/0.9', 'GET /', 'h', 400],
    ['lower case version', 'GET / http/1.1', 'h', 400],
    ['an unknown version', 'GET / HTTP/1.2', 'h', 505],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0', 'h', 505],
    ['CONNECT', 'CONNECT h:1 HTTP/1.1', 'h:1', 405],
    ['a line that is too long', `GET /${'a'.repeat(17_000)} HTTP/1.1`, 'h', 414],
    ['Host with a path', 'GET / HTTP/1.1', 'h/x', 400],
    ['Host with a list', 'GET / HTTP/1.1', 'h, i x', 400],
    ['empty Host', 'GET / HTTP/1.1', '', 400],
  ];
  test.each(rows)('%s', (_rule, line, host, want) => {
    const got = read(lines(line, `Host: ${host}`));
    expect('refused' in got ? got.refused : [got.head.authority, got.head.path]).toEqual(want);
  });

  test('HTTP/1.0 needs no Host, HTTP/1.1 does', () => {
    expect(read(lines('GET / HTTP/1.0'))).toMatchObject({ head: { authority: '' }, keep: false });
    expect(read(lines('GET / HTTP/1.1'))).toMatchObject({ refused: 400 });
  });
});

describe('requests that two readers could cut at different places', () => {
  const rows: readonly (readonly [attack: string, fields: readonly string[]])[] = [
    ['CL.TE', ['Content-Length: 6', 'Transfer-Encoding: chunked']],
    ['TE.CL', ['Transfer-Encoding: chunked', 'Content-Length: 6']],
    ['two lengths', ['Content-Length: 6', 'Content-Length: 7']],
    ['two lengths alike', ['Content-Length: 6', 'content-length: 6']],
    ['a list of lengths', ['Content-Length: 6, 6']],
    ['a sign', ['Content-Length: +6']],
    ['a minus', ['Content-Length: -6']],
    ['a blank within', ['Content-Length: 1 2']],
    ['hexadecimal', ['Content-Length: 0x6']],
    ['exponent', ['Content-Length: 6e0']],
    ['empty length', ['Content-Length:']],
    ['a length beyond counting', ['Content-Length: 18446744073709551622']],
    ['xchunked', ['Transfer-Encoding: xchunked']],
    ['chunked, identity', ['Transfer-Encoding: chunked, identity']],
    ['identity', ['Transfer-Encoding: identity']],
    ['gzip, chunked', ['Transfer-Encoding: gzip, chunked']],
    ['chunked twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['chunked, then another', ['Transfer-Encoding: chunked', 'Transfer-Encoding: x']],
    ['quoted', ['Transfer-Encoding: "chunked"']],
    ['vertical tab', ['Transfer-Encoding: \x0bchunked']],
    ['NUL', ['Transfer-Encoding: chunked\0']],
    ['blank before the colon', ['Transfer-Encoding : chunked']],
    ['tab before the colon', ['Content-Length\t: 6']],
    ['folded value', ['X: a', ' Transfer-Encoding: chunked']],
    ['folded with a tab', ['X: a', '\tb']],
    ['blank before the first name', [' X: a']],
    ['no name', [': a']],
    ['no colon', ['abc']],
    ['NUL in a value', ['X: a\0b']],
    ['DEL in a value', ['X: a\x7fb']],
    ['a name with a letter beyond ASCII', ['X\xe9: a']],
    ['bare LF hides a field', ['X: a\nTransfer-Encoding: chunked']],
    ['bare CR hides a field', ['X: a\rTransfer-Encoding: chunked']],
    ['CR twice', ['X: a\r']],
    ['a second Host', ['Host: b']],
    ['a second Host alike', ['host: a']],
  ];
  test.each(rows)('%s', (_attack, fields) => {
    expect(get(...fields)).toMatchObject({ refused: 400 });
  });

  test('Transfer-Encoding in HTTP/1.0', () => {
    expect(read(lines('POST / HTTP/1.0', 'Transfer-Encoding: chunked'))).toMatchObject({ refused: 400 });
  });

  test('too many fields', () => {
    expect(get(...Array.from({ length: 200 }, (_, i) => `x-${i}: y`))).toMatchObject({ refused: 431 });
  });
});

describe('what concerns the connection', () => {
  const rows: readonly (readonly [rule: string, fields: readonly string[], want: object])[] = [
    ['a length', ['Content-Length: 6'], { framing: 6, head: { headers: [['content-length', '6']] } }],
    ['chunks, however written', ['Transfer-Encoding: Chunked'], { framing: 'chunked', head: { headers: [] } }],
    ['close', ['Connection: Close'], { keep: false, head: { headers: [] } }],
    ['fields that it names are not passed on', ['Connection: x-a, close', 'X-A: 1', 'X-B: 2'], { head: { headers: [['x-b', '2']] } }],
    [
      'a length is passed on all the same',
      ['Connection: content-length', 'Content-Length: 1'],
      { head: { headers: [['content-length', '1']] } },
    ],
    ['keep-alive is not passed on', ['Keep-Alive: 5', 'Proxy-Connection: x'], { head: { headers: [] } }],
    ['te only for trailers', ['TE: gzip', 'te: trailers'], { head: { headers: [['te', 'trailers']] } }],
    ['a change of protocol', ['Connection: keep-alive, Upgrade', 'Upgrade: WebSocket'], { head: { headers: [], upgrade: 'websocket' } }],
  ];
  test.each(rows)('%s', (_rule, fields, want) => {
    expect(get(...fields)).toMatchObject(want);
  });

  const none: readonly (readonly [rule: string, fields: readonly string[]])[] = [
    ['Upgrade that Connection does not name', ['Upgrade: websocket']],
    ['HTTP/2 in clear text', ['Connection: upgrade, http2-settings', 'Upgrade: h2c', 'HTTP2-Settings: x']],
    ['a choice of protocols', ['Connection: upgrade', 'Upgrade: a, b']],
    ['with a body', ['Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 1']],
  ];
  test.each(none)('no change of protocol: %s', (_rule, fields) => {
    const got = get(...fields);
    expect('head' in got && got.head.upgrade).toBe(undefined);
  });

  test('HTTP/1.0 stays only when asked to', () => {
    expect(read(lines('GET / HTTP/1.0', 'Connection: keep-alive'))).toMatchObject({ keep: true });
  });
});
