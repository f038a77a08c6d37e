// Turns a failed system call into one typed error whose text says what was attempted and what to look at.
// Every call of libc.ts that fails passes through `refused`; callers match on `fault.code` and `fault.name`.
// Pure: reads no errno itself; which call failed and with what number is the caller's knowledge.
import { constants } from 'node:os';
import { MeshError } from '@ambient-mesh/runtime/errors';

export interface HostFault {
  /** The call that failed: `host.bind`, `host.setns`, … */
  readonly code: `host.${string}`;
  readonly errno: number;
  /** The number's symbolic name: `EADDRINUSE`. */
  readonly name: string;
  /** What was being done, in words: `listen on [::]:15008 in netns 4:4026532`. */
  readonly attempted: string;
}

const names: ReadonlyMap<number, string> = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

const advice: Readonly<Record<string, string>> = {
  'setns.EINVAL': 'the descriptor is not a network namespace',
  'socket.EAFNOSUPPORT': 'the kernel has this address family switched off',
  'bind.EADDRINUSE': 'another socket holds this port and does not share it',
  'bind.EADDRNOTAVAIL': 'no interface here has this address',
  'bind.EACCES': 'ports below 1024 need CAP_NET_BIND_SERVICE',
  'connect.ENOENT': 'nothing has made this socket yet',
  'connect.ECONNREFUSED': 'the socket is there but nobody listens on it',
  'connect.ENETUNREACH': 'no route leads there',
  EPERM: 'a capability is missing: CAP_SYS_ADMIN for namespaces, CAP_NET_ADMIN for marks and transparent sockets',
  EMFILE: "this process's limit of open files is reached",
  ENFILE: "the machine's limit of open files is reached",
};

export function refused(call: string, errno: number, attempted: string): MeshError<HostFault> {
  const name = names.get(errno) ?? `errno ${errno}`;
  const hint = advice[`${call}.${name}`] ?? advice[name];
  const text = `cannot ${attempted}: ${call}: ${name}${hint === undefined ? '' : ` (${hint})`}`;
  return new MeshError<HostFault>({ code: `host.${call}`, errno, name, attempted }, text);
}
