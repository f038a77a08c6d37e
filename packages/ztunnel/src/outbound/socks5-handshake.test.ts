// The messages of RFC 1928 byte by byte: what is accepted, what is refused, and what is only not complete yet.
// Beside socks5-handshake.ts; over a socket it is socks5.kernel.test.ts.
// Every message is also cut at every place: no cut may change what it means.
import { ipFromBytes } from '@ambient-mesh/model/address';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readGreeting, readRequest, replyWith, welcome } from './socks5-handshake.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (given: string): string => `${given.length.toString(16).padStart(2, '0')} ${Buffer.from(given).toString('hex')}`;
const refused = (why: string) => ({ refuse: replyWith(7), why });

type Row = readonly [rule: string, bytes: string, want: unknown];

const greetings: readonly Row[] = [
  ['no authentication', '05 01 00', { used: 3 }],
  ['no authentication among others', '05 03 02 01 00', { used: 5 }],
  ['what follows is left alone', '05 01 00 05 01', { used: 3 }],
  ['authentication only', '05 02 01 02', { refuse: hex('05 ff'), why: 'the client insists on authentication' }],
  ['no method at all', '05 00', refused('no method of authentication is offered')],
  ['SOCKS4', '04', refused('version 4 is not SOCKS5')],
  ['HTTP', '47 45 54 20', refused('version 71 is not SOCKS5')],
];

const requests: readonly Row[] = [
  ['an IPv4 address', '05 01 00 01 0a000002 0050', { target: { ip: '10.0.0.2', port: 80 }, used: 10 }],
  ['an IPv6 address', `05 01 00 04 fd${'00'.repeat(14)}02 1f90`, { target: { ip: 'fd00::2', port: 8080 }, used: 22 }],
  ['an IPv4 address inside IPv6', `05 01 00 04 ${'00'.repeat(10)}ffff0a000002 0050`, { target: { ip: '10.0.0.2', port: 80 }, used: 22 }],
  ['a name', `05 01 00 03 ${text('example.com')} 0050`, { target: { hostname: 'example.com', port: 80 }, used: 18 }],
  ['an address written as a name', `05 01 00 03 ${text('10.0.0.2')} 0050`, { target: { ip: '10.0.0.2', port: 80 }, used: 15 }],
  ['an IPv6 address written as a name', `05 01 00 03 ${text('fd00::2')} 0050`, { target: { ip: 'fd00::2', port: 80 }, used: 14 }],
  ['the reserved byte may be anything', '05 01 ff 01 0a000002 0050', { target: { ip: '10.0.0.2', port: 80 }, used: 10 }],
  ['what follows is left alone', '05 01 00 01 0a000002 0050 474554', { target: { ip: '10.0.0.2', port: 80 }, used: 10 }],
  ['another version', '04 01', refused('version 4 is not SOCKS5')],
  ['BIND', '05 02', refused('command 2 is not CONNECT')],
  ['UDP ASSOCIATE', '05 03', refused('command 3 is not CONNECT')],
  ['an unknown type of address', '05 01 00 02', refused('address type 2 is unknown')],
  ['a name of no length', '05 01 00 03 00 0050', refused('the name to connect to is no hostname')],
  ['a name with a line break', `05 01 00 03 ${text('a\nb')} 0050`, refused('the name to connect to is no hostname')],
  ['a name with a port of its own', `05 01 00 03 ${text('a:1')} 0050`, refused('the name to connect to is no hostname')],
];

for (const [name, read, rows] of [
  ['greeting', readGreeting, greetings],
  ['request', readRequest, requests],
] as const) {
  describe(name, () => {
    test.each(rows)('%s', (_, bytes, want) => {
      expect(read(hex(bytes))).toEqual(want);
    });

    test.each(rows)('%s, cut anywhere: more is awaited, or the same is known already', (_, bytes, want) => {
      const whole = hex(bytes);
      for (let length = 0; length < whole.length; length++) expect(['more', want]).toContainEqual(read(whole.subarray(0, length)));
    });

    test('whatever arrives, it is decided within 262 bytes, and no more are used than came', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
          const reading = read(Buffer.from(bytes));
          if (reading === 'more') return bytes.length < 262;
          return 'refuse' in reading || reading.used <= bytes.length;
        }),
      );
    });
  });
}

test('any address and port come out as they went in', () => {
  const address = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }));
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 65_535 }), (ip, port) => {
      const request = Buffer.concat([Buffer.of(5, 1, 0, ip.length === 4 ? 1 : 4), ip, Buffer.of(port >> 8, port & 255)]);
      expect(readRequest(request)).toEqual({ target: { ip: ipFromBytes(ip), port }, used: request.length });
    }),
  );
});

test('the answers', () => {
  expect(welcome).toEqual(hex('05 00'));
  expect(replyWith(0)).toEqual(hex('05 00 00 01 00000000 0000'));
});
