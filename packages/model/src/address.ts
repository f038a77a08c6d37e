// IP addresses, socket addresses and CIDR blocks as plain, canonical data.
// Everything that crosses a boundary (wire, kernel, file) becomes canonical here, so that equality is `===` everywhere else.

/** Canonical text of an IP address: IPv4 dotted decimal or RFC 5952 IPv6; IPv4-mapped IPv6 is already unwrapped to IPv4. */
export type Ip = string & { readonly is: 'ip' };

export interface SocketAddress {
  readonly ip: Ip;
  /** 0 to 65535. */
  readonly port: number;
}

/** An IP on a named network; the network is `""` in a mesh of one network. */
export interface NetworkAddress {
  readonly network: string;
  readonly ip: Ip;
}

export type Family = 4 | 6;

/** A target named by hostname, to be resolved by whoever answers for it. */
export interface NamedAddress {
  readonly hostname: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** `:authority` of a CONNECT request. */
export type Authority = SocketAddress | NamedAddress;

/** An address as big-endian 32-bit words: one for IPv4, four for IPv6. The form in which blocks are compared. */
export type IpWords = readonly number[];

/** Longest text of an address: eight groups, the last two in dotted decimal. Longer input is refused unread. */
const longestIp = 45;
const longestHostname = 255;

/** Undefined unless the text is exactly an address: no zone, no port, no leading zeros in IPv4. */
export function parseIp(text: string): Ip | undefined {
  if (text.length > longestIp) return undefined;
  if (!text.includes(':')) return parseV4(text) < 0 ? undefined : (text as Ip);
  const groups = parseV6(text);
  return groups && fromGroups(groups);
}

/** An address that the kernel printed, which may be IPv4-mapped or carry a zone (`%eth0`). Throws a TypeError on anything else. */
export function canonicalIp(text: string): Ip {
  const zone = text.indexOf('%');
  const ip = parseIp(zone < 0 ? text : text.slice(0, zone));
  if (ip === undefined) throw new TypeError(`not an IP address: ${JSON.stringify(text.slice(0, longestIp))}`);
  return ip;
}

/** Network byte order, 4 or 16 bytes; undefined for any other length. */
export function ipFromBytes(bytes: Uint8Array): Ip | undefined {
  if (bytes.length === 4) return bytes.join('.') as Ip;
  if (bytes.length !== 16) return undefined;
  return fromGroups(Array.from({ length: 8 }, (_, at) => ((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)));
}

/** Network byte order, 4 or 16 bytes. */
export function ipToBytes(ip: Ip): Uint8Array {
  return Uint8Array.from(wordsOf(ip).flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]));
}

export function wordsOf(ip: Ip): IpWords {
  const v4 = parseV4(ip);
  if (v4 >= 0) return [v4];
  const groups = parseV6(ip) ?? [];
  return [0, 2, 4, 6].map((at) => (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0);
}

export const familyOf = (ip: Ip): Family => (ip.includes(':') ? 6 : 4);

export const isLoopback = (ip: Ip): boolean => ip === '::1' || ip.startsWith('127.');

/** `10.0.0.1:80` or `[::1]:80`. */
export const formatSocket = ({ ip, port }: SocketAddress): string => (familyOf(ip) === 6 ? `[${ip}]:${port}` : `${ip}:${port}`);

/** The reverse of `formatSocket`; undefined for hostnames, missing ports and IPv6 without brackets. */
export function parseSocket(text: string): SocketAddress | undefined {
  const parsed = parseAuthority(text);
  return parsed && 'ip' in parsed ? parsed : undefined;
}

/** Undefined unless the text is a host and a port (RFC 9113 §8.5); user information is refused. */
export function parseAuthority(text: string): Authority | undefined {
  if (text.length > longestHostname + 6) return undefined;
  const parts = /^(?:\[([^\]]*)\]|([A-Za-z0-9._*-]+)):(\d{1,5})$/.exec(text);
  if (!parts) return undefined;
  const [, bracketed, host, digits] = parts;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  const ip = parseIp(bracketed ?? host ?? '');
  if (bracketed !== undefined) return ip !== undefined && bracketed.includes(':') ? { ip, port } : undefined;
  return ip === undefined ? { hostname: host ?? '', port } : { ip, port };
}

/** The address as an unsigned 32-bit number, or -1. */
function parseV4(text: string): number {
  let value = 0;
  let part = -1;
  let parts = 0;
  for (let at = 0; at <= text.length; at++) {
    const digit = at === text.length ? -2 : text.charCodeAt(at) - 48;
    if (digit === -2) {
      if (part < 0 || ++parts > 4) return -1;
      value = value * 256 + part;
      part = -1;
    } else {
      if (digit < 0 || digit > 9 || part === 0) return -1;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return -1;
    }
  }
  return parts === 4 ? value : -1;
}

/** Eight 16-bit groups. */
function parseV6(text: string): readonly number[] | undefined {
  const [before = '', after, surplus] = text.split('::');
  if (surplus !== undefined) return undefined;
  const head = groupsOf(before, after === undefined);
  const tail = groupsOf(after ?? '', true);
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function groupsOf(text: string, mayEndInV4: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [at, part] of parts.entries()) {
    const v4 = mayEndInV4 && at === parts.length - 1 ? parseV4(part) : -1;
    if (v4 >= 0) groups.push(v4 >>> 16, v4 & 0xffff);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** RFC 5952 §4: the longest run of two or more zero groups becomes `::`, the first one among equals. */
function fromGroups(groups: readonly number[]): Ip {
  const mapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  if (mapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 255])
      .join('.') as Ip;
  let start = 0;
  let longest = 1;
  for (let from = 0; from < groups.length; from++) {
    let run = 0;
    while (groups[from + run] === 0) run++;
    if (run > longest) [start, longest] = [from, run];
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest === 1) return hex.join(':') as Ip;
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + longest).join(':')}` as Ip;
}
