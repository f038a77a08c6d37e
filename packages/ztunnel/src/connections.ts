// The open connections of one pod: what a policy change, a revocation, a drain or a removal must be able to cut, and what config_dump lists.
// outbound/serve.ts and inbound/serve.ts register here before anything is decided, so that no change falls between decision and start.
// Which connections a policy change forbids is decided in inbound/recheck.ts.
import { formatSocket, type SocketAddress } from '@ambient-mesh/model/address';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';

/** A row of config_dump's `workloadState` (facts: ztunnel §9.5). */
export interface OpenConnection {
  readonly src: string;
  readonly originalDst: string | null;
  readonly actualDst: string;
  readonly protocol: 'HBONE' | 'TCP' | 'DOUBLEHBONE';
}

/** A peer's certificates (DER, leaf first) and the roots that they were checked against. */
export interface Proof {
  readonly chain: readonly Buffer[];
  readonly rootsPem: readonly string[];
}

/** Why a connection that was open is cut. */
export type Cut =
  | { readonly because: 'policy'; readonly policy?: string; readonly text: string }
  | { readonly because: 'revoked' }
  | { readonly because: 'drain' };

export interface Entry {
  readonly from: SocketAddress;
  readonly originalDst: string | undefined;
  /** Refined once the next hop is known. */
  to: SocketAddress;
  protocol: OpenConnection['protocol'];
  /** Inbound only: what authorization looked at. */
  readonly subject?: { readonly workload: Workload; readonly identity: SpiffeId | undefined; readonly destination: SocketAddress };
  /** What the tunnel's peer proved itself with; absent in clear and on the same node. Double HBONE has two. */
  peers: readonly Proof[];
}

/** One registered connection. Disposing of it takes it off the register. */
export class Registered implements Disposable {
  readonly entry: Entry;
  readonly #home: Set<Registered>;
  #cut: Cut | undefined;
  #onCut: ((why: Cut) => void) | undefined;

  constructor(entry: Entry, home: Set<Registered>) {
    this.entry = entry;
    this.#home = home;
    home.add(this);
  }

  /** Why it was cut; absent while it may go on. */
  get cutBecause(): Cut | undefined {
    return this.#cut;
  }

  /** Only the first reason counts. */
  cut(why: Cut): void {
    if (this.#cut !== undefined) return;
    this.#cut = why;
    this.#onCut?.(why);
  }

  /** Says how to cut it from now on; called at once if it was cut meanwhile. Replaces an earlier way. */
  whenCut(f: (why: Cut) => void): void {
    this.#onCut = f;
    if (this.#cut !== undefined) f(this.#cut);
  }

  [Symbol.dispose](): void {
    this.#home.delete(this);
    this.#onCut = undefined;
  }
}

export class Connections {
  readonly #inbound = new Set<Registered>();
  readonly #outbound = new Set<Registered>();
  #closed: Cut | undefined;

  inbound(entry: Entry): Registered {
    return this.#enter(entry, this.#inbound);
  }

  outbound(entry: Entry): Registered {
    return this.#enter(entry, this.#outbound);
  }

  /** Every open inbound connection; the caller may cut while iterating. */
  openInbound(): Iterable<Registered> {
    return this.#inbound;
  }

  /** Cuts every connection that is open now, and whatever was on its way here when it comes. */
  cutAll(why: Cut): void {
    this.#closed ??= why;
    for (const c of [...this.#outbound, ...this.#inbound]) c.cut(why);
  }

  /** Cuts those whose tunnel peer is in `revoked`; returns how many, by side. */
  cutRevoked(revoked: (peer: Proof) => boolean): { inbound: number; outbound: number } {
    const sweep = (set: Set<Registered>): number => {
      let n = 0;
      for (const c of [...set]) {
        if (!c.entry.peers.some(revoked)) continue;
        c.cut({ because: 'revoked' });
        n += 1;
      }
      return n;
    };
    return { inbound: sweep(this.#inbound), outbound: sweep(this.#outbound) };
  }

  rows(): { inbound: readonly OpenConnection[]; outbound: readonly OpenConnection[] } {
    return { inbound: [...this.#inbound].map(row), outbound: [...this.#outbound].map(row) };
  }

  #enter(entry: Entry, home: Set<Registered>): Registered {
    const registered = new Registered(entry, home);
    if (this.#closed !== undefined) registered.cut(this.#closed);
    return registered;
  }
}

const row = ({ entry }: Registered): OpenConnection => ({
  src: formatSocket(entry.from),
  originalDst: entry.originalDst ?? null,
  actualDst: formatSocket(entry.to),
  protocol: entry.protocol,
});
