// One pod as this data thread serves it: its listeners, tunnels and open connections, from enrolment to removal.
// Built by dataplane/engine.ts. What happens to an accepted connection is outbound/serve.ts, inbound/serve.ts and inbound/plaintext.ts.
import type { Socket } from 'node:net';
import type { Netns } from '@ambient-mesh/host/netns';
import { dialSocket, hasAddress, setKeepalive } from '@ambient-mesh/host/sockets';
import type { Credentials } from '@ambient-mesh/identity/credentials';
import type { Family, Ip } from '@ambient-mesh/model/address';
import { type SpiffeId, spiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import { Drain, type DrainMode } from '@ambient-mesh/runtime/drain';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import type { Scope } from '@ambient-mesh/runtime/log';
import type { ServedTunnel } from '@ambient-mesh/wire/hbone/server';
import { Connections, type Proof } from '../connections.ts';
import { serveTunnels } from '../inbound/accept.ts';
import { servePlaintext } from '../inbound/plaintext.ts';
import { serveOutbound } from '../outbound/serve.ts';
import { serveSocks5 } from '../outbound/socks5.ts';
import { tunnelPool } from '../outbound/tunnels.ts';
import { Listener } from './listener.ts';
import type { Pod, PodFault, Shared } from './pod.ts';
import { PodDns } from './pod-dns.ts';
import type { WorkloadInfo } from './workload-info.ts';

export interface PodOptions {
  readonly info: WorkloadInfo;
  /** Undefined: where this process is. */
  readonly netns: Netns | undefined;
  /** What to listen for: everything, or tunnels only (the node proxy's own listener). */
  readonly role: 'pod' | 'self';
}

export class PodProxy implements Pod {
  readonly shared: Shared;
  readonly info: WorkloadInfo;
  readonly netns: Netns | undefined;
  readonly role: 'pod' | 'self';
  readonly connections = new Connections();
  /** Tunnels that others have opened to this pod. */
  readonly tunnels = new Set<ServedTunnel>();
  readonly log: Scope;
  /** What policies said about connections. */
  readonly policyLog: Scope;
  readonly drain: Drain;
  readonly #pool;
  readonly #listeners: Listener[] = [];
  /** Those that the kernel has confirmed: a pod keeps its addresses. */
  readonly #addresses = new Set<Ip>();
  #hbone: Listener | undefined;
  #plaintext: Listener | undefined;
  #outbound: Listener | undefined;
  #socks5: Listener | undefined;
  #dns: PodDns | undefined;
  #identity: SpiffeId | undefined;

  /** Opens every socket of the pod, or throws with none left open. The namespace is its own to dispose of. */
  constructor(shared: Shared, { info, netns, role }: PodOptions) {
    this.shared = shared;
    this.info = info;
    this.netns = netns;
    this.role = role;
    this.log = shared.log.for('ztunnel').span('proxy', [['wl', `${info.namespace}/${info.name}`]]);
    this.policyLog = shared.log.for('rbac').span('proxy', [['wl', `${info.namespace}/${info.name}`]]);
    this.drain = new Drain({ deadline: shared.config.drainDeadline, clock: shared.clock });
    try {
      this.#open();
    } catch (e) {
      this.#close();
      netns?.[Symbol.dispose]();
      throw e;
    }
    this.#pool = tunnelPool(this);
    this.drain.forced.addEventListener('abort', () => this.#cut(), { once: true });
  }

  get pool() {
    return this.#pool;
  }

  /** Whether apps here can be dialled with their clients' addresses. */
  get spoofsTunnels(): boolean {
    return this.role === 'pod' && this.#hbone?.transparent === true;
  }

  get spoofsPlaintext(): boolean {
    return this.#plaintext?.transparent === true;
  }

  /** The pod's workload; waits up to 5 s for the mesh to know it. */
  self(): Workload | Promise<Workload | undefined> {
    return this.shared.local.find(this.info);
  }

  /** Who the pod is: its trust domain as the mesh says, the rest as the CNI agent says. */
  identity({ identity: { trustDomain } }: Workload): SpiffeId {
    if (this.#identity?.trustDomain !== trustDomain) this.#identity = spiffeId(trustDomain, this.info.namespace, this.info.serviceAccount);
    return this.#identity;
  }

  /** @throws MeshError<PodFault>, or what the certificate authority's client throws. */
  async credentials(): Promise<Credentials> {
    const self = await this.self();
    if (self !== undefined) return this.shared.credentials.get(this.identity(self));
    throw new MeshError<PodFault>(
      { code: 'pod.unknown' },
      `the workload of pod ${this.info.namespace}/${this.info.name} is not known to the mesh`,
    );
  }

  serve(): void {
    this.#dns?.serve();
    this.#hbone?.accept(this.#each(serveTunnels));
    this.#plaintext?.accept(this.#each(servePlaintext));
    this.#outbound?.accept(this.#each(serveOutbound));
    this.#socks5?.accept(this.#each(serveSocks5));
  }

  /** Listeners close at once. Resolves when the last connection is over: by itself, at the deadline, or (immediate) now. */
  async stop(mode: DrainMode): Promise<void> {
    this.#close();
    this.drain.start(mode);
    await this.drain.drained();
    this.#pool.close();
    this.netns?.[Symbol.dispose]();
  }

  /** Cuts what is open to, and from, peers whose certificate is revoked, tunnels without connections included; returns how many, by side. */
  cutRevoked(revoked: (peer: Proof) => boolean): { readonly inbound: number; readonly outbound: number } {
    const cut = this.connections.cutRevoked(revoked);
    let idle = 0;
    for (const tunnel of [...this.tunnels]) {
      if (!revoked(tunnel.peer)) continue;
      if (tunnel.active === 0) idle += 1;
      tunnel.destroy();
    }
    this.#pool.dropPeers(revoked);
    return { inbound: cut.inbound + idle, outbound: cut.outbound };
  }

  hasAddress(ip: Ip): boolean {
    if (this.#addresses.has(ip)) return true;
    if (!hasAddress(ip, this.netns)) return false;
    this.#addresses.add(ip);
    return true;
  }

  forgetWorkload(uid: string): void {
    this.#pool.forgetWorkload(uid);
  }

  /** A socket of the pod's namespace that the capture rules leave alone; sends from somebody else's address if that is given. */
  dialSocket(family: Family, from?: Ip): number {
    const { config } = this.shared;
    const fd = dialSocket({ netns: this.netns, mark: config.mark, family, ...(from !== undefined && { from }) });
    const keepalive = this.#keepalive();
    if (keepalive !== undefined) setKeepalive(fd, keepalive.probes, keepalive.userTimeoutMs);
    return fd;
  }

  /** Stories do not reject; if one does all the same it costs its connection, not the process. */
  #each(story: (pod: Pod, socket: Socket) => Promise<void>): (socket: Socket) => void {
    return (socket) =>
      void story(this, socket).catch((e: unknown) => {
        socket.destroy();
        this.log.error(`a connection was dropped: ${describeError(e)}`);
      });
  }

  #open(): void {
    const { config } = this.shared;
    const { ports } = config;
    if (this.role === 'pod' && config.dnsProxyAddr !== undefined) this.#dns = new PodDns(this, config.dnsProxyAddr);
    if (!config.enableProxy) return;
    this.#hbone = this.#listen(ports.inboundHbone, false);
    if (this.role === 'self') return;
    this.#plaintext = this.#listen(ports.inboundPlaintext, true);
    this.#outbound = this.#listen(ports.outbound, true);
    if (config.socks5) this.#socks5 = this.#listen(ports.socks5, false, '127.0.0.1' as Ip);
  }

  #listen(port: number, keepalive: boolean, ip?: Ip): Listener {
    const { config } = this.shared;
    const { requireOriginalSource: wish } = config;
    const listener = new Listener({
      netns: this.netns,
      ip: ip ?? ((config.ipv6Enabled ? '::' : '0.0.0.0') as Ip),
      port,
      reusePort: config.proxyMode === 'shared' && config.inpodPortReuse,
      mark: config.proxyMode === 'shared' ? config.mark : undefined,
      transparent: this.role === 'self' || wish === false ? 'off' : wish === true ? 'required' : 'best-effort',
      keepalive: keepalive ? this.#keepalive() : undefined,
    });
    this.#listeners.push(listener);
    return listener;
  }

  #keepalive() {
    const { config } = this.shared;
    if (!config.keepaliveEnabled) return undefined;
    const { keepaliveTime: idle, keepaliveInterval: interval, keepaliveRetries: count } = config;
    return {
      probes: { idleS: Math.ceil(idle / 1000), intervalS: Math.ceil(interval / 1000), count },
      userTimeoutMs: config.userTimeoutEnabled ? idle + interval * count : undefined,
    };
  }

  #close(): void {
    for (const listener of this.#listeners) listener[Symbol.dispose]();
    this.#dns?.close();
  }

  #cut(): void {
    this.connections.cutAll({ because: 'drain' });
    this.#pool.close();
  }
}
