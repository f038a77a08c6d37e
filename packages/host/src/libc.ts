// The few C library functions that Node lacks, declared once, with the kernel's numbers that they take.
// Used by the other files of this package only; nothing else in the project may import koffi.
// Numbers are those of 64-bit Linux on x86-64 and arm64; each call returns -1 on failure, with errno() valid until the next call.
import koffi from 'koffi';

const c = koffi.load(null);

type Bytes = Uint8Array | Int32Array | BigUint64Array;

export const errno = (): number => koffi.errno();
export const setns: (fd: number, kind: number) => number = c.func('int setns(int, int)');
export const unshare: (kind: number) => number = c.func('int unshare(int)');
export const socket: (family: number, type: number, protocol: number) => number = c.func('int socket(int, int, int)');
export const bind: (fd: number, address: Bytes, length: number) => number = c.func('int bind(int, void *, uint32_t)');
export const connect: (fd: number, address: Bytes, length: number) => number = c.func('int connect(int, void *, uint32_t)');
export const listen: (fd: number, backlog: number) => number = c.func('int listen(int, int)');
export const accept4: (fd: number, address: null, length: null, flags: number) => number = c.func('int accept4(int, void *, void *, int)');
export const setsockopt: (fd: number, level: number, name: number, value: Bytes, length: number) => number = c.func(
  'int setsockopt(int, int, int, void *, uint32_t)',
);
export const getsockopt: (fd: number, level: number, name: number, value: Bytes, length: Int32Array) => number = c.func(
  'int getsockopt(int, int, int, void *, void *)',
);
export const ioctl: (fd: number, request: number, argument: Bytes) => number = c.func('int ioctl(int, ulong, void *)');
export const prlimit: (pid: number, resource: number, next: BigUint64Array | null, previous: BigUint64Array | null) => number = c.func(
  'int prlimit(int, int, void *, void *)',
);
/** Ends the process at once, from any thread (`process.abort` is refused in workers). */
export const abort: () => void = c.func('void abort()');

/** A `struct msghdr` with one buffer; pointers come back as numbers, so only the lengths and flags are read afterwards. */
export interface MessageHeader {
  readonly name: null;
  readonly nameLength: 0;
  readonly iov: readonly [{ readonly base: Uint8Array; readonly length: number }];
  readonly iovCount: 1;
  readonly control: Uint8Array | null;
  controlLength: number;
  flags: number;
}
const iovec = koffi.struct({ base: 'void *', length: 'size_t' });
const msghdr = koffi.struct({
  name: 'void *',
  nameLength: 'uint32_t',
  iov: koffi.pointer(iovec),
  iovCount: 'size_t',
  control: 'void *',
  controlLength: 'size_t',
  flags: 'int',
});
export const sendmsg: (fd: number, message: MessageHeader, flags: number) => number = c.func('sendmsg', 'long', [
  'int',
  koffi.pointer(msghdr),
  'int',
]);
export const recvmsg: (fd: number, message: MessageHeader, flags: number) => number = c.func('recvmsg', 'long', [
  'int',
  koffi.inout(koffi.pointer(msghdr)),
  'int',
]);

export const CLONE_NEWNET = 0x40000000;

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_SEQPACKET = 5;
/** Non-blocking and closed on exec: what every socket of ours is. */
export const SOCK_OURS = 0o2004000;

export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SOL_TCP = 6;
export const SOL_IPV6 = 41;

export const SCM_RIGHTS = 1;
export const MSG_CTRUNC = 0x8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
