// Makes sockets with the options that capture needs, in any network namespace, and hands out their descriptors.
// Node takes them from there: `server.listen({ fd })`, `dgram.bind({ fd })`, `new net.Socket({ fd }).connect(port, ip)`.
// Decides nothing: which mark, which port, and what to do when spoofing is refused is the caller's.
import { closeSync } from 'node:fs';
import { type Family, familyOf, formatSocket, type Ip } from '@ambient-mesh/model/address';
import { refused } from './errors.ts';
import * as libc from './libc.ts';
import type { Netns } from './netns.ts';
import { encodeSockaddr } from './socket-address.ts';

type Option = readonly [level: number, number: number, name: string];
const reuseAddress: Option = [libc.SOL_SOCKET, 2, 'SO_REUSEADDR'];
const keepAlive: Option = [libc.SOL_SOCKET, 9, 'SO_KEEPALIVE'];
const reusePortOption: Option = [libc.SOL_SOCKET, 15, 'SO_REUSEPORT'];
const markOption: Option = [libc.SOL_SOCKET, 36, 'SO_MARK'];
const noDelay: Option = [libc.SOL_TCP, 1, 'TCP_NODELAY'];
const keepIdle: Option = [libc.SOL_TCP, 4, 'TCP_KEEPIDLE'];
const keepInterval: Option = [libc.SOL_TCP, 5, 'TCP_KEEPINTVL'];
const keepCount: Option = [libc.SOL_TCP, 6, 'TCP_KEEPCNT'];
const userTimeout: Option = [libc.SOL_TCP, 18, 'TCP_USER_TIMEOUT'];
const freeBind: Option = [libc.SOL_IP, 15, 'IP_FREEBIND'];
const transparentOption: Option = [libc.SOL_IP, 19, 'IP_TRANSPARENT'];
const bindWithoutPort: Option = [libc.SOL_IP, 24, 'IP_BIND_ADDRESS_NO_PORT'];
const transparent6: Option = [libc.SOL_IPV6, 75, 'IPV6_TRANSPARENT'];
const freeBind6: Option = [libc.SOL_IPV6, 78, 'IPV6_FREEBIND'];

export interface ListenTcp {
  /** Where to listen; absent: where this thread is. */
  readonly netns?: Netns | undefined;
  /** `::` takes IPv4 too, unless the namespace's `bindv6only` says otherwise. */
  readonly ip: Ip;
  readonly port: number;
  /** True: other sockets, of other threads and processes of this user too, may listen beside this one, and share its connections. */
  readonly reusePort: boolean;
  /** Packet mark of the listener and, by inheritance, of every accepted socket. */
  readonly mark?: number | undefined;
  /** Whether connections to foreign addresses may be accepted and spoofed; `best-effort` tells how it went. */
  readonly transparent: 'required' | 'best-effort' | 'off';
  /** Default 128. `server.listen({ fd, backlog })` sets it again. */
  readonly backlog?: number | undefined;
}

export interface Listening {
  readonly fd: number;
  readonly transparent: boolean;
}

export interface UdpSocket {
  readonly netns?: Netns | undefined;
  readonly ip: Ip;
  readonly port: number;
  readonly reusePort: boolean;
  readonly mark?: number | undefined;
}

export interface DialSocket {
  readonly netns?: Netns | undefined;
  /** Family of the destination; that of `from` wins. */
  readonly family: Family;
  readonly mark?: number | undefined;
  /** Source address to show, be it ours or not. Throws when the kernel refuses it. */
  readonly from?: Ip | undefined;
}

export interface Keepalive {
  /** Seconds of silence before the first probe. */
  readonly idleS: number;
  readonly intervalS: number;
  /** Unanswered probes before the connection is dropped. */
  readonly count: number;
}

/** A listening socket with `TCP_NODELAY`, which accepted sockets inherit. Its queue fills from now on, accepted or not. */
export function listenTcp(options: ListenTcp): Listening {
  const { netns, ip, port, reusePort, mark, transparent, backlog = 128 } = options;
  const attempted = () => `listen on ${formatSocket({ ip, port })}${inside(netns)}`;
  return open(netns, familyOf(ip), libc.SOCK_STREAM, attempted, (fd) => {
    if (mark !== undefined) set(fd, markOption, mark, attempted);
    set(fd, reusePort ? reusePortOption : reuseAddress, 1, attempted);
    set(fd, noDelay, 1, attempted);
    // The IPv4 option on an IPv6 socket too: the kernel keeps one bit for both.
    if (transparent === 'required') set(fd, transparentOption, 1, attempted);
    const became = transparent === 'required' || (transparent === 'best-effort' && trySet(fd, transparentOption, 1));
    bindTo(fd, ip, port, attempted);
    if (libc.listen(fd, backlog) !== 0) throw refused('listen', libc.errno(), attempted());
    return { fd, transparent: became };
  });
}

/** A bound datagram socket, for `dgram.createSocket(…).bind({ fd })`, which emits `listening` before it returns. */
export function udpSocket({ netns, ip, port, reusePort, mark }: UdpSocket): number {
  const attempted = () => `receive datagrams on ${formatSocket({ ip, port })}${inside(netns)}`;
  return open(netns, familyOf(ip), libc.SOCK_DGRAM, attempted, (fd) => {
    if (mark !== undefined) set(fd, markOption, mark, attempted);
    set(fd, reusePort ? reusePortOption : reuseAddress, 1, attempted);
    bindTo(fd, ip, port, attempted);
    return fd;
  });
}

/**
 * A TCP socket with `TCP_NODELAY`, for `new net.Socket({ fd }).connect(port, ip)`. Make and connect that in one turn of the event loop:
 * Node starts to read at once, and reading what is not connecting yet is an error. Costs 8 µs in another namespace, 13 µs with `from`.
 */
export function dialSocket({ netns, family, mark, from }: DialSocket): number {
  const attempted = () => `dial${from === undefined ? '' : ` from ${from}`}${inside(netns)}`;
  return open(netns, from === undefined ? family : familyOf(from), libc.SOCK_STREAM, attempted, (fd) => {
    set(fd, noDelay, 1, attempted);
    if (mark !== undefined) set(fd, markOption, mark, attempted);
    if (from === undefined) return fd;
    const four = familyOf(from) === 4;
    set(fd, four ? transparentOption : transparent6, 1, attempted);
    set(fd, four ? freeBind : freeBind6, 1, attempted);
    // The port is chosen at connect, by the whole 4-tuple: one source address is then not limited to 28,000 connections in all.
    set(fd, bindWithoutPort, 1, attempted);
    bindTo(fd, from, 0, attempted);
    return fd;
  });
}

/** Whether an interface of the namespace has this address, by trying to bind it; always true under `ip_nonlocal_bind`. False when it cannot be told. */
export function hasAddress(ip: Ip, netns: Netns | undefined): boolean {
  try {
    closeFd(udpSocket({ netns, ip, port: 0, reusePort: false }));
    return true;
  } catch {
    return false;
  }
}

/**
 * On a listener it holds for every socket accepted afterwards: one call, not one per connection.
 * `userTimeoutMs`: how long sent bytes may stay unacknowledged before the connection is dropped. False when the kernel refused any part.
 */
export function setKeepalive(fd: number, { idleS, intervalS, count }: Keepalive, userTimeoutMs?: number): boolean {
  return (
    trySet(fd, keepIdle, idleS) &&
    trySet(fd, keepInterval, intervalS) &&
    trySet(fd, keepCount, count) &&
    trySet(fd, keepAlive, 1) &&
    (userTimeoutMs === undefined || trySet(fd, userTimeout, userTimeoutMs))
  );
}

/** Sets the packet mark of a socket made elsewhere. Throws without CAP_NET_ADMIN. */
export function setMark(fd: number, mark: number): void {
  set(fd, markOption, mark, () => 'mark a socket');
}

/** Closes a descriptor that Node has not taken over. Throws when it is not open: a second close would hit a stranger. */
export function closeFd(fd: number): void {
  closeSync(fd);
}

const inside = (netns: Netns | undefined): string => (netns === undefined ? '' : ` in netns ${netns.id}`);

/** Only the birth of a socket happens inside the namespace. A socket whose configuring fails is closed. */
function open<T>(netns: Netns | undefined, family: Family, type: number, attempted: () => string, configure: (fd: number) => T): T {
  const domain = family === 4 ? libc.AF_INET : libc.AF_INET6;
  const make = () => {
    const fd = libc.socket(domain, type | libc.SOCK_OURS, 0);
    if (fd < 0) throw refused('socket', libc.errno(), attempted());
    return fd;
  };
  const fd = netns === undefined ? make() : netns.run(make);
  try {
    return configure(fd);
  } catch (why) {
    closeFd(fd);
    throw why;
  }
}

function bindTo(fd: number, ip: Ip, port: number, attempted: () => string): void {
  const address = encodeSockaddr(ip, port);
  if (libc.bind(fd, address, address.length) !== 0) throw refused('bind', libc.errno(), attempted());
}

// Made once per thread; every call below is synchronous, so they are never shared.
const value = new Int32Array(1);

function trySet(fd: number, [level, number]: Option, to: number): boolean {
  value[0] = to;
  return libc.setsockopt(fd, level, number, value, 4) === 0;
}

function set(fd: number, option: Option, to: number, attempted: () => string): void {
  if (!trySet(fd, option, to)) throw refused('setsockopt', libc.errno(), `${attempted()} with ${option[2]} ${to}`);
}
