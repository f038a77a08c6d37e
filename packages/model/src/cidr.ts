// CIDR blocks: reading them from bytes and text, and asking whether an address lies inside.
// Blocks are compiled once (policy-match.ts, cidr-index.ts), so that asking costs a few integer operations.
import { familyOf, type Ip, type IpWords, ipFromBytes, parseIp, wordsOf } from './address.ts';
import type { Cidr } from './policy.ts';

export const fullLength = (ip: Ip): 32 | 128 => (familyOf(ip) === 4 ? 32 : 128);

/** `10.0.0.0/8`; a bare address is a block of its own. Undefined when either part is wrong. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', digits, surplus] = text.split('/');
  const ip = parseIp(address);
  if (ip === undefined || surplus !== undefined) return undefined;
  if (digits === undefined) return { ip, length: fullLength(ip) };
  return /^\d{1,3}$/.test(digits) ? block(ip, Number(digits), address.includes(':')) : undefined;
}

/** As on the wire. A block of IPv4-mapped IPv6 (`::ffff:10.0.0.0/104`) becomes the IPv4 block that it means. */
export function cidrFromBytes(bytes: Uint8Array, length: number): Cidr | undefined {
  const ip = ipFromBytes(bytes);
  return ip === undefined ? undefined : block(ip, length, bytes.length === 16);
}

export const formatCidr = ({ ip, length }: Cidr): string => `${ip}/${length}`;

/** Whether an address (as words) lies in the block; never true across families. */
export function compileCidr({ ip, length }: Cidr): (address: IpWords) => boolean {
  const base = wordsOf(ip);
  const masks = base.map((_, at) => maskOf(length, at));
  return (address) => {
    if (address.length !== base.length) return false;
    for (let at = 0; at < base.length; at++) {
      if ((((address[at] ?? 0) ^ (base[at] ?? 0)) & (masks[at] ?? 0)) !== 0) return false;
    }
    return true;
  };
}

/** The first `length` bits as text: equal for two addresses of one family exactly when they share that prefix. */
export const prefixKey = (address: IpWords, length: number): string => address.map((word, at) => word & maskOf(length, at)).join();

function block(ip: Ip, length: number, writtenAsV6: boolean): Cidr | undefined {
  const own = writtenAsV6 && familyOf(ip) === 4 ? length - 96 : length;
  return Number.isInteger(own) && own >= 0 && own <= fullLength(ip) ? { ip, length: own } : undefined;
}

/** Bits of word `at` that belong to the prefix. A shift by 32 would be a shift by 0 in JavaScript, hence the guard. */
function maskOf(length: number, at: number): number {
  const bits = Math.min(32, Math.max(0, length - 32 * at));
  return bits === 0 ? 0 : -1 << (32 - bits);
}
