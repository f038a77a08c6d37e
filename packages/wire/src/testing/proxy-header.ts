// Reads a PROXY protocol v2 header (haproxy proxy-protocol.txt §2.2), TCP over IPv4 or IPv6. Pure.
// For tests and the lab's applications, which receive what proxy-protocol.ts wrote.
// Shares no code with the writer on purpose.
import { type Ip, ipFromBytes, type SocketAddress } from '@ambient-mesh/model/address';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const fixedBytes = 16;
const versionAndProxy = 0x21;
const identityTlv = 0xd0;

export interface ReadProxy {
  readonly source?: SocketAddress;
  readonly destination?: SocketAddress;
  readonly identity?: string;
  /** Octets of the header: the client's own bytes follow. */
  readonly length: number;
}

/** `incomplete`: more bytes are needed. `malformed`: they are not, and never will be, a header that a mesh writes. */
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
