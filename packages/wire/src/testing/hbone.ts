// Test kit for tunnels: connected socket pairs, receivers that collect, peers without certificates.
// Used by the tests of h2/, hbone/ and the pump; ztunnel's tests may use it too.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import type { Closed, Conduit, Receiver } from '../conduit.ts';
import type { Slab } from '../read-memory.ts';
import type { Peer } from '../tls/peer.ts';

/** A peer as if from a handshake, without certificates. */
export const plainPeer: Peer = { identity: spiffeId('cluster.local', 'test', 'peer'), chain: [], rootsPem: [] };

/** Two ends of one loopback TCP connection; both half-open allowed, neither read yet. */
export async function socketPair(): Promise<readonly [near: Socket, far: Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const near = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
  const [far] = (await once(server, 'connection')) as [Socket];
  if (near.connecting) await once(near, 'connect');
  server.close();
  return [near, far];
}

/** Everything until the end of a socket's readable side. (Iterating a socket would destroy its writable side too.) */
export async function readAll(socket: Socket, onBytes?: (bytes: Buffer) => void): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => {
    parts.push(bytes);
    onBytes?.(bytes);
  });
  await once(socket, 'end');
  return Buffer.concat(parts);
}

/** Takes everything a conduit delivers, and remembers it. */
export class Collector implements Receiver {
  readonly chunks: Buffer[] = [];
  ended = false;
  over: Closed | undefined;
  bytes = 0;
  drains = 0;
  readonly #waiting = new Set<{ readonly test: () => boolean; readonly done: () => void }>();

  constructor(conduit?: Conduit) {
    conduit?.receive(this);
  }

  data(bytes: Buffer, slab?: Slab): void {
    this.chunks.push(Buffer.from(bytes));
    this.bytes += bytes.length;
    slab?.release();
    this.#check();
  }

  end(): void {
    this.ended = true;
    this.#check();
  }

  drained(): void {
    this.drains++;
    this.#check();
  }

  closed(how: Closed): void {
    this.over = how;
    this.#check();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** Resolves when `test` holds, now or after a later event. */
  until(test: (this: this) => boolean): Promise<void> {
    return new Promise((done) => {
      this.#waiting.add({ test: () => test.call(this), done });
      this.#check();
    });
  }

  #check(): void {
    for (const waiter of this.#waiting) {
      if (!waiter.test()) continue;
      this.#waiting.delete(waiter);
      waiter.done();
    }
  }
}
