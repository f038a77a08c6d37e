// The API server's address inside the lab: what connects there on the underlay is passed on to the server, which listens on the machine's loopback.
// Started by lab-cluster.ts. TLS goes through untouched.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Netns } from '@ambient-mesh/host/netns';
import { listenTcp } from '@ambient-mesh/host/sockets';
import type { Ip } from '@ambient-mesh/model/address';

export interface ApiRelayOrder {
  readonly netns: Netns;
  readonly ip: Ip;
  readonly port: number;
  /** Asked for each connection. */
  readonly to: () => number;
}

export class ApiRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start({ netns, ip, port, to }: ApiRelayOrder): Promise<ApiRelay> {
    const relay = new ApiRelay(createServer());
    relay.#server.on('connection', (near) => relay.#join(near, connect({ host: '127.0.0.1', port: to() })));
    relay.#server.listen({ fd: listenTcp({ netns, ip, port, reusePort: false, transparent: 'off' }).fd });
    await once(relay.#server, 'listening');
    return relay;
  }

  #join(near: Socket, far: Socket): void {
    for (const [own, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(own);
      own.pipe(other);
      own
        .on('error', () => other.destroy())
        .on('close', () => {
          this.#sockets.delete(own);
          other.destroy();
        });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
