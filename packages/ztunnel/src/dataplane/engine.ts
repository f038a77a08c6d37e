// One data thread: its copy of the mesh, the pods that it serves, and what they share. Carries out the commands of data-plane.ts.
// Opens nothing by itself: a pod's sockets are pods/pod-proxy.ts, a connection's story outbound/serve.ts and inbound/serve.ts.

import { Netns } from '@ambient-mesh/host/netns';
import { RevocationSet } from '@ambient-mesh/identity/revocation';
import { RevocationFile } from '@ambient-mesh/identity/revocation-file';
import { tlsPolicy } from '@ambient-mesh/identity/tls-context';
import type { Ip } from '@ambient-mesh/model/address';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { Mesh, policiesDiffer, reachedOtherwise } from '@ambient-mesh/model/mesh';
import type { Workload } from '@ambient-mesh/model/workload';
import { Log } from '@ambient-mesh/runtime/log';
import { Metrics, type Snapshot } from '@ambient-mesh/runtime/metrics';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { ReadMemory } from '@ambient-mesh/wire/read-memory';
import { TlsAcceptor } from '@ambient-mesh/wire/tls/server';
import type { Config } from '../config.ts';
import type { Proof } from '../connections.ts';
import { CredentialCache } from '../credential-cache.ts';
import { OnDemandNames, systemLookUp } from '../dns/on-demand.ts';
import { illegalPorts } from '../illegal-ports.ts';
import { recheck } from '../inbound/recheck.ts';
import { LocalWorkloads } from '../pods/local-workloads.ts';
import type { Shared } from '../pods/pod.ts';
import { PodProxy } from '../pods/pod-proxy.ts';
import { infoKey } from '../pods/workload-info.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import type { DataPlaneCommand, DataPlanePorts, PodConnections, PodUid } from './data-plane.ts';

const sweepEvery = ms(60_000);

export class Engine implements Disposable {
  readonly #shared: Shared;
  readonly #mesh: Mesh;
  readonly #metrics = new Metrics();
  readonly #local: LocalWorkloads;
  readonly #credentials: CredentialCache;
  readonly #log: Log;
  readonly #pods = new Map<PodUid, PodProxy>();
  /** By infoKey: which pods the same-node fast path may hand over to. */
  readonly #byInfo = new Map<string, PodProxy>();
  readonly #revocations: RevocationFile | undefined;
  /** So that what is evicted does not wait for somebody to ask for metrics. */
  #sweep: Disposable;
  #serving = false;

  constructor(config: Config, ports: DataPlanePorts) {
    const clock = systemClock;
    this.#log = new Log({ format: config.logFormat, directives: config.logLevel, write: ports.log, clock, hiddenPrefix: 'ztunnel::' });
    this.#mesh = new Mesh({ ...(config.localNode !== undefined && { node: config.localNode }) });
    this.#local = new LocalWorkloads(this.#mesh, clock);
    this.#credentials = new CredentialCache(ports.credentialsFor, clock);
    const tls = tlsPolicy({ tls12: config.tls12Enabled, pqc: config.compliancePolicy === 'pqc' });
    this.#shared = {
      memory: new ReadMemory(),
      config,
      mesh: this.#mesh,
      clock,
      random: Math.random,
      log: this.#log,
      telemetry: new Telemetry(this.#metrics, this.#log, clock),
      local: this.#local,
      credentials: this.#credentials,
      names: new OnDemandNames({ lookUp: systemLookUp(), clock, ipv6: config.ipv6Enabled }),
      tls,
      acceptor: new TlsAcceptor({ policy: tls, clock }),
      windows: { streamWindowBytes: config.windowSize, connectionWindowBytes: config.connectionWindowSize, frameBytes: config.frameSize },
      demand: ports.demand,
      illegal: illegalPorts(config.ports, config.socks5),
      podAt: (workload, ip) => this.#podAt(workload, ip),
      revocations: () => this.#revocations?.current ?? RevocationSet.none,
    };
    this.#revocations = this.#watchRevocations(config.crlPath);
    this.#sweep = this.#sweepLater();
  }

  /** Only a drain takes time; everything else is done when this returns, or throws. */
  carryOut(command: DataPlaneCommand): void | Promise<void> {
    switch (command.do) {
      case 'mesh':
        return this.#apply(command.delta);
      case 'enrol':
        return this.#enrol(command.pod, command);
      case 'remove':
        return this.#remove(command.pod);
      case 'serve':
        this.#serving = true;
        for (const pod of this.#pods.values()) pod.serve();
        return undefined;
      case 'drain':
        return this.#drain();
      case 'credentials':
        return this.#credentials.renew(command.credentials);
      case 'forget-identity':
        return this.#credentials.forget(command.uri);
      case 'log-level':
        this.#log.directives = command.directives;
        return undefined;
      default:
        return command satisfies never;
    }
  }

  metrics(): Snapshot {
    this.#settle();
    return this.#metrics.snapshot();
  }

  connections(): readonly PodConnections[] {
    return [...this.#pods].map(([pod, proxy]) => ({ pod, ...proxy.connections.rows() }));
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]();
    this.#revocations?.[Symbol.dispose]();
    for (const pod of this.#pods.values()) pod.stop('immediate');
  }

  #settle(): void {
    this.#shared.telemetry.settle(() => this.#mesh.workloads());
  }

  #sweepLater(): Disposable {
    return this.#shared.clock.after(sweepEvery, () => {
      this.#settle();
      this.#sweep = this.#sweepLater();
    });
  }

  #apply(delta: MeshDelta): void {
    const change = this.#mesh.apply(delta);
    this.#local.changed();
    const unreachable = change.workloads.filter(reachedOtherwise);
    for (const pod of this.#pods.values()) for (const { uid } of unreachable) pod.forgetWorkload(uid);
    const judgedAnew = change.workloads.some((one) => one.after && this.#mesh.isLocal(one.after) && policiesDiffer(one));
    if (!change.policiesChanged && !judgedAnew) return;
    for (const pod of this.#pods.values()) recheck(this.#mesh, pod.connections);
  }

  /**
   * Only what a tunnel would prove too: names repeat in other clusters, pods move, the mesh may have an address wrong, and a pod that
   * drains has closed its listeners.
   */
  #podAt({ uid, name, namespace, identity }: Workload, ip: Ip): PodProxy | undefined {
    const pod = this.#byInfo.get(infoKey({ name, namespace, serviceAccount: identity.serviceAccount }));
    if (pod === undefined || pod.drain.signal.aborted || this.#local.known(pod.info)?.uid !== uid) return undefined;
    return pod.hasAddress(ip) ? pod : undefined;
  }

  #enrol(uid: PodUid, { info, netnsFd, role }: Extract<DataPlaneCommand, { do: 'enrol' }>): void {
    this.#remove(uid);
    const pod = new PodProxy(this.#shared, { info, netns: netnsFd === undefined ? undefined : Netns.borrow(netnsFd), role });
    this.#pods.set(uid, pod);
    this.#byInfo.set(infoKey(info), pod);
    if (this.#serving) pod.serve();
  }

  #remove(uid: PodUid): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#pods.delete(uid);
    const key = infoKey(pod.info);
    if (this.#byInfo.get(key) === pod) this.#byInfo.delete(key);
    pod.stop('immediate');
  }

  async #drain(): Promise<void> {
    await Promise.all([...this.#pods.values()].map((pod) => pod.stop('graceful')));
  }

  #watchRevocations(path: string): RevocationFile | undefined {
    if (path === '') return undefined;
    const log = this.#log.for('crl');
    const file = new RevocationFile({
      path,
      clock: systemClock,
      onChange: (set) => {
        for (const pod of this.#pods.values()) this.#shared.telemetry.revoked(pod.cutRevoked((peer) => isRevoked(set, peer)));
      },
      onMistake: (text) => log.warn(text),
    });
    void file.start();
    return file;
  }
}

/** Of an open tunnel only a definite entry counts: its root may have been rotated out since. */
function isRevoked(set: RevocationSet, { chain, rootsPem }: Proof): boolean {
  const verdict = set.check(chain, rootsPem);
  return !verdict.ok && verdict.refused.code === 'peer.revoked';
}
