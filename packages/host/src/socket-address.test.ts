// Rules of the kernel's socket addresses as bytes.
// Beside socket-address.ts; needs no privilege.
// The kernel's own opinion of these bytes is asked in sockets.kernel.test.ts.
import { type Ip, ipFromBytes } from '@ambient-mesh/model/address';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeSockaddr, encodeSockaddr, encodeUnixPath } from './socket-address.ts';

const someIp = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => ipFromBytes(bytes) as Ip);

test('an address and port come back from their bytes', () => {
  fc.assert(
    fc.property(someIp, fc.nat(65_535), (ip, port) => {
      expect(decodeSockaddr(Buffer.from(encodeSockaddr(ip, port)))).toEqual({ ip, port });
    }),
  );
});

test('any bytes decode to an address or to nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(0, 1, 2, 10), (bytes, family) => {
      if (bytes.length > 1) bytes.set([family, 0]);
      const got = decodeSockaddr(Buffer.from(bytes));
      if (got !== undefined) expect(got.port).toBeLessThan(65_536);
      if (family < 2) expect(got).toBeUndefined();
    }),
  );
});

test('an IPv4-mapped address comes out as IPv4', () => {
  const bytes = Buffer.from('0a0000500000000000000000000000000000ffff0a00000700000000', 'hex');
  expect(decodeSockaddr(bytes)).toEqual({ ip: '10.0.0.7', port: 80 });
});

const paths: readonly (readonly [rule: string, path: string, length: number | undefined])[] = [
  ['a path of 107 bytes fits', 'x'.repeat(107), 110],
  ['a path of 108 bytes does not', 'x'.repeat(108), undefined],
  ['bytes count, not characters', 'é'.repeat(54), undefined],
  ['an empty path is none', '', undefined],
  ['a path with a zero byte is none', 'a\0b', undefined],
];
test.each(paths)('%s', (_, path, length) => {
  expect(encodeUnixPath(path)?.length).toBe(length);
});
