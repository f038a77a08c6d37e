// What first bytes mean.
import { expect, test } from 'vitest';
import { sniff } from './sniff.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const rows: readonly (readonly [says: string, bytes: string, want: ReturnType<typeof sniff>])[] = [
  ['nothing', '', undefined],
  ['a whole request line', 'GET / HTTP/1.1\r\n', 'http1'],
  ['a request line that ends in a bare LF is HTTP all the same, and refused later', 'GET / HTTP/1.1\n', 'http1'],
  ['a method that has only begun', 'GE', undefined],
  ['a method and half a target', 'DELETE /a/very/lo', undefined],
  ['an invented method', 'SING /song HTTP/1.0\r\n', 'http1'],
  ['the whole HTTP/2 preface', preface, 'http2'],
  ['the preface and more', `${preface}\0\0\0\x04\0\0\0\0\0`, 'http2'],
  ['half a preface', 'PRI * HTTP/2', undefined],
  ['something that begins like the preface', 'PRI x', undefined],
  ['a ClientHello', '\x16\x03\x01\x02\0', 'tls'],
  ['the first octet of one', '\x16', undefined],
  ['0x16 and something else', '\x16\x07\x01', 'tcp'],
  ['a word without a line end that goes on too long', 'x'.repeat(30), 'tcp'],
  ['a line of another protocol', 'HELO example.org\r\n', 'tcp'],
  ['a command with two words', 'SET key value\r\n', 'tcp'],
  ['octets that are no text', '\x01\x02\x03\x04', 'tcp'],
  ['a method followed by octets that are no text', 'GET \x01\x02', 'tcp'],
  ['a target that is longer than what is looked at', `GET /${'a'.repeat(5_000)}`, 'http1'],
];
for (const [says, bytes, want] of rows)
  test(`${says}: ${want ?? 'more is needed'}`, () => expect(sniff(Buffer.from(bytes, 'latin1'))).toBe(want));

test('the verdict does not depend on how the bytes were cut', () => {
  for (const [, bytes, want] of rows) {
    const all = Buffer.from(bytes, 'latin1');
    for (let at = 0; at < all.length; at++) {
      const early = sniff(all.subarray(0, at));
      if (early !== undefined && want !== undefined) expect([bytes, early]).toEqual([bytes, want]);
    }
  }
});
