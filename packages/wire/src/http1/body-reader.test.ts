// Bodies: lengths, chunks and trailers, however the bytes are cut into pieces.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyReader } from './body-reader.ts';
import type { Framing } from './fields.ts';

interface Got {
  readonly body: string;
  readonly rest: string;
  readonly done: boolean;
  readonly fault: boolean;
  readonly trailers: unknown;
}

function read(framing: Framing, pieces: readonly string[]): Got {
  const reader = new BodyReader(framing);
  let body = '';
  let rest = '';
  for (const piece of pieces) {
    let bytes = Buffer.from(piece, 'latin1');
    while (bytes.length > 0 && !reader.done && reader.fault === undefined) {
      const taken = reader.take(bytes, undefined, (part) => {
        body += part.toString('latin1');
      });
      bytes = bytes.subarray(taken);
    }
    rest += bytes.toString('latin1');
  }
  const fault = reader.fault !== undefined;
  return { body, rest: fault ? '' : rest, done: reader.done, fault, trailers: reader.trailers };
}

const big = 'x'.repeat(300);
const rows: readonly (readonly [rule: string, framing: Framing, text: string, want: Partial<Got>])[] = [
  ['a length', 3, 'abcd', { body: 'abc', rest: 'd', done: true }],
  ['no body', 0, 'a', { body: '', rest: 'a', done: true }],
  ['until the end', 'until-close', 'abc', { body: 'abc', done: false }],
  ['chunks', 'chunked', '3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\nnext', { body: 'abc0123456789', rest: 'next', done: true }],
  ['trailers', 'chunked', '0\r\nGrpc-Status: 0\r\nHost: x\r\n\r\n', { done: true, trailers: [['grpc-status', '0']] }],
  ['trailers that must not be are dropped', 'chunked', '0\r\nContent-Length: 3\r\nCookie: x\r\n\r\n', { done: true, trailers: undefined }],
  ['extensions are skipped', 'chunked', '1;a=b;c="d;e"\r\nx\r\n0;z\r\n\r\n', { body: 'x', done: true }],
  ['an extension that is too long', 'chunked', `1;${big}\r\nx\r\n`, { fault: true }],
  ['too many extensions in all', 'chunked', `1;${'a'.repeat(200)}\r\nx\r\n`.repeat(100), { fault: true }],
  ['a size that is too large', 'chunked', 'FFFFFFFFFFFFFFFFF\r\n', { fault: true }],
  ['a size in 0x', 'chunked', '0x3\r\nabc\r\n', { fault: true }],
  ['a sign', 'chunked', '+3\r\nabc\r\n', { fault: true }],
  ['an underscore', 'chunked', '1_0\r\n', { fault: true }],
  ['no size', 'chunked', '\r\nabc', { fault: true }],
  ['a blank before the size', 'chunked', ' 3\r\nabc\r\n', { fault: true }],
  ['a blank after the size', 'chunked', '3 \r\nabc\r\n', { fault: true }],
  ['bare LF after the size', 'chunked', '3\nabc\r\n', { fault: true }],
  ['bare CR in an extension', 'chunked', '3;a\rb\r\nabc\r\n', { fault: true }],
  ['bare LF ends an extension', 'chunked', '3;a\nabc\r\n', { fault: true }],
  ['no line end after the chunk', 'chunked', '3\r\nabcd\r\n', { fault: true }],
  ['bare LF after the chunk', 'chunked', '3\r\nabc\n0\r\n\r\n', { fault: true }],
  ['bytes instead of the last line end', 'chunked', '0\r\nX', { done: false, body: '' }],
  ['a line that is no trailer', 'chunked', '0\r\nX\r\n\r\n', { fault: true }],
  ['a folded trailer', 'chunked', '0\r\nx: a\r\n b\r\n\r\n', { fault: true }],
  ['bare LF in trailers', 'chunked', '0\r\nx: a\n\n', { fault: true }],
  ['trailers that are too long', 'chunked', `0\r\nx: ${'a'.repeat(9000)}\r\n\r\n`, { fault: true }],
];

describe('in one piece', () => {
  test.each(rows)('%s', (_rule, framing, text, want) => {
    expect(read(framing, [text])).toMatchObject(want);
  });
});

describe('octet by octet', () => {
  test.each(rows)('%s', (_rule, framing, text, want) => {
    expect(read(framing, text.split(''))).toMatchObject(want);
  });
});

test('however a chunked body is cut, it reads the same', () => {
  const chunk = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 12 }), (chunks, cuts) => {
      const text = `${chunks.map((c) => `${c.length.toString(16)}\r\n${c}\r\n`).join('')}0\r\nt: v\r\n\r\nnext`;
      const at = [0, ...cuts.filter((c) => c < text.length).sort((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
      expect(read('chunked', pieces)).toEqual({ body: chunks.join(''), rest: 'next', done: true, fault: false, trailers: [['t', 'v']] });
    }),
  );
});
