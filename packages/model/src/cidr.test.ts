// Blocks of addresses: reading them, and what lies inside. The oracle of the property test compares bit by bit.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ipFromBytes, ipToBytes, wordsOf } from './address.ts';
import { cidrFromBytes, compileCidr, formatCidr, parseCidr, prefixKey } from './cidr.ts';
import { ip } from './testing/index.ts';

describe('parseCidr', () => {
  const rows: readonly (readonly [rule: string, text: string, written: string | undefined])[] = [
    ['an IPv4 block', '10.0.0.0/8', '10.0.0.0/8'],
    ['an IPv6 block', '2001:DB8::/32', '2001:db8::/32'],
    ['a bare address is a block of one', '10.0.0.1', '10.0.0.1/32'],
    ['everything', '0.0.0.0/0', '0.0.0.0/0'],
    ['a mapped block is an IPv4 block', '::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['a mapped block shorter than the mapping is refused', '::ffff:10.0.0.0/90', undefined],
    ['a length above 32 is refused for IPv4', '10.0.0.0/33', undefined],
    ['a length above 128 is refused', '::/129', undefined],
    ['a negative length is refused', '10.0.0.0/-1', undefined],
    ['an empty length is refused', '10.0.0.0/', undefined],
    ['two lengths are refused', '10.0.0.0/8/8', undefined],
    ['no address is refused', 'x/8', undefined],
  ];
  for (const [rule, text, written] of rows) {
    test(rule, () => {
      const cidr = parseCidr(text);
      expect(cidr && formatCidr(cidr)).toBe(written);
    });
  }

  test('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:./]{0,50}$/)), (text) => void parseCidr(text)));
  });
});

test('a length that the bytes cannot have is refused', () => {
  expect(cidrFromBytes(Uint8Array.of(10, 0, 0, 0), 33)).toBeUndefined();
  expect(cidrFromBytes(Uint8Array.of(10, 0, 0), 8)).toBeUndefined();
  expect(cidrFromBytes(Uint8Array.of(10, 0, 0, 0), 8)).toEqual({ ip: '10.0.0.0', length: 8 });
});

describe('compileCidr', () => {
  const rows: readonly (readonly [block: string, address: string, inside: boolean])[] = [
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.9/24', '10.0.0.200', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['::/0', '10.0.0.1', false],
    ['128.0.0.0/1', '200.0.0.1', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['::1/128', '::1', true],
  ];
  for (const [block, address, inside] of rows) {
    test(`${address} is ${inside ? 'in' : 'not in'} ${block}`, () => {
      expect(compileCidr(parseCidr(block) ?? { ip: ip('::'), length: 0 })(wordsOf(ip(address)))).toBe(inside);
    });
  }

  test('agrees with comparing bits, and so does prefixKey', () => {
    const bits = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(four, four, fc.integer({ min: 0, max: 32 }), (a, b, length) => {
        const [base, address] = [ipFromBytes(a) ?? ip('::'), ipFromBytes(b) ?? ip('::')];
        const same = bits(ipToBytes(base)).slice(0, length) === bits(ipToBytes(address)).slice(0, length);
        expect(compileCidr({ ip: base, length })(wordsOf(address))).toBe(same);
        expect(prefixKey(wordsOf(base), length) === prefixKey(wordsOf(address), length)).toBe(same);
      }),
    );
  });
});
