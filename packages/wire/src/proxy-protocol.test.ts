// PROXY protocol headers, written and read (facts: ztunnel §2.9).
import { canonicalIp, type SocketAddress } from '@ambient-mesh/model/address';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proxyHeader } from './proxy-protocol.ts';
import { readProxyHeader } from './testing/proxy-header.ts';

const at = (ip: string, port: number): SocketAddress => ({ ip: canonicalIp(ip), port });
const identity = spiffeId('td', 'ns', 'sa');

test('the octets for IPv4 with an identity', () => {
  const header = proxyHeader({ source: at('10.0.0.1', 0x1234), destination: at('10.0.0.2', 80), identity });
  const tlv = Buffer.concat([Buffer.from([0xd0, 0, identity.uri.length]), Buffer.from(identity.uri)]);
  expect(header.toString('hex')).toBe(
    `0d0a0d0a000d0a515549540a2111${(12 + tlv.length).toString(16).padStart(4, '0')}0a0000010a00000212340050${tlv.toString('hex')}`,
  );
});

describe('what is written reads back', () => {
  const rows: readonly (readonly [string, SocketAddress, SocketAddress])[] = [
    ['IPv4', at('10.0.0.1', 1), at('10.0.0.2', 65_535)],
    ['IPv6', at('fd00::1', 1), at('fd00::2', 80)],
  ];
  for (const [name, source, destination] of rows) {
    for (const id of [identity, undefined]) {
      test(`${name}, ${id ? 'with' : 'without'} identity`, () => {
        const header = proxyHeader({ source, destination, identity: id });
        expect(readProxyHeader(Buffer.concat([header, Buffer.from('GET /')]))).toEqual({
          source,
          destination,
          length: header.length,
          ...(id && { identity: id.uri }),
        });
      });
    }
  }

  test('mixed families are unspecified, the identity is kept', () => {
    const header = proxyHeader({ source: at('10.0.0.1', 1), destination: at('fd00::2', 80), identity });
    expect(header[13]).toBe(0);
    expect(readProxyHeader(header)).toEqual({ identity: identity.uri, length: header.length });
  });
});

describe('the reader', () => {
  const header = proxyHeader({ source: at('10.0.0.1', 1), destination: at('10.0.0.2', 80), identity });

  test('asks for more until all is there', () => {
    for (let length = 0; length < header.length; length++) expect(readProxyHeader(header.subarray(0, length))).toBe('incomplete');
  });

  const broken: readonly (readonly [string, (bytes: Buffer) => void])[] = [
    ['another signature', (bytes) => bytes.writeUInt8(0x47, 0)],
    ['another version', (bytes) => bytes.writeUInt8(0x11, 12)],
    ['the LOCAL command', (bytes) => bytes.writeUInt8(0x20, 12)],
    ['an unknown family', (bytes) => bytes.writeUInt8(0x31, 13)],
    ['addresses that do not fit', (bytes) => bytes.writeUInt16BE(4, 14)],
    ['a TLV longer than the header', (bytes) => bytes.writeUInt16BE(999, 16 + 12 + 1)],
    ['half a TLV', (bytes) => bytes.writeUInt16BE(14, 14)],
  ];
  for (const [what, damage] of broken) {
    test(`refuses ${what}`, () => {
      const bytes = Buffer.from(header);
      damage(bytes);
      expect(readProxyHeader(bytes)).toBe('malformed');
    });
  }

  test('never throws', () => {
    const start = header.subarray(0, 13);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        readProxyHeader(Buffer.from(bytes));
        readProxyHeader(Buffer.concat([start, bytes]));
      }),
    );
  });
});
