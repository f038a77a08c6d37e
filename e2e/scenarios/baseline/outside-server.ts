// A server that no part of the mesh or of the cluster knows: a machine of its own on the lab's bridge, outside of both nodes.
// Speaks like the `tcp` port of the echo image. The kernel takes its links away with its namespace.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Netns } from '@ambient-mesh/host/netns';
import { listenTcp } from '@ambient-mesh/host/sockets';
import { anyAddress, podRoutes } from '../../lab/addressing.ts';
import type { EchoAnswer } from '../../lab/cluster/apps/echo-protocol.ts';
import { ipBatch, netnsPath } from '../../lab/links.ts';

const bare = (address: string | undefined): string => (address ?? 'gone').replace('::ffff:', '');

export class OutsideServer implements AsyncDisposable {
  readonly v4 = '172.172.77.7';
  readonly v6 = 'fd00:172::7777';
  readonly port = 9090;
  readonly name = 'outside';
  readonly #netns: Netns;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(netns: Netns) {
    this.#netns = netns;
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  /** @param underlay the namespace of the bridge */
  static async start(underlay: Netns): Promise<OutsideServer> {
    const outside = new OutsideServer(Netns.create());
    ipBatch(underlay, [`link add outside type veth peer name eth0 netns ${netnsPath(outside.#netns)}`, 'link set outside master br0 up']);
    ipBatch(outside.#netns, [
      'link set eth0 up',
      `addr add ${outside.v4}/16 dev eth0`,
      `addr add ${outside.v6}/64 dev eth0 nodad`,
      ...[1, 2].flatMap(podRoutes),
    ]);
    const { fd } = listenTcp({ netns: outside.#netns, ip: anyAddress, port: outside.port, reusePort: false, transparent: 'off' });
    outside.#server.listen({ fd });
    await once(outside.#server, 'listening');
    return outside;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => this.#sockets.delete(socket));
    createInterface({ input: socket }).on('line', (body) => {
      const [peer, local] = [bare(socket.remoteAddress), bare(socket.localAddress)];
      const said: EchoAnswer = { pod: this.name, version: '', protocol: 'tcp', peer, local, headers: {}, body };
      socket.write(`${JSON.stringify(said)}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#netns[Symbol.dispose]();
  }
}
