// PROXY protocol, version 2: tells an application behind a tunnel who its client is (facts: ztunnel §2.9). Pure.
// Written by ztunnel's inbound side in front of the client's bytes. Nothing of ours reads it: tests do, with testing/proxy-header.ts.
import { familyOf, ipToBytes, type SocketAddress } from '@ambient-mesh/model/address';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';

export interface Proxied {
  /** The client. */
  readonly source: SocketAddress;
  /** What the client wanted to reach. */
  readonly destination: SocketAddress;
  /** Proven by mutual TLS; sent as a TLV of type 0xD0. */
  readonly identity?: SpiffeId | undefined;
}

const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const identityTlv = 0xd0;
const versionAndProxy = 0x21;
const fixedBytes = 16;

/** Addresses of two families cannot be told in one header: it then says "unspecified". */
export function proxyHeader({ source, destination, identity }: Proxied): Buffer {
  const family = familyOf(source.ip);
  const addresses = family === familyOf(destination.ip) ? addressBlock(source, destination) : Buffer.alloc(0);
  const tlv = identity === undefined ? Buffer.alloc(0) : identityBlock(identity);
  const fixed = Buffer.alloc(fixedBytes);
  signature.copy(fixed);
  fixed[12] = versionAndProxy;
  fixed[13] = addresses.length === 0 ? 0x00 : family === 4 ? 0x11 : 0x21;
  fixed.writeUInt16BE(addresses.length + tlv.length, 14);
  return Buffer.concat([fixed, addresses, tlv]);
}

function addressBlock(source: SocketAddress, destination: SocketAddress): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  return Buffer.concat([ipToBytes(source.ip), ipToBytes(destination.ip), ports]);
}

function identityBlock({ uri }: SpiffeId): Buffer {
  const value = Buffer.from(uri, 'utf8');
  const head = Buffer.from([identityTlv, 0, 0]);
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}
