// Calls that would loop through the tunnel itself (facts: ztunnel §1.6). Pure.
import { isLoopback, type SocketAddress } from '@ambient-mesh/model/address';
import type { Ports } from './config.ts';

/** Ports that the tunnel itself listens on in every pod. */
export function illegalPorts(ports: Ports, socks5: boolean): ReadonlySet<number> {
  return new Set([ports.outbound, ports.inboundPlaintext, ports.inboundHbone, ...(socks5 ? [ports.socks5] : [])]);
}

/**
 * An app that calls its own pod's tunnel ports: on loopback, or at the very address that the connection reached (`at`), to which nobody
 * redirected it. Dialled on it would come back, for ever where the mesh does not know the address.
 */
export const outboundLoop = (illegal: ReadonlySet<number>, to: SocketAddress, at: SocketAddress): boolean =>
  illegal.has(to.port) && (isLoopback(to.ip) || (to.ip === at.ip && to.port === at.port));
