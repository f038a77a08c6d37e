// One TCP port in a pod's network namespace: bound at once, so that a conflict shows, and accepting only when told to.
// The kernel queues connections meanwhile; those still queued when the listener closes go to another listener of the port, if there is one.
// Sockets are handed on paused; whoever takes one owns it.
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Netns } from '@ambient-mesh/host/netns';
import { closeFd, type Keepalive, type Listening, listenTcp, setKeepalive } from '@ambient-mesh/host/sockets';
import type { Ip } from '@ambient-mesh/model/address';

export interface ListenerOptions {
  /** Undefined: where this process is. */
  readonly netns: Netns | undefined;
  readonly ip: Ip;
  readonly port: number;
  readonly reusePort: boolean;
  readonly mark: number | undefined;
  readonly transparent: 'required' | 'best-effort' | 'off';
  /** For accepted sockets. */
  readonly keepalive?: { readonly probes: Keepalive; readonly userTimeoutMs: number | undefined } | undefined;
}

const backlog = 1_024;

export class Listener implements Disposable {
  readonly port: number;
  readonly #bound: Listening;
  #server: Server | undefined;
  #open = true;

  /** Throws `host.bind` and the like, with nothing left open. */
  constructor(options: ListenerOptions) {
    const { keepalive, ...how } = options;
    this.port = options.port;
    this.#bound = listenTcp({ ...how, backlog });
    if (keepalive !== undefined) setKeepalive(this.#bound.fd, keepalive.probes, keepalive.userTimeoutMs);
    if (options.reusePort) options.netns?.run(handOverQueued);
  }

  /** Whether accepted connections may be answered from, and dialled on with, addresses that are not ours. */
  get transparent(): boolean {
    return this.#bound.transparent;
  }

  accept(take: (socket: Socket) => void): void {
    if (!this.#open || this.#server !== undefined) return;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, take);
    // Accepting fails for single connections only (no descriptors left); the next one may go well.
    this.#server.on('error', () => {});
    this.#server.listen({ fd: this.#bound.fd, backlog });
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#server === undefined) closeFd(this.#bound.fd);
    else this.#server.close();
  }
}

/** Without this the kernel resets what a closing listener had not accepted yet, even though its successor listens already. */
function handOverQueued(): void {
  try {
    writeFileSync('/proc/sys/net/ipv4/tcp_migrate_req', '1');
  } catch {
    // Older than Linux 5.14, or /proc/sys is read-only: a restart may then reset connections of the same instant.
  }
}
