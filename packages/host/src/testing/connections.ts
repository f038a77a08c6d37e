// TCP in namespaces, for tests of rules: servers, clients, and a tunnel's place taken by whoever says where a connection was going.
// Everything made is put on the stack that it is made with.
import { once } from 'node:events';
import { createServer, type Server, Socket } from 'node:net';
import { canonicalIp, familyOf, type Ip, type SocketAddress } from '@ambient-mesh/model/address';
import type { Netns } from '../netns.ts';
import { originalDestination } from '../original-destination.ts';
import { dialSocket, listenTcp } from '../sockets.ts';
import { fdOf } from './socket-state.ts';

/** What the tunnel's sockets are marked with. */
export const tunnelMark = 1337;

export interface Place {
  readonly netns: Netns;
  readonly port: number;
  /** Of the tunnel's: marked, and for foreign addresses too. */
  readonly ours?: boolean;
}

/** On all addresses of both families. */
export async function serve(parts: DisposableStack, { netns, port, ours = false }: Place, on: (socket: Socket) => void): Promise<Server> {
  const { fd } = listenTcp({
    netns,
    ip: '::' as Ip,
    port,
    reusePort: false,
    mark: ours ? tunnelMark : undefined,
    transparent: ours ? 'required' : 'off',
  });
  const server = createServer((socket) => {
    parts.defer(() => void socket.destroy());
    on(socket.on('error', () => {}));
  }).listen({ fd });
  parts.defer(() => void server.close());
  await once(server, 'listening');
  return server;
}

export function connect(
  parts: DisposableStack,
  netns: Netns,
  to: SocketAddress,
  more: { readonly mark?: number; readonly from?: Ip } = {},
): Socket {
  const socket = new Socket({ fd: dialSocket({ netns, family: familyOf(to.ip), ...more }), manualStart: true } as ConstructorParameters<
    typeof Socket
  >[0]);
  parts.defer(() => void socket.destroy());
  return socket.connect(to.port, to.ip).setEncoding('utf8');
}

/** What the other end says next; rejects when the connection fails. */
export const answerOf = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0]);

/** Stands for the tunnel: says where the connection was going. */
export const sayDestination =
  (name: string) =>
  (socket: Socket): void => {
    const family = familyOf(canonicalIp(socket.localAddress ?? ''));
    const { ip, port } = originalDestination(fdOf(socket), family) ?? { ip: 'unknown', port: 0 };
    socket.end(`${name} ${ip} ${port}`);
  };
