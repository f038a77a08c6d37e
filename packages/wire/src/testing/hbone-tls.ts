// Test kit for tunnels with TLS: a server on a loopback port that serves tunnels, and a client's dial.
// Used by the tests of tls/ and hbone/; certificates come from identity/testing.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import { type TlsPolicy, tlsPolicy } from '@ambient-mesh/identity/tls-context';
import { canonicalIp, type SocketAddress } from '@ambient-mesh/model/address';
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import { ServedTunnel, type ServeOptions } from '../hbone/server.ts';
import { ReadMemory } from '../read-memory.ts';
import { TlsAcceptor } from '../tls/server.ts';

export const never: AbortSignal = new AbortController().signal;

export interface TunnelServerOptions extends Partial<Omit<ServeOptions, 'onRequest'>> {
  readonly credentials: Credentials;
  readonly onRequest: ServeOptions['onRequest'];
  readonly policy?: TlsPolicy;
  readonly clock?: Clock;
}

/** Accepts tunnels like a ztunnel's inbound side, without rules. */
export class TunnelServer {
  readonly tunnels = new Set<ServedTunnel>();
  /** Handshakes that failed. */
  readonly faults: unknown[] = [];
  /** TCP connections ever accepted. */
  accepted = 0;
  readonly #listener: Server;
  readonly #raw = new Set<Socket>();

  constructor(options: TunnelServerOptions) {
    const clock = options.clock ?? systemClock;
    const acceptor = new TlsAcceptor({ policy: options.policy ?? tlsPolicy(), clock: systemClock });
    this.#listener = createServer((raw) => {
      this.accepted++;
      this.#raw.add(raw);
      raw.on('close', () => this.#raw.delete(raw));
      acceptor.accept(raw, { credentials: options.credentials, who: 'client' }, never).then(
        ({ socket, peer }) => {
          const tunnel: ServedTunnel = new ServedTunnel(socket, peer, {
            memory: new ReadMemory(),
            ...options,
            clock,
            onClosed: (fault) => {
              this.tunnels.delete(tunnel);
              options.onClosed?.(fault);
            },
          });
          this.tunnels.add(tunnel);
        },
        (e: unknown) => this.faults.push(e),
      );
    });
  }

  async listen(): Promise<SocketAddress> {
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    return { ip: canonicalIp('127.0.0.1'), port: (this.#listener.address() as AddressInfo).port };
  }

  close(): void {
    this.#listener.close();
    for (const tunnel of this.tunnels) tunnel.destroy();
    for (const raw of this.#raw) raw.destroy();
  }
}

/** A connected TCP socket. */
export async function dialPlain(to: SocketAddress): Promise<Socket> {
  const socket = connect(to.port, to.ip);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
