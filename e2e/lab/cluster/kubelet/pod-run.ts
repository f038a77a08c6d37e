// One pod on this node, from its network to its end: placed, announced, its files written, init containers run, containers kept running.
// Made by kubelet.ts, which writes what `status` says into the API. Never rejects: what goes wrong shows in the status and is tried again.
import { mkdirSync, rmSync } from 'node:fs';
import type { Netns } from '@ambient-mesh/host/netns';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { describeError } from '@ambient-mesh/runtime/errors';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import type { DualAddress } from '../../addressing.ts';
import type { NodeRoot } from '../node-root.ts';
import type { Container, Pod } from '../objects.ts';
import type { Cgroups } from './cgroups.ts';
import type { ContainerProcess } from './container-process.ts';
import { ContainerRun } from './container-run.ts';
import type { PodPlace, Sources } from './environment.ts';
import type { Images } from './images.ts';
import type { LogBuffer } from './log-buffer.ts';
import { PodFiles } from './pod-files.ts';
import type { PlacedPod, PodNetwork } from './pod-network.ts';
import { type ContainerFacts, statusOf } from './pod-status.ts';
import { rfc3339 } from './rfc3339.ts';
import { startContainer } from './start-container.ts';

/** What the node gives to its pods. */
export interface PodHost {
  readonly name: string;
  readonly netns: Netns;
  readonly addresses: DualAddress;
}

export interface PodRunPorts {
  readonly host: PodHost;
  readonly client: KubeClient;
  readonly network: PodNetwork;
  /** The node's file system. */
  readonly root: NodeRoot;
  readonly cgroups: Cgroups;
  readonly images: Images;
  /** Set for every container. */
  readonly env: Readonly<Record<string, string>>;
  /** Content of a pod's /etc/resolv.conf; undefined: the machine's. */
  readonly resolvConf: (pod: Pod) => string | undefined;
  /** Of this pod alone; made and removed here. */
  readonly folder: string;
  readonly onChange: () => void;
}

const tryAgain = ms(1_000);
/** Of pods with volumes of their own, and of those that have only access to the API. */
const refreshFilesEvery = { own: ms(5_000), access: ms(60_000) };

export class PodRun {
  readonly #ports: PodRunPorts;
  readonly #stop = new AbortController();
  readonly #files: PodFiles;
  readonly #startTime = rfc3339(new Date());
  readonly #init: readonly ContainerRun[];
  readonly #containers: readonly ContainerRun[];
  readonly #running: Promise<void>;
  #pod: Pod;
  /** Of a pod with a network of its own. */
  #placed: PlacedPod | undefined;
  #sources: Sources = { configMaps: new Map(), secrets: new Map() };
  /** Why the pod is not started yet. */
  #obstacle: string | undefined;
  #ending: Promise<void> | undefined;

  constructor(pod: Pod, ports: PodRunPorts) {
    this.#pod = pod;
    this.#ports = ports;
    this.#files = new PodFiles(ports.client, ports.root, ports.folder);
    const policy = pod.spec.restartPolicy ?? 'Always';
    this.#init = (pod.spec.initContainers ?? []).map((spec) => this.#container(spec, (code) => code !== 0 && policy !== 'Never'));
    this.#containers = pod.spec.containers.map((spec) =>
      this.#container(spec, (code) => policy === 'Always' || (policy === 'OnFailure' && code !== 0)),
    );
    this.#running = this.#run();
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** As the API has it now: only what files and statuses show of it may have changed. */
  update(pod: Pod): void {
    this.#pod = pod;
  }

  /** Undefined before the pod has a network and after it has lost it. */
  get netns(): Netns | undefined {
    return this.#isOfNode ? this.#ports.host.netns : this.#placed?.netns;
  }

  container(name: string): ContainerRun | undefined {
    return [...this.#containers, ...this.#init].find(({ spec }) => spec.name === name);
  }

  status(): object {
    return statusOf({
      pod: this.#pod,
      place: this.#podPlace,
      startTime: this.#startTime,
      init: this.#init.map(({ facts }) => this.#explained(facts)),
      containers: this.#containers.map(({ facts }) => (this.#init.length === 0 ? this.#explained(facts) : facts)),
      hasNetwork: this.netns !== undefined,
      now: rfc3339(new Date()),
    });
  }

  /** Ends everything: processes within the grace period, then the network and the files. May be called again with less grace. */
  stop(graceMs: number): Promise<void> {
    this.#stop.abort();
    const stopped = [...this.#init, ...this.#containers].map((container) => container.stop(graceMs));
    this.#ending ??= Promise.all([...stopped, this.#running]).then(() => this.#leave());
    return this.#ending;
  }

  #container(spec: Container, restarts: (exitCode: number) => boolean): ContainerRun {
    return new ContainerRun(spec, {
      start: (id, log) => this.#start(spec, id, log),
      probes: () => ({ netns: this.#ports.host.netns, podIp: this.#podPlace.podIps[0] ?? '' }),
      restarts,
      onChange: this.#ports.onChange,
      clock: systemClock,
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && !(await this.#prepare(signal))) await systemClock.sleep(tryAgain, signal).catch(() => {});
    for (const container of this.#init) {
      await container.run();
      const { state } = container.facts;
      if (signal.aborted || state.at !== 'ended' || state.exitCode !== 0) return;
    }
    await Promise.all([this.#refreshFiles(signal), ...this.#containers.map((container) => container.run())]);
  }

  /** False: it must be tried again. */
  async #prepare(signal: AbortSignal): Promise<boolean> {
    const { network, folder, onChange } = this.#ports;
    try {
      mkdirSync(folder, { recursive: true });
      this.#sources = await this.#files.write(this.#pod, this.#podPlace, signal);
      if (!this.#isOfNode) this.#placed ??= await network.added(this.#pod, signal);
      this.#obstacle = undefined;
      return true;
    } catch (e) {
      this.#obstacle = describeError(e);
      return false;
    } finally {
      onChange();
    }
  }

  async #start(container: Container, id: string, log: LogBuffer): Promise<ContainerProcess> {
    const { images, env, resolvConf, folder, root, cgroups } = this.#ports;
    if (this.netns === undefined) throw new Error('the pod has no network');
    const process = startContainer({
      pod: this.#pod,
      container,
      netns: this.netns,
      place: this.#podPlace,
      sources: this.#sources,
      mounts: this.#files.mounts(this.#pod, container),
      podFolder: folder,
      root,
      cgroup: cgroups.container(this.#pod.metadata.uid, id),
      images,
      env,
      resolvConf: resolvConf(this.#pod),
      log,
    });
    await process.isUp;
    return process;
  }

  /** ConfigMaps change, tokens expire. What cannot be had now stays as it is. */
  async #refreshFiles(signal: AbortSignal): Promise<void> {
    const every = (this.#pod.spec.volumes ?? []).length > 0 ? refreshFilesEvery.own : refreshFilesEvery.access;
    for (;;) {
      await systemClock.sleep(every, signal).catch(() => {});
      if (signal.aborted) return;
      this.#sources = await this.#files.write(this.#pod, this.#podPlace, signal).catch(() => this.#sources);
    }
  }

  async #leave(): Promise<void> {
    const { network, folder, cgroups } = this.#ports;
    await cgroups.remove(this.#pod.metadata.uid);
    const placed = this.#placed;
    this.#placed = undefined;
    if (placed !== undefined) await network.removed(placed);
    rmSync(folder, { recursive: true, force: true });
  }

  /** A container that waits only because the pod is not prepared yet says why. */
  #explained(facts: ContainerFacts): ContainerFacts {
    if (facts.state.at !== 'waiting' || facts.state.reason !== 'PodInitializing') return facts;
    const message = this.#obstacle === undefined ? {} : { message: this.#obstacle };
    return { ...facts, state: { at: 'waiting', reason: 'ContainerCreating', ...message } };
  }

  get #isOfNode(): boolean {
    return this.#pod.spec.hostNetwork === true;
  }

  get #podPlace(): PodPlace {
    const { name, addresses } = this.#ports.host;
    const own = this.#isOfNode ? addresses : this.#placed?.addresses;
    return { nodeName: name, hostIps: [addresses.v4, addresses.v6], podIps: own === undefined ? [] : [own.v4, own.v6] };
  }
}
