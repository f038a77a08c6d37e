// What the kernel says of a socket's options: the proof that setting them worked.
// For tests here and in the programs that make listeners and dials.
// Takes a descriptor; `fdOf` finds that of a Node socket.
import type { Socket } from 'node:net';
import * as libc from '../libc.ts';

/** Each as the kernel gives it: 0 and 1 for off and on. An option that this kind of socket lacks is absent. */
export type SocketState = { readonly [name in keyof typeof options]?: number };

const options = {
  mark: [libc.SOL_SOCKET, 36],
  reuseAddress: [libc.SOL_SOCKET, 2],
  reusePort: [libc.SOL_SOCKET, 15],
  transparent: [libc.SOL_IP, 19],
  noDelay: [libc.SOL_TCP, 1],
  keepalive: [libc.SOL_SOCKET, 9],
  keepIdleS: [libc.SOL_TCP, 4],
  keepIntervalS: [libc.SOL_TCP, 5],
  keepCount: [libc.SOL_TCP, 6],
  userTimeoutMs: [libc.SOL_TCP, 18],
} as const;

export function socketState(fd: number): SocketState {
  const read = Object.entries(options).flatMap(([name, [level, number]]) => {
    const value = new Int32Array(1);
    const failed = libc.getsockopt(fd, level, number, value, Int32Array.of(4)) !== 0;
    return failed ? [] : [[name, value[0]] as const];
  });
  return Object.fromEntries(read);
}

/** The descriptor below a connected socket; Node has no public name for it. */
export const fdOf = (socket: Socket): number => (socket as Socket & { readonly _handle: { readonly fd: number } })._handle.fd;
