// The tunnels of one pod, shared by its connections and kept a while (facts: ztunnel §2.10). Differences, on purpose: slots return when
// streams end, a tunnel dies with its destination workload, and a failed dial is told to every caller who waited for it.
// Called by ztunnel's outbound side for every tunnelled connection. Tunnels are opened by open-tunnel.ts, held by pooled-tunnel.ts.
import { isFault, MeshError } from '@ambient-mesh/runtime/errors';
import { ms } from '@ambient-mesh/runtime/time';
import type { Peer } from '../tls/peer.ts';
import type { ConnectRequest } from './connect-request.ts';
import { openTunnel, type TunnelPorts, type TunnelSettings, type TunnelTarget } from './open-tunnel.ts';
import { PooledTunnel } from './pooled-tunnel.ts';
import type { TunnelStream } from './tunnel.ts';

export interface PoolOptions extends TunnelSettings {
  /** Streams on one tunnel before another is dialled. Default 100; the peer's own limit counts too. */
  readonly streamsPerTunnel?: number;
  /** How long a tunnel without streams is kept. Default 300,000. */
  readonly idleMs?: number;
  /** Tunnels without streams kept at most; the longest idle goes first. Default 500. */
  readonly idleTunnels?: number;
}

export type PoolFault = { readonly code: 'pool.closed' };

/** How often one connection is tried: a tunnel can turn out full, going away or long dead. */
const maxTries = 3;

/** Tunnels to one target. */
type Group = Set<PooledTunnel>;

export class TunnelPool {
  readonly #ports: TunnelPorts;
  readonly #options: PoolOptions;
  /** Usable tunnels and dials, by workload and then by the rest of the target. */
  readonly #groups = new Map<string, Map<string, Group>>();
  /** Every tunnel that is not over yet. */
  readonly #all = new Set<PooledTunnel>();
  /** Longest idle first, with the timers that end them. */
  readonly #idle = new Map<PooledTunnel, Disposable>();
  #closed = false;

  constructor(ports: TunnelPorts, options: PoolOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Tunnels and dials, going away included. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * A stream to the target, over a tunnel with a free slot or a new one.
   * @throws what the ports throw, MeshError<TlsFault | TunnelFault | ConduitFault | PoolFault>, or the signal's reason.
   */
  async connect(target: TunnelTarget, request: ConnectRequest, signal: AbortSignal): Promise<TunnelStream> {
    for (let tries = 1; ; tries++) {
      if (this.#closed) throw closedFault();
      const tunnel = this.#take(target);
      const reused = tunnel.peer !== undefined;
      try {
        return await tunnel.connect(request, signal);
      } catch (e) {
        if (tries === maxTries || !mayRetry(e, reused)) throw e;
      }
    }
  }

  /** The workload has changed or gone: its tunnels take no new streams, and close when those in progress have ended. */
  forgetWorkload(uid: string): void {
    const groups = this.#groups.get(uid);
    this.#groups.delete(uid);
    for (const group of groups?.values() ?? []) for (const tunnel of group) this.#retire(tunnel);
  }

  /** Drops the tunnels, and everything on them, whose peer this is true of: for certificates revoked since the handshake. */
  dropPeers(test: (peer: Peer) => boolean): void {
    for (const tunnel of this.#all) if (tunnel.peer !== undefined && test(tunnel.peer)) tunnel.destroy(closedFault());
  }

  /** Drops everything at once; nothing can be connected any more. */
  close(): void {
    this.#closed = true;
    for (const tunnel of this.#all) tunnel.destroy(closedFault());
    for (const timer of this.#idle.values()) timer[Symbol.dispose]();
    this.#idle.clear();
    this.#groups.clear();
  }

  #take(target: TunnelTarget): PooledTunnel {
    const group = this.#groups.getOrInsertComputed(target.workload, () => new Map()).getOrInsertComputed(keyOf(target), () => new Set());
    for (const tunnel of group) {
      if (!tunnel.free) continue;
      this.#wake(tunnel);
      return tunnel;
    }
    const tunnel = new PooledTunnel(target, {
      open: (events, signal) => openTunnel(target, { ports: this.#ports, settings: this.#options, events }, signal),
      streamLimit: this.#options.streamsPerTunnel ?? 100,
      idle: (idle) => this.#rest(idle),
      unusable: (unusable) => this.#leaveGroup(unusable),
      over: (over) => this.#all.delete(over),
    });
    group.add(tunnel);
    this.#all.add(tunnel);
    return tunnel;
  }

  #rest(tunnel: PooledTunnel): void {
    if (this.#closed || this.#idle.has(tunnel)) return;
    this.#idle.set(
      tunnel,
      this.#ports.clock.after(ms(this.#options.idleMs ?? 300_000), () => this.#retire(tunnel)),
    );
    const [longest] = this.#idle.keys();
    if (longest !== undefined && this.#idle.size > (this.#options.idleTunnels ?? 500)) this.#retire(longest);
  }

  #wake(tunnel: PooledTunnel): void {
    this.#idle.get(tunnel)?.[Symbol.dispose]();
    this.#idle.delete(tunnel);
  }

  #retire(tunnel: PooledTunnel): void {
    this.#wake(tunnel);
    tunnel.retire();
  }

  #leaveGroup(tunnel: PooledTunnel): void {
    this.#wake(tunnel);
    const { workload } = tunnel.target;
    const key = keyOf(tunnel.target);
    const groups = this.#groups.get(workload);
    const group = groups?.get(key);
    if (groups === undefined || !group?.delete(tunnel) || group.size > 0) return;
    groups.delete(key);
    if (groups.size === 0) this.#groups.delete(workload);
  }
}

const keyOf = ({ source, sourceIp, expected, to }: TunnelTarget): string =>
  [source.uri, sourceIp, to.ip, to.port, ...expected.map((id) => id.uri)].join(' ');

/** A refused stream was never looked at (RFC 9113 §8.7). A reused tunnel may have been dead before we tried: no byte was sent on it. */
function mayRetry(e: unknown, reused: boolean): boolean {
  return isFault(e, 'hbone.full') || isFault(e, 'stream.refused') || (reused && isFault(e, 'tunnel.lost'));
}

const closedFault = (): MeshError<PoolFault> => new MeshError({ code: 'pool.closed' }, 'the pod is being taken out of the mesh');
