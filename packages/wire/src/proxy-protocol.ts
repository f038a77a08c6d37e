// The PROXY protocol, version 2: tells an app, in front of the first byte, who its client is and where the client was going.
// Written by ztunnel/inbound/deliver.ts to apps that ask for it; read by the lab's apps. Pure.
import { familyOf, ipFromBytes, ipToBytes, type SocketAddress } from '@ambient-mesh/model/address';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const proxyCommand = 0x21;
const overTcp = { 4: 0x11, 6: 0x21 } as const;
/** Our peer's SPIFFE id, in the range that the protocol leaves to applications. */
const tlvIdentity = 0xd0;
const fixedBytes = 16;

export interface ProxyHeader {
  readonly source: SocketAddress;
  readonly destination: SocketAddress;
  readonly identity?: SpiffeId | undefined;
}

/** Addresses of different families cannot be told in one header: then only the identity is. */
export function encodeProxyHeader({ source, destination, identity }: ProxyHeader): Buffer {
  const family = familyOf(source.ip);
  const told = family === familyOf(destination.ip);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const addresses = told ? Buffer.concat([ipToBytes(source.ip), ipToBytes(destination.ip), ports]) : Buffer.alloc(0);
  const body = identity === undefined ? addresses : Buffer.concat([addresses, tlv(tlvIdentity, identity.uri)]);
  const head = Buffer.alloc(fixedBytes);
  signature.copy(head);
  head[12] = proxyCommand;
  head[13] = told ? overTcp[family] : 0;
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}

export interface ReadProxyHeader {
  readonly source: SocketAddress | undefined;
  readonly destination: SocketAddress | undefined;
  /** The text of TLV 0xD0. */
  readonly identity: string | undefined;
  /** Bytes that the header took. */
  readonly length: number;
}

/** `more`: the header is not complete yet. Strict: anything but version 2, command PROXY, TCP is `bad`. */
export function decodeProxyHeader(bytes: Buffer): ReadProxyHeader | 'more' | 'bad' {
  const seen = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, seen).equals(signature.subarray(0, seen))) return 'bad';
  if (bytes.length < fixedBytes) return 'more';
  const length = fixedBytes + bytes.readUInt16BE(14);
  const kind = bytes[13] ?? 0;
  const ipBytes = kind === overTcp[4] ? 4 : kind === overTcp[6] ? 16 : 0;
  if (bytes[12] !== proxyCommand || (ipBytes === 0 && kind !== 0)) return 'bad';
  if (bytes.length < length) return 'more';
  const body = bytes.subarray(fixedBytes, length);
  const addressBytes = ipBytes === 0 ? 0 : ipBytes * 2 + 4;
  if (body.length < addressBytes) return 'bad';
  const identity = findTlv(body.subarray(addressBytes), tlvIdentity);
  if (identity === 'bad') return 'bad';
  const at = (nth: 0 | 1): SocketAddress | undefined => {
    const ip = ipBytes === 0 ? undefined : ipFromBytes(body.subarray(nth * ipBytes, (nth + 1) * ipBytes));
    return ip && { ip, port: body.readUInt16BE(ipBytes * 2 + nth * 2) };
  };
  return { source: at(0), destination: at(1), identity, length };
}

function tlv(type: number, text: string): Buffer {
  const value = Buffer.from(text);
  const head = Buffer.alloc(3);
  head[0] = type;
  head.writeUInt16BE(value.length, 1);
  return Buffer.concat([head, value]);
}

function findTlv(tlvs: Buffer, type: number): string | undefined | 'bad' {
  let found: string | undefined;
  for (let at = 0; at < tlvs.length; ) {
    if (tlvs.length - at < 3) return 'bad';
    const length = tlvs.readUInt16BE(at + 1);
    if (at + 3 + length > tlvs.length) return 'bad';
    if (tlvs[at] === type) found ??= tlvs.toString('utf8', at + 3, at + 3 + length);
    at += 3 + length;
  }
  return found;
}
