// The DNS proxy of one pod: its sockets on the pod's loopback, and the parts of dns/ wired to the pod.
// Part of pods/pod-proxy.ts; every decision about a query is dns/proxy.ts.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loopbackHasIpv6 } from '@ambient-mesh/host/ipv6';
import { Netns } from '@ambient-mesh/host/netns';
import { closeFd, listenTcp, udpSocket } from '@ambient-mesh/host/sockets';
import { type Family, familyOf, type Ip, isLoopback, type SocketAddress } from '@ambient-mesh/model/address';
import { localAnswer } from '../dns/answer.ts';
import { forwarder } from '../dns/forward.ts';
import { dnsProxy } from '../dns/proxy.ts';
import { parseResolvConf } from '../dns/resolv-conf.ts';
import { type BoundSocket, serveDns } from '../dns/serve.ts';
import type { Pod } from './pod.ts';

const resolvConfFile = '/etc/resolv.conf';
const anyAddress: Readonly<Record<Family, Ip>> = { 4: '0.0.0.0' as Ip, 6: '::' as Ip };

export class PodDns {
  readonly #pod: Pod;
  readonly #udp: BoundSocket[] = [];
  readonly #tcp: BoundSocket[] = [];
  #serving = false;

  /** Binds UDP and TCP on every loopback address of the pod; throws with none left open. */
  constructor(pod: Pod, at: SocketAddress) {
    this.#pod = pod;
    try {
      for (const ip of addressesOf(pod, at.ip)) this.#bind({ ip, port: at.port });
    } catch (e) {
      this.close();
      throw e;
    }
  }

  serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    const { shared } = this.#pod;
    const { config } = shared;
    const conf = parseResolvConf(readResolvConf());
    const rules = {
      mesh: shared.mesh,
      clusterDomain: config.clusterDomain,
      searchDomains: config.proxyMode === 'dedicated' ? conf.search : undefined,
      preferredNamespace: config.preferedServiceNamespace,
      ipv6: config.ipv6Enabled,
      random: shared.random,
    };
    const answer = dnsProxy({
      client: async () => this.#pod.self(),
      local: (query, client) => localAnswer(rules, query, client),
      forward: forwarder(conf, {
        udp: (family) => this.#upstreamUdp(family),
        tcp: (family) => this.#pod.dialSocket(family),
        clock: shared.clock,
        randomId: () => randomInt(65_536),
      }),
      metrics: shared.telemetry.dns,
      log: shared.log.for('dns').span('dns_proxy', [['wl', `${this.#pod.info.namespace}/${this.#pod.info.name}`]]),
    });
    serveDns({ udp: this.#udp, tcp: this.#tcp, answer, log: shared.log.for('dns'), clock: shared.clock }, this.#pod.drain);
  }

  /** Before `serve` closes the sockets; afterwards they close with the pod's drain. */
  close(): void {
    if (this.#serving) return;
    for (const { fd } of [...this.#udp.splice(0), ...this.#tcp.splice(0)]) closeFd(fd);
  }

  #bind(at: SocketAddress): void {
    const { config } = this.#pod.shared;
    const reusePort = config.proxyMode === 'shared' && config.inpodPortReuse;
    const how = { netns: this.#pod.netns, ...at, reusePort, mark: config.proxyMode === 'shared' ? config.mark : undefined };
    const family = familyOf(at.ip);
    this.#udp.push({ fd: udpSocket(how), family });
    this.#tcp.push({ fd: listenTcp({ ...how, transparent: 'off' }).fd, family });
  }

  #upstreamUdp(family: Family): number {
    return udpSocket({ netns: this.#pod.netns, ip: anyAddress[family], port: 0, reusePort: false, mark: this.#pod.shared.config.mark });
  }
}

/** A loopback address stands for both families where the pod has IPv6. */
function addressesOf(pod: Pod, ip: Ip): readonly Ip[] {
  if (!isLoopback(ip)) return [ip];
  const six = pod.shared.config.ipv6Enabled && loopbackHasIpv6(pod.netns ?? Netns.current());
  return familyOf(ip) === 4 && six ? [ip, '::1' as Ip] : [ip];
}

/** Without the file nothing can be forwarded, but the mesh's own names are still answered. */
function readResolvConf(): string {
  try {
    return readFileSync(resolvConfFile, 'utf8');
  } catch {
    return '';
  }
}
