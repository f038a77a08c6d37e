// Addresses in every spelling become one canonical text or nothing. Rows: byte_to_ipaddr_* of the reference's catalogue and RFC 5952 §4.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalIp,
  familyOf,
  formatSocket,
  ipFromBytes,
  ipToBytes,
  isLoopback,
  parseAuthority,
  parseIp,
  parseSocket,
  wordsOf,
} from './address.ts';
import { ip } from './testing/index.ts';

describe('parseIp', () => {
  const rows: readonly (readonly [rule: string, text: string, canonical: string | undefined])[] = [
    ['IPv4 stays as it is', '10.0.0.1', '10.0.0.1'],
    ['IPv4 extremes', '255.255.255.255', '255.255.255.255'],
    ['an IPv4 part above 255 is refused', '10.0.0.256', undefined],
    ['three IPv4 parts are refused', '10.0.1', undefined],
    ['five IPv4 parts are refused', '10.0.0.0.1', undefined],
    ['an empty IPv4 part is refused', '10..0.1', undefined],
    ['a final dot is refused', '10.0.0.1.', undefined],
    ['a leading zero is refused, for some read it as octal', '010.0.0.1', undefined],
    ['a sign is refused', '+1.0.0.1', undefined],
    ['IPv6 becomes lower case', '2001:DB8::A', '2001:db8::a'],
    ['leading zeros of a group go', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['the longest run of zeros is shortened', '1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['the first of equal runs is shortened', '1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['one zero group alone is not shortened', '1:2:3:0:4:5:6:7', '1:2:3:0:4:5:6:7'],
    ['the unspecified address', '::', '::'],
    ['a run at the end', '1:2::', '1:2::'],
    ['IPv4 in the last groups', '64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['IPv4-mapped IPv6 is IPv4', '::ffff:10.0.0.1', '10.0.0.1'],
    ['IPv4-mapped IPv6 in hex is IPv4', '::ffff:a00:1', '10.0.0.1'],
    ['two runs are refused', '1::2::3', undefined],
    ['three colons are refused', '1:::2', undefined],
    ['nine groups are refused', '1:2:3:4:5:6:7:8:9', undefined],
    ['seven groups are refused', '1:2:3:4:5:6:7', undefined],
    ['a run that stands for no group is refused', '1:2:3:4::5:6:7:8', undefined],
    ['IPv4 before the end is refused', '10.0.0.1::', undefined],
    ['a group of five digits is refused', '12345::', undefined],
    ['a zone is refused', 'fe80::1%eth0', undefined],
    ['a port is refused', '10.0.0.1:80', undefined],
    ['brackets are refused', '[::1]', undefined],
    ['nothing is refused', '', undefined],
    ['white space is refused', ' 10.0.0.1', undefined],
  ];
  for (const [rule, text, canonical] of rows) test(rule, () => expect(parseIp(text)).toBe(canonical));

  test('is its own inverse: canonical text is canonical', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const canonical = ip(text);
        expect(parseIp(canonical)).toBe(canonical);
      }),
    );
  });

  test('answers any text, however strange', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.%]{0,50}$/)), (text) => {
        const parsed = parseIp(text);
        if (parsed !== undefined) expect(parseIp(parsed)).toBe(parsed);
      }),
    );
  });
});

describe('ipFromBytes', () => {
  const rows: readonly (readonly [rule: string, bytes: readonly number[], canonical: string | undefined])[] = [
    ['four bytes are IPv4', [1, 1, 1, 1], '1.1.1.1'],
    ['sixteen bytes are IPv6', [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], '2001:db8::1'],
    ['an IPv4-mapped address is unwrapped', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1], '10.0.0.1'],
    ['no bytes are no address', [], undefined],
    ['three bytes are no address', [1, 1, 1], undefined],
    ['five bytes are no address', [1, 1, 1, 1, 1], undefined],
    ['fifteen bytes are no address', new Array<number>(15).fill(0), undefined],
    ['seventeen bytes are no address', new Array<number>(17).fill(0), undefined],
  ];
  for (const [rule, bytes, canonical] of rows) test(rule, () => expect(ipFromBytes(Uint8Array.from(bytes))).toBe(canonical));

  test('and ipToBytes undo each other', () => {
    const addresses = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
    fc.assert(
      fc.property(addresses, (bytes) => {
        const address = ipFromBytes(bytes);
        expect(address).toBeDefined();
        if (address === undefined) return;
        const mapped = bytes.length === 16 && familyOf(address) === 4;
        expect(ipToBytes(address)).toEqual(mapped ? bytes.slice(12) : bytes);
        expect(parseIp(address)).toBe(address);
      }),
    );
  });
});

describe('socket addresses', () => {
  const rows: readonly (readonly [text: string, parsed: { ip: string; port: number } | undefined])[] = [
    ['10.0.0.1:80', { ip: '10.0.0.1', port: 80 }],
    ['[2001:db8::1]:65535', { ip: '2001:db8::1', port: 65_535 }],
    ['10.0.0.1:65536', undefined],
    ['10.0.0.1:', undefined],
    ['10.0.0.1', undefined],
    ['::1:80', undefined],
    ['[10.0.0.1]:80', undefined],
    ['[::1]', undefined],
    ['example.com:80', undefined],
  ];
  for (const [text, parsed] of rows) test(`${text} is ${parsed ? 'read' : 'refused'}`, () => expect(parseSocket(text)).toEqual(parsed));

  test('are written as they are read', () => {
    for (const text of ['10.0.0.1:80', '[2001:db8::1]:0']) expect(formatSocket(parseSocket(text) ?? { ip: ip('::'), port: 1 })).toBe(text);
  });
});

describe('parseAuthority', () => {
  const rows: readonly (readonly [rule: string, text: string, parsed: unknown])[] = [
    ['a hostname and a port', 'example.com:80', { hostname: 'example.com', port: 80 }],
    ['an address and a port', '10.0.0.1:80', { ip: '10.0.0.1', port: 80 }],
    ['a mapped address is unwrapped', '[::ffff:10.0.0.1]:80', { ip: '10.0.0.1', port: 80 }],
    ['no port is refused', 'example.com', undefined],
    ['no host is refused', ':80', undefined],
    ['user information is refused', 'me@example.com:80', undefined],
    ['a path is refused', 'example.com:80/x', undefined],
    ['white space is refused', 'example .com:80', undefined],
    ['an endless host is refused', `${'a'.repeat(300)}:80`, undefined],
  ];
  for (const [rule, text, parsed] of rows) test(rule, () => expect(parseAuthority(text)).toEqual(parsed));

  test('never throws', () => {
    fc.assert(fc.property(fc.string({ maxLength: 400 }), (text) => void parseAuthority(text)));
  });
});

test('the kernel’s spellings become canonical', () => {
  expect(canonicalIp('::ffff:127.0.0.1')).toBe('127.0.0.1');
  expect(canonicalIp('fe80::1%eth0')).toBe('fe80::1');
  expect(() => canonicalIp('nonsense')).toThrow(TypeError);
});

test('loopback is 127/8 and ::1', () => {
  expect([ip('127.0.0.1'), ip('127.9.9.9'), ip('::1')].every(isLoopback)).toBe(true);
  expect([ip('128.0.0.1'), ip('::2'), ip('10.127.0.1')].some(isLoopback)).toBe(false);
});

test('words are big-endian and unsigned', () => {
  expect(wordsOf(ip('255.0.0.1'))).toEqual([0xff000001]);
  expect(wordsOf(ip('ff00::1'))).toEqual([0xff000000, 0, 0, 1]);
});
