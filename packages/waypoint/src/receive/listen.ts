// Takes tunnels from node tunnels and gateways: TCP, mutual TLS as this waypoint, HTTP/2, and one call of serve.ts for each CONNECT request.
// Made by app.ts. On drain: GOAWAY first, new connections are still taken for a moment, what is left is cut at the deadline.
import { createServer, type Server, type Socket } from 'node:net';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { TlsPolicy } from '@ambient-mesh/identity/tls-context';
import { canonicalIp, formatSocket, type SocketAddress } from '@ambient-mesh/model/address';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import { type H2Settings, serverSettings } from '@ambient-mesh/wire/h2/settings';
import { type ServedTunnel, serveTunnel, type TunnelRequest } from '@ambient-mesh/wire/hbone/server';
import type { ReadMemory } from '@ambient-mesh/wire/read-memory';
import { TlsAcceptor } from '@ambient-mesh/wire/tls/server';

export interface TunnelListenerPorts {
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly clock: Clock;
  readonly memory: ReadMemory;
  /** Our own certificate. */
  readonly credentials: () => Promise<Credentials>;
  /** One CONNECT request; `from` is where its tunnel comes from. Must not throw. */
  readonly serve: (request: TunnelRequest, from: SocketAddress) => void;
  /** A connection that never became a tunnel. */
  readonly refused: (from: SocketAddress | undefined, why: string) => void;
}

export type ListenFault = { readonly code: 'listen.failed'; readonly port: number };

/** Facts: control-plane §6.1. */
const h2: H2Settings = { ...serverSettings, concurrentStreams: 100 };

export class TunnelListener implements Disposable {
  readonly #ports: TunnelListenerPorts;
  readonly #server: Server;
  readonly #acceptor: TlsAcceptor;
  readonly #tunnels = new Set<ServedTunnel>();
  readonly #stop = new AbortController();
  #leaving = false;

  constructor(ports: TunnelListenerPorts) {
    this.#ports = ports;
    this.#acceptor = new TlsAcceptor({ policy: ports.tls, clock: ports.clock });
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => void this.#accept(socket));
  }

  /** @throws MeshError<ListenFault>. The port that it really is. */
  async listen(): Promise<number> {
    const { port } = this.#ports;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host: '::', port }, resolve);
    try {
      await promise;
    } catch (e) {
      throw new MeshError<ListenFault>({ code: 'listen.failed', port }, `cannot listen on port ${port}`, e);
    }
    // Later errors concern single connections only: no descriptors left, for instance.
    this.#server.off('error', reject).on('error', (e) => this.#ports.refused(undefined, describeError(e)));
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Tunnels open now. */
  get tunnels(): number {
    return this.#tunnels.size;
  }

  /** Tells every client to go elsewhere with what is new; streams in progress go on. Those who connect later are told at once. */
  leave(): void {
    this.#leaving = true;
    for (const tunnel of this.#tunnels) tunnel.shutdown();
  }

  /** No new connections. */
  close(): void {
    this.#server.close();
  }

  [Symbol.dispose](): void {
    this.close();
    this.#stop.abort(new Error('the waypoint stops'));
    for (const tunnel of this.#tunnels) tunnel.destroy();
  }

  async #accept(socket: Socket): Promise<void> {
    const { serve, refused, clock, memory, credentials } = this.#ports;
    const from = remoteOf(socket);
    if (from === undefined) return void socket.destroy();
    try {
      const own = await credentials();
      const { socket: secure, peer } = await this.#acceptor.accept(
        socket,
        { credentials: own, who: formatSocket(from) },
        this.#stop.signal,
      );
      const tunnel = serveTunnel(secure, peer, {
        clock,
        memory,
        settings: h2,
        onRequest: (request) => serve(request, from),
        onClosed: () => void this.#tunnels.delete(tunnel),
      });
      this.#tunnels.add(tunnel);
      // What its client has sent already is served; GOAWAY tells it to send no more.
      if (this.#leaving) tunnel.shutdown();
    } catch (e) {
      socket.destroy();
      refused(from, describeError(e));
    }
  }
}

function remoteOf({ remoteAddress, remotePort }: Socket): SocketAddress | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { ip: canonicalIp(remoteAddress), port: remotePort };
}
