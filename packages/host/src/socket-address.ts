// Socket addresses between our plain data and the kernel's `struct sockaddr`.
// Used by sockets.ts, original-destination.ts and seqpacket.ts.
// Layouts are those of Linux on little-endian machines: the family in host order, the port in network order.
import { type Family, familyOf, type Ip, ipFromBytes, ipToBytes, type SocketAddress } from '@ambient-mesh/model/address';
import { AF_INET, AF_INET6, AF_UNIX } from './libc.ts';

export const sockaddrLength = (family: Family): number => (family === 4 ? 16 : 28);

export function encodeSockaddr(ip: Ip, port: number): Uint8Array {
  const family = familyOf(ip);
  const bytes = Buffer.alloc(sockaddrLength(family));
  bytes.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ipToBytes(ip), family === 4 ? 4 : 8);
  return bytes;
}

/** Undefined when the bytes are no IPv4 or IPv6 address. An IPv4-mapped address comes out as IPv4. */
export function decodeSockaddr(bytes: Buffer): SocketAddress | undefined {
  if (bytes.length < 16) return undefined;
  const family = bytes.readUInt16LE(0);
  if (family !== AF_INET && (family !== AF_INET6 || bytes.length < 28)) return undefined;
  const ip = ipFromBytes(family === AF_INET ? bytes.subarray(4, 8) : bytes.subarray(8, 24));
  return ip === undefined ? undefined : { ip, port: bytes.readUInt16BE(2) };
}

/** Undefined when the path is longer than the kernel's 107 bytes or empty. */
export function encodeUnixPath(path: string): Uint8Array | undefined {
  const length = Buffer.byteLength(path);
  if (length === 0 || length > 107 || path.includes('\0')) return undefined;
  const bytes = Buffer.alloc(2 + 108);
  bytes.writeUInt16LE(AF_UNIX, 0);
  bytes.write(path, 2);
  return bytes;
}
