// A tunnel as the pool holds it: first a dial that many callers wait for, then a tunnel with slots.
// Owned by tunnel-pool.ts. A dial's failure reaches every caller who waits for it; when the last one gives up, so does the dial.
import type { Peer } from '../tls/peer.ts';
import type { ConnectRequest } from './connect-request.ts';
import type { TunnelTarget } from './open-tunnel.ts';
import type { Tunnel, TunnelEvents, TunnelStream } from './tunnel.ts';

export interface PooledTunnelPorts {
  readonly open: (events: TunnelEvents, signal: AbortSignal) => Promise<Tunnel>;
  readonly streamLimit: number;
  /** No stream is on it, and nobody waits for it. */
  readonly idle: (tunnel: PooledTunnel) => void;
  /** It takes no new streams. Called once. */
  readonly unusable: (tunnel: PooledTunnel) => void;
  /** It is over, or its dial failed. Called once, last. */
  readonly over: (tunnel: PooledTunnel) => void;
}

export class PooledTunnel {
  readonly target: TunnelTarget;
  readonly #ports: PooledTunnelPorts;
  readonly #dial: Promise<Tunnel>;
  readonly #stop = new AbortController();
  #tunnel: Tunnel | undefined;
  /** Callers who will open a stream as soon as there is a tunnel. */
  #waiting = 0;
  #retired = false;

  constructor(target: TunnelTarget, ports: PooledTunnelPorts) {
    this.target = target;
    this.#ports = ports;
    const events: TunnelEvents = {
      retired: () => this.#checkIdle(),
      goingAway: () => ports.unusable(this),
      closed: () => ports.over(this),
    };
    this.#dial = ports.open(events, this.#stop.signal);
    this.#dial.then(
      (tunnel) => this.#opened(tunnel),
      () => {
        ports.unusable(this);
        ports.over(this);
      },
    );
  }

  /** Undefined while it is being dialled. */
  get peer(): Peer | undefined {
    return this.#tunnel?.peer;
  }

  /** Another stream may be asked for. */
  get free(): boolean {
    const limit = Math.min(this.#ports.streamLimit, this.#tunnel?.peerLimit ?? Number.POSITIVE_INFINITY);
    return !this.#retired && (this.#tunnel?.usable ?? true) && this.#load < limit;
  }

  /** @throws what opening the tunnel throws, MeshError<TunnelFault | ConduitFault>, or the signal's reason. */
  async connect(request: ConnectRequest, signal: AbortSignal): Promise<TunnelStream> {
    const tunnel = this.#tunnel ?? (await this.#opening(signal));
    return tunnel.connect(request, signal);
  }

  /** No new streams: it closes when those in progress have ended. */
  retire(): void {
    this.#retired = true;
    if (this.#waiting === 0) this.#tunnel?.shutdown();
  }

  /** Drops it and everything on it. */
  destroy(why: unknown): void {
    this.#retired = true;
    this.#stop.abort(why);
    this.#tunnel?.destroy();
  }

  get #load(): number {
    return this.#waiting + (this.#tunnel?.active ?? 0);
  }

  async #opening(signal: AbortSignal): Promise<Tunnel> {
    this.#waiting++;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#dial, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#waiting--;
      if (this.#tunnel === undefined && this.#waiting === 0) this.#stop.abort(signal.reason);
    }
  }

  #opened(tunnel: Tunnel): void {
    this.#tunnel = tunnel;
    if (this.#stop.signal.aborted) tunnel.destroy();
    else this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#load > 0) return;
    if (this.#retired) this.#tunnel?.shutdown();
    else this.#ports.idle(this);
  }
}
