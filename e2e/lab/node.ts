// One node: a network namespace on the lab's bridge, its pods, the stand-in agent that hands pods to ztunnels, and the ztunnels.
// Made by lab.ts. Pods become known to the mesh through the lab's control plane.
import { mkdirSync } from 'node:fs';
import { Netns } from '@ambient-mesh/host/netns';
import {
  type DualAddress,
  mostPods,
  nodeAddress,
  nodeCommands,
  nodeSwitches,
  podAddress,
  podCommands,
  podLinkCommands,
  podSwitches,
  podUnlinkCommands,
} from './addressing.ts';
import type { ControlPlane } from './control-plane.ts';
import { ipBatch, netnsPath, setSwitches } from './links.ts';
import { NodeAgent } from './node-agent.ts';
import { Pod, type PodNetns, type PodSpec } from './pod.ts';
import { Ztunnel } from './ztunnel.ts';

export interface NodeParts {
  readonly name: string;
  /** From 1; decides the addresses. */
  readonly number: number;
  readonly controlPlane: ControlPlane;
  /** A folder of its own. */
  readonly folder: string;
  /** Where its agent listens. */
  readonly socket: string;
  /** Joins the node to the bridge. */
  readonly join: (netns: Netns) => void;
}

export interface ZtunnelWish {
  /** On top of what the node and the control plane give. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether to wait until it is. Default true. */
  readonly ready?: boolean;
  /** Upstream DNS server; default: none that answers. */
  readonly nameserver?: string;
}

export class Node implements AsyncDisposable {
  readonly name: string;
  readonly netns: Netns;
  readonly agent: NodeAgent;
  readonly #parts: NodeParts;
  readonly #owned: AsyncDisposableStack = new AsyncDisposableStack();
  /** Numbers of the pods that are there. */
  readonly #pods: Set<number> = new Set();
  #firstPod = 1;
  #lastPod = 0;

  private constructor(parts: NodeParts, netns: Netns, agent: NodeAgent) {
    this.#parts = parts;
    this.name = parts.name;
    this.netns = this.#owned.use(netns);
    this.agent = this.#owned.use(agent);
  }

  static async start(parts: NodeParts): Promise<Node> {
    mkdirSync(parts.folder);
    const netns = Netns.create();
    setSwitches(netns, nodeSwitches);
    parts.join(netns);
    ipBatch(netns, nodeCommands(parts.number));
    return new Node(parts, netns, await NodeAgent.start(parts.socket));
  }

  /** From 1. */
  get number(): number {
    return this.#parts.number;
  }

  get addresses(): DualAddress {
    return nodeAddress(this.#parts.number);
  }

  /** Running, known to the mesh, and enrolled: resolves when the ztunnel (if one is connected) serves it. */
  async pod(spec: PodSpec): Promise<Pod> {
    const pod = this.#owned.use(await Pod.start(spec, this.name, this.podNetns()));
    if (spec.workload !== false) await this.#parts.controlPlane.put(pod.workload());
    if (spec.enrolled ?? spec.captured === true) await this.agent.enrol(pod);
    return pod;
  }

  /**
   * A ztunnel of this node in a namespace of its own, as its pod would have; ready unless told otherwise.
   * Start another before stopping the first to upgrade without a gap.
   */
  async ztunnel({ env = {}, ready = true, nameserver }: ZtunnelWish = {}): Promise<Ztunnel> {
    const { netns, addresses } = this.podNetns();
    this.#owned.use(netns);
    const tunnel = this.#owned.use(
      new Ztunnel({
        netns,
        addresses,
        cwd: this.#parts.folder,
        nameserver,
        env: { NODE_NAME: this.name, INPOD_UDS: this.agent.path, INSTANCE_IP: addresses.v4, ...this.#parts.controlPlane.clientEnv, ...env },
      }),
    );
    if (ready) await tunnel.ready();
    return tunnel;
  }

  /** A ztunnel in dedicated mode: inside the pod that it serves, with no agent. */
  async dedicatedZtunnel(pod: Pod, env: Readonly<Record<string, string>> = {}): Promise<Ztunnel> {
    const tunnel = this.#owned.use(
      new Ztunnel({
        netns: pod.netns,
        addresses: pod.addresses,
        cwd: this.#parts.folder,
        env: {
          PROXY_MODE: 'dedicated',
          PROXY_WORKLOAD_INFO: `${pod.namespace}/${pod.name}/${pod.serviceAccount}`,
          // The redirect rules know the proxy's own traffic by this mark, which dedicated mode leaves off by default.
          PACKET_MARK: '1337',
          // The stand-in certificate service is told outright who asks; a real one would read it from the token.
          CA_HEADER_LAB_IDENTITY: pod.workload().identity.uri,
          NODE_NAME: this.name,
          ...this.#parts.controlPlane.clientEnv,
          ...env,
        },
      }),
    );
    await tunnel.ready();
    return tunnel;
  }

  /** A namespace on the node's network with addresses of its own; whoever asks disposes of it, or lets `releasePodNetns` do it. */
  podNetns(): PodNetns {
    const node = this.#parts.number;
    const pod = this.#freePod();
    const netns = Netns.create();
    setSwitches(netns, podSwitches);
    ipBatch(this.netns, podLinkCommands(node, pod, netnsPath(netns)));
    ipBatch(netns, podCommands(node, pod));
    return { number: pod, netns, addresses: podAddress(node, pod) };
  }

  /** For pods that come and go: ends the namespace, and lets another pod have its addresses some day. */
  releasePodNetns({ number, netns }: PodNetns): void {
    ipBatch(this.netns, podUnlinkCommands(number));
    netns[Symbol.dispose]();
    this.#pods.delete(number);
  }

  /** Leaves lower numbers, and their addresses, to a CNI chain. */
  keepPodNumbersFrom(first: number): void {
    this.#firstPod = first;
  }

  /** The one that has been free for longest: whoever remembers a pod that is gone does not meet another one in its place. */
  #freePod(): number {
    if (this.#pods.size === mostPods + 1 - this.#firstPod)
      throw new Error(`node ${this.name} has ${this.#pods.size} pods, and room for no more`);
    do this.#lastPod = this.#lastPod < this.#firstPod || this.#lastPod === mostPods ? this.#firstPod : this.#lastPod + 1;
    while (this.#pods.has(this.#lastPod));
    this.#pods.add(this.#lastPod);
    return this.#lastPod;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
