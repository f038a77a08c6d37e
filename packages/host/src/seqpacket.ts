// Unix sockets of type SOCK_SEQPACKET: whole packets of at most 1024 bytes, each with at most one descriptor.
// The pod agent and the tunnel talk over it (wire/zds); this file carries packets and knows nothing of their meaning.
// Pulled, never pushed: nothing is read before someone asks, so a flooding peer fills the kernel's queue and not our memory.
import { closeSync, lstatSync, unlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type HostFault, refused } from './errors.ts';
import * as libc from './libc.ts';
import { ReadinessWatch } from './readiness-watch.ts';
import { decodeDescriptors, encodeDescriptors, roomForOneDescriptor } from './rights.ts';
import { encodeUnixPath } from './socket-address.ts';

export const maxPacketBytes = 1024;

export interface Packet {
  readonly bytes: Uint8Array;
  /** The receiver owns it: close it, or hand it to something that will. */
  readonly fd: number | undefined;
}

const { EAGAIN, EINTR, EBADF, EMSGSIZE, ENAMETOOLONG } = constants.errno;

export class SeqPacket implements Disposable {
  readonly #fd: number;
  readonly #watch: ReadinessWatch;
  #open = true;

  /** Takes over a connected, non-blocking descriptor. */
  constructor(fd: number) {
    this.#fd = fd;
    this.#watch = new ReadinessWatch(fd);
  }

  /** Throws `host.connect` (ENOENT, ECONNREFUSED; EAGAIN when the listener's queue is full). */
  static connect(path: string): SeqPacket {
    const attempted = `connect to ${path}`;
    const fd = unixSocket(attempted);
    try {
      const address = pathOf(path, attempted);
      if (libc.connect(fd, address, address.length) !== 0) throw refused('connect', libc.errno(), attempted);
    } catch (why) {
      closeSync(fd);
      throw why;
    }
    return new SeqPacket(fd);
  }

  /**
   * The next packet; undefined when the peer has closed, this end was disposed, or an empty packet came (the kernel shows no difference).
   * One caller at a time. A packet too long, or with more than one descriptor, throws `host.recvmsg`, its descriptors closed: drop the connection then.
   */
  async receive(signal: AbortSignal): Promise<Packet | undefined> {
    while (this.#open) {
      const got = receiveNow(this.#fd);
      if (got === 'end') return undefined;
      if (got !== 'wait') return got;
      await this.#watch.until('readable', signal);
    }
    return undefined;
  }

  /** The peer gets copies of the descriptors; ours stay ours. Await each before the next: order is otherwise not kept. Throws `host.sendmsg`. */
  async send(bytes: Uint8Array, signal: AbortSignal, fds: readonly number[] = []): Promise<void> {
    if (bytes.length === 0 || bytes.length > maxPacketBytes) {
      throw new RangeError(`a packet has 1 to ${maxPacketBytes} bytes, not ${bytes.length}`);
    }
    while (this.#open) {
      if (sendNow(this.#fd, bytes, fds) === 'sent') return;
      await this.#watch.until('writable', signal);
    }
    throw refused('sendmsg', EBADF, 'send a packet on a socket closed at this end');
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch[Symbol.dispose]();
    closeSync(this.#fd);
  }
}

export class SeqPacketListener implements Disposable {
  readonly #fd: number;
  readonly path: string;
  readonly #inode: number | undefined;
  readonly #watch: ReadinessWatch;
  #open = true;

  private constructor(fd: number, path: string) {
    this.#fd = fd;
    this.path = path;
    this.#inode = inodeOf(path);
    this.#watch = new ReadinessWatch(fd);
  }

  /** Replaces a socket file left by an earlier process; any other kind of file stays and `host.bind` is thrown. */
  static listen(path: string): SeqPacketListener {
    const attempted = `listen on ${path}`;
    const address = pathOf(path, attempted);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
    const fd = unixSocket(attempted);
    try {
      if (libc.bind(fd, address, address.length) !== 0) throw refused('bind', libc.errno(), attempted);
      if (libc.listen(fd, 16) !== 0) throw refused('listen', libc.errno(), attempted);
    } catch (why) {
      closeSync(fd);
      throw why;
    }
    return new SeqPacketListener(fd, path);
  }

  /** The next connection; undefined once disposed. Throws `host.accept4` when descriptors run out. */
  async accept(signal: AbortSignal): Promise<SeqPacket | undefined> {
    while (this.#open) {
      const fd = libc.accept4(this.#fd, null, null, libc.SOCK_OURS);
      if (fd >= 0) return new SeqPacket(fd);
      const errno = libc.errno();
      if (errno !== EAGAIN && errno !== EINTR) throw refused('accept4', errno, `accept on ${this.path}`);
      await this.#watch.until('readable', signal);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch[Symbol.dispose]();
    closeSync(this.#fd);
    // A successor may have put its own socket there.
    if (this.#inode !== undefined && inodeOf(this.path) === this.#inode) unlinkSync(this.path);
  }
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

function unixSocket(attempted: string): number {
  const fd = libc.socket(libc.AF_UNIX, libc.SOCK_SEQPACKET | libc.SOCK_OURS, 0);
  if (fd < 0) throw refused('socket', libc.errno(), attempted);
  return fd;
}

function pathOf(path: string, attempted: string): Uint8Array {
  const address = encodeUnixPath(path);
  if (address === undefined) throw refused('bind', ENAMETOOLONG, attempted);
  return address;
}

// Made once per thread: a receive is one synchronous call, whose result is copied out before the next.
const arrived = Buffer.alloc(maxPacketBytes);
const arrivedControl = Buffer.alloc(roomForOneDescriptor);

function receiveNow(fd: number): Packet | 'end' | 'wait' {
  const message: libc.MessageHeader = {
    name: null,
    nameLength: 0,
    iov: [{ base: arrived, length: maxPacketBytes }],
    iovCount: 1,
    control: arrivedControl,
    controlLength: roomForOneDescriptor,
    flags: 0,
  };
  const length = libc.recvmsg(fd, message, libc.MSG_CMSG_CLOEXEC | libc.MSG_DONTWAIT);
  if (length < 0) {
    const errno = libc.errno();
    if (errno === EAGAIN || errno === EINTR) return 'wait';
    throw refused('recvmsg', errno, 'receive a packet');
  }
  const fds = decodeDescriptors(arrivedControl.subarray(0, message.controlLength));
  const truncated = (message.flags & libc.MSG_TRUNC) !== 0;
  if (truncated || (message.flags & libc.MSG_CTRUNC) !== 0 || fds.length > 1 || length === 0) {
    for (const extra of fds) closeSync(extra);
    if (length === 0 && fds.length === 0) return 'end';
    const why = truncated
      ? `the packet is longer than ${maxPacketBytes} bytes`
      : 'the packet carries more than one descriptor, or no bytes';
    const fault: HostFault = { code: 'host.recvmsg', errno: EMSGSIZE, name: 'EMSGSIZE', attempted: 'receive a packet' };
    throw new MeshError<HostFault>(fault, `cannot receive a packet: ${why}`);
  }
  return { bytes: Uint8Array.from(arrived.subarray(0, length)), fd: fds[0] };
}

function sendNow(fd: number, bytes: Uint8Array, fds: readonly number[]): 'sent' | 'wait' {
  const control = fds.length === 0 ? null : encodeDescriptors(fds);
  const message: libc.MessageHeader = {
    name: null,
    nameLength: 0,
    iov: [{ base: bytes, length: bytes.length }],
    iovCount: 1,
    control,
    controlLength: control?.length ?? 0,
    flags: 0,
  };
  if (libc.sendmsg(fd, message, libc.MSG_NOSIGNAL | libc.MSG_DONTWAIT) >= 0) return 'sent';
  const errno = libc.errno();
  if (errno === EAGAIN || errno === EINTR) return 'wait';
  throw refused('sendmsg', errno, 'send a packet');
}
