// Takes a connection that the capture rules turned to us and asks the kernel where it wanted to go.
// First step of outbound/serve.ts and inbound/plaintext.ts; decides nothing.
import type { Socket } from 'node:net';
import { originalDestination } from '@ambient-mesh/host/original-destination';
import { canonicalIp, familyOf, type SocketAddress } from '@ambient-mesh/model/address';
import type { Conduit } from '@ambient-mesh/wire/conduit';
import type { ReadMemory } from '@ambient-mesh/wire/read-memory';
import { acceptTcp } from '@ambient-mesh/wire/tcp';

export interface Captured {
  /** The app's end. Nothing has been read from it. */
  readonly near: Conduit;
  readonly from: SocketAddress;
  /** Where it wanted to go; without an answer from the kernel (a TPROXY listener) the address that it reached. */
  readonly destination: SocketAddress;
  /** The address that it reached. */
  readonly at: SocketAddress;
}

/** Undefined when the client is gone already. */
export function capture(socket: Socket, memory: ReadMemory): Captured | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined || localAddress === undefined || localPort === undefined) {
    socket.destroy();
    return undefined;
  }
  const from = { ip: canonicalIp(remoteAddress), port: remotePort };
  const at = { ip: canonicalIp(localAddress), port: localPort };
  const destination = originalDestination(descriptorOf(socket), familyOf(from.ip)) ?? at;
  return { near: acceptTcp(socket, memory), from, destination, at };
}

/** Node has the descriptor but no public name for it. */
function descriptorOf(socket: Socket): number {
  const handle = Reflect.get(socket, '_handle') as { readonly fd?: number } | null;
  return handle?.fd ?? -1;
}
