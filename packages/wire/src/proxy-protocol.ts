// PROXY protocol, version 2: tells an application behind a tunnel who its client is (facts: ztunnel §2.9). Pure.
// Written by ztunnel's inbound side in front of the client's bytes; read only by tests and the lab's applications.
import { familyOf, type Ip, ipFromBytes, ipToBytes, type SocketAddress } from '@ambient-mesh/model/address';
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

export interface ReadProxy {
  readonly source?: SocketAddress;
  readonly destination?: SocketAddress;
  readonly identity?: string;
  /** Octets of the header: the client's own bytes follow. */
  readonly length: number;
}

/** `incomplete`: more bytes are needed. `malformed`: they are not, and never will be, a header that `proxyHeader` writes. */
export function readProxyHeader(bytes: Buffer): ReadProxy | 'incomplete' | 'malformed' {
  const start = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, start).equals(signature.subarray(0, start))) return 'malformed';
  if (bytes.length < fixedBytes) return 'incomplete';
  if (bytes[12] !== versionAndProxy) return 'malformed';
  const length = fixedBytes + bytes.readUInt16BE(14);
  if (bytes.length < length) return 'incomplete';
  const ipBytes = addressBytes(bytes[13] ?? 0);
  const tlvsAt = ipBytes === undefined ? Number.POSITIVE_INFINITY : fixedBytes + (ipBytes === 0 ? 0 : 2 * ipBytes + 4);
  if (ipBytes === undefined || tlvsAt > length) return 'malformed';
  const identity = readIdentity(bytes.subarray(tlvsAt, length));
  if (identity === 'malformed') return 'malformed';
  const ends = ipBytes === 0 ? {} : readAddresses(bytes.subarray(fixedBytes, tlvsAt), ipBytes);
  return { ...ends, ...(identity !== undefined && { identity }), length };
}

const addressBytes = (family: number): number | undefined =>
  new Map([
    [0x00, 0],
    [0x11, 4],
    [0x21, 16],
  ]).get(family);

function readAddresses(block: Buffer, ipBytes: number): { source?: SocketAddress; destination?: SocketAddress } {
  const source: Ip | undefined = ipFromBytes(block.subarray(0, ipBytes));
  const destination: Ip | undefined = ipFromBytes(block.subarray(ipBytes, 2 * ipBytes));
  if (source === undefined || destination === undefined) return {};
  const ports = 2 * ipBytes;
  return {
    source: { ip: source, port: block.readUInt16BE(ports) },
    destination: { ip: destination, port: block.readUInt16BE(ports + 2) },
  };
}

function readIdentity(tlvs: Buffer): string | undefined | 'malformed' {
  let identity: string | undefined;
  for (let at = 0; at < tlvs.length; ) {
    if (at + 3 > tlvs.length) return 'malformed';
    const end = at + 3 + tlvs.readUInt16BE(at + 1);
    if (end > tlvs.length) return 'malformed';
    if (tlvs[at] === identityTlv) identity = tlvs.toString('utf8', at + 3, end);
    at = end;
  }
  return identity;
}
