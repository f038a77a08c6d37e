// One pod: a network namespace, the in-pod program and, when captured, the real redirect rules.
// Made by node.ts, which also joins the namespace to the network; the scenarios talk to its program through `call`, `serve` and `app`.
// Whether the mesh knows the pod and who carries its traffic is node.ts's business.

import { applyRules } from '@ambient-mesh/host/apply-rules';
import type { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import type { Workload } from '@ambient-mesh/model/workload';
import type { DualAddress } from './addressing.ts';
import type { CallOrder, CallReport, ServerKind } from './apps/protocol.ts';
import { PodApp } from './pod-app.ts';
import { workload } from './resources.ts';

export interface PodSpec {
  readonly name: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** Default: the pod's name. */
  readonly serviceAccount?: string;
  /** Whether the redirect rules are installed. Default false. */
  readonly captured?: boolean;
  /** Whether the node's agent hands the pod to the ztunnel. Default: as `captured`. */
  readonly enrolled?: boolean;
  /** What the mesh knows of it beyond the defaults; false when the mesh knows nothing. */
  readonly workload?: Partial<Workload> | false;
  /** Servers to start in it, by port. */
  readonly servers?: Readonly<Record<number, ServerKind>>;
}

/** A namespace that is already on the network. */
export interface PodNetns {
  /** Counted on its node; decides the addresses. */
  readonly number: number;
  readonly netns: Netns;
  readonly addresses: DualAddress;
}

export class Pod implements AsyncDisposable {
  readonly spec: PodSpec;
  readonly addresses: DualAddress;
  readonly netns: Netns;
  readonly app: PodApp;
  readonly node: string;

  private constructor(spec: PodSpec, node: string, { netns, addresses }: PodNetns, app: PodApp) {
    this.spec = spec;
    this.node = node;
    this.addresses = addresses;
    this.netns = netns;
    this.app = app;
  }

  /** Takes over the namespace. */
  static async start(spec: PodSpec, node: string, place: PodNetns): Promise<Pod> {
    await using parts = new AsyncDisposableStack();
    const netns = parts.use(place.netns);
    if (spec.captured === true)
      await applyRules(netns, { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] }, AbortSignal.timeout(10_000));
    const pod = new Pod(spec, node, place, parts.use(await PodApp.start(netns)));
    for (const [port, server] of Object.entries(spec.servers ?? {})) await pod.serve(Number(port), server);
    parts.move();
    return pod;
  }

  get name(): string {
    return this.spec.name;
  }
  get namespace(): string {
    return this.spec.namespace ?? 'default';
  }
  get serviceAccount(): string {
    return this.spec.serviceAccount ?? this.spec.name;
  }
  get ip(): Ip {
    return this.addresses.v4;
  }
  /** As Kubernetes would number it; the same pod name on another lab run gives the same uid. */
  get uid(): string {
    return `uid-${this.namespace}-${this.name}`;
  }

  /** What the mesh should know of it. */
  workload(more: Partial<Workload> = {}): Workload {
    return workload({
      name: this.name,
      namespace: this.namespace,
      serviceAccount: this.serviceAccount,
      node: this.node,
      addresses: [this.addresses.v4, this.addresses.v6],
      protocol: this.spec.captured === true ? 'HBONE' : 'TCP',
      ...(this.spec.workload === false ? {} : this.spec.workload),
      ...more,
    });
  }

  serve(port: number, server: ServerKind): Promise<void> {
    return this.app.ask('serve', { port, server });
  }

  call(to: string, order: Omit<CallOrder, 'to'> = {}): Promise<CallReport> {
    return this.app.ask('call', { to, ...order });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]();
    this.netns[Symbol.dispose]();
  }
}
