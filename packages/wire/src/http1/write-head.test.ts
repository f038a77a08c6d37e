// Heads as they are written: framing is the codec's, and nothing that is given can break out of its place.
import { describe, expect, test } from 'vitest';
import type { HeaderList } from '../http/message.ts';
import { writeInterim, writeLastChunk, writeRequestHead, writeResponseHead } from './write-head.ts';

const request = { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: [] } as const;
const answering = { method: 'GET', version: 'HTTP/1.1', keep: true, last: false } as const;

describe('responses', () => {
  const rows: readonly (readonly [rule: string, status: number, headers: HeaderList, how: object, want: string, framing: unknown])[] = [
    ['chunks without a length', 200, [], {}, 'transfer-encoding: chunked\r\n', 'chunked'],
    ['a length', 200, [['content-length', '3']], {}, 'content-length: 3\r\n', 3],
    ['nothing follows', 200, [], { last: true }, 'content-length: 0\r\n', 0],
    ['nothing follows, though announced', 200, [['content-length', '3']], { last: true }, 'content-length: 3\r\n', 3],
    ['HEAD', 200, [['content-length', '3']], { method: 'HEAD', last: true }, 'content-length: 3\r\n', 0],
    ['HEAD of unknown length', 200, [], { method: 'HEAD', last: true }, '', 0],
    ['204', 204, [['content-length', '3']], { last: true }, '', 0],
    ['304', 304, [['content-length', '3']], { last: true }, 'content-length: 3\r\n', 0],
    ['HTTP/1.0', 200, [], { version: 'HTTP/1.0' }, 'connection: close\r\n', 'until-close'],
    ['HTTP/1.0, kept', 200, [['content-length', '3']], { version: 'HTTP/1.0' }, 'content-length: 3\r\nconnection: keep-alive\r\n', 3],
    ['not kept', 200, [['content-length', '3']], { keep: false }, 'content-length: 3\r\nconnection: close\r\n', 3],
    [
      "what is the codec's is not taken from others",
      200,
      [
        ['connection', 'x'],
        ['transfer-encoding', 'gzip'],
        ['keep-alive', '1'],
        ['host', 'x'],
      ],
      { last: true },
      'content-length: 0\r\n',
      0,
    ],
  ];
  test.each(rows)('%s', (_rule, status, headers, how, want, framing) => {
    const written = writeResponseHead({ status, headers }, { ...answering, ...how });
    expect(written?.text.slice(written.text.indexOf('\r\n') + 2)).toBe(`${want}\r\n`);
    expect(written?.framing).toBe(framing);
  });
});

describe('requests', () => {
  const rows: readonly (readonly [rule: string, head: object, last: boolean, want: string])[] = [
    ['GET', {}, true, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'],
    ['POST without a body says so', { method: 'POST' }, true, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n'],
    ['chunks', { method: 'POST' }, false, 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'],
    [
      'te is about this connection',
      { headers: [['te', 'trailers']] },
      true,
      'GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\n\r\n',
    ],
    [
      'a change of protocol',
      { upgrade: 'websocket' },
      false,
      'GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    ],
  ];
  test.each(rows)('%s', (_rule, head, last, want) => {
    expect(writeRequestHead({ ...request, ...head }, last)?.text).toBe(want);
  });
});

describe('cannot be written', () => {
  const fields: readonly (readonly [rule: string, name: string, value: string])[] = [
    ['CR LF in a value', 'x', 'a\r\nb: c'],
    ['LF in a value', 'x', 'a\nb'],
    ['NUL in a value', 'x', 'a\0'],
    ['a character that would be cut to LF', 'x', 'a\u010ab'],
    ['CR LF in a name', 'x\r\ny', 'a'],
    ['a colon in a name', 'x:y', 'a'],
    ['an empty name', '', 'a'],
    ['a length that is none', 'content-length', '1, 1'],
  ];
  test.each(fields)('%s', (_rule, name, value) => {
    expect(writeResponseHead({ status: 200, headers: [[name, value]] }, answering)).toBe(undefined);
    expect(writeRequestHead({ ...request, headers: [[name, value]] }, true)).toBe(undefined);
    expect(writeInterim(103, [[name, value]]) === undefined || name === 'content-length').toBe(true);
    expect(writeLastChunk([[name, value]])).toBe('0\r\n\r\n');
  });

  const heads: readonly (readonly [rule: string, head: object])[] = [
    ['a blank in the path', { path: '/a b' }],
    ['CR LF in the path', { path: '/\r\nx: y' }],
    ['a path that is none', { path: 'http://b/' }],
    ['a character that would be cut', { path: '/\u010a' }],
    ['a method that is no token', { method: 'GET / HTTP/1.1' }],
    ['CONNECT', { method: 'CONNECT' }],
    ['CR LF in the authority', { authority: 'a\r\nx: y' }],
    ['a length but no body', { headers: [['content-length', '3']] }],
  ];
  test.each(heads)('%s', (_rule, head) => {
    expect(writeRequestHead({ ...request, ...head }, true)).toBe(undefined);
  });
});
