// Asks the kernel where a redirected connection was going before the capture rules turned it to us (SO_ORIGINAL_DST).
// The capture code reads it once per accepted connection; without an answer it falls back to the socket's own local address.
// Hot: one system call, buffers made once per thread.
import type { Family, SocketAddress } from '@ambient-mesh/model/address';
import * as libc from './libc.ts';
import { decodeSockaddr, sockaddrLength } from './socket-address.ts';

/** Linux uses one number for both families, at the family's own level. */
const SO_ORIGINAL_DST = 80;

const address = Buffer.alloc(128);
const length = new Int32Array(1);

/**
 * `family` is that of the connection: 4 for an IPv4 client of a `[::]` listener too.
 * Undefined when the kernel tracked nothing for this connection: it was not redirected, connection tracking is off, or it is gone.
 */
export function originalDestination(fd: number, family: Family): SocketAddress | undefined {
  length[0] = sockaddrLength(family);
  const level = family === 4 ? libc.SOL_IP : libc.SOL_IPV6;
  if (libc.getsockopt(fd, level, SO_ORIGINAL_DST, address, length) !== 0) return undefined;
  return decodeSockaddr(address);
}
