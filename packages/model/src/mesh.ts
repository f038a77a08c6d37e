// The mesh as this process knows it: workloads, services and policies, kept in step by `apply` and asked by everyone else.
// One instance per thread, each fed the same deltas. Only reads are on the path of a connection; none of them does I/O or waits.
// The stores behind it: workload-store.ts, service-store.ts, policy-store.ts.
import type { Ip } from './address.ts';
import { sameWorkload } from './compact.ts';
import type { MeshDelta } from './delta.ts';
import type { Policy } from './policy.ts';
import { type PolicySelection, PolicyStore } from './policy-store.ts';
import { type Service, serviceKey } from './service.ts';
import { type Preference, ServiceStore } from './service-store.ts';
import type { SpiffeId } from './spiffe.ts';
import type { NamespacedHostname, Workload } from './workload.ts';
import { type PodAccount, WorkloadStore } from './workload-store.ts';

/** One workload before and after a delta: added when `before` is absent, removed when `after` is. */
export interface WorkloadChange {
  readonly uid: string;
  readonly before?: Workload;
  readonly after?: Workload;
}

/** What a delta really changed; a workload or policy sent again word for word is not listed. */
export interface MeshChange {
  readonly workloads: readonly WorkloadChange[];
  /** Some policy came, changed or went: open connections want a new decision. */
  readonly policiesChanged: boolean;
}

export class Mesh {
  readonly #node: string;
  #workloads: WorkloadStore;
  #services = new ServiceStore();
  #policies = new PolicyStore();

  /** `node`: the local node's name; without one every node counts as local. */
  constructor({ node = '' }: { readonly node?: string } = {}) {
    this.#node = node;
    this.#workloads = new WorkloadStore(node);
  }

  /** In one step: no reader sees half a delta. */
  apply(delta: MeshDelta): MeshChange {
    const before = new Map<string, Workload | undefined>();
    for (const name of delta.removedAddresses) this.#removeAddress(name, before);
    for (const service of delta.services) this.#services.put(service);
    for (const workload of delta.workloads) this.#putWorkload(workload, before);
    let policiesChanged = false;
    for (const key of delta.removedPolicies) policiesChanged = this.#policies.remove(key) || policiesChanged;
    for (const policy of delta.policies) policiesChanged = this.#policies.put(policy) || policiesChanged;
    return { workloads: [...before].flatMap(([uid, was]) => change(uid, was, this.#workloads.get(uid))), policiesChanged };
  }

  /** Forgets everything, even that policies were ever received. */
  clear(): void {
    this.#workloads = new WorkloadStore(this.#node);
    this.#services = new ServiceStore();
    this.#policies = new PolicyStore();
  }

  workload(uid: string): Workload | undefined {
    return this.#workloads.get(uid);
  }

  workloads(): IterableIterator<Workload> {
    return this.#workloads.all();
  }

  /** Pods on the host's network are not found by address. */
  workloadAt(network: string, ip: Ip): Workload | undefined {
    return this.#workloads.at(network, ip);
  }

  /** By the hostname of a workload that has one (a VM, an external address), which is not its pod name. */
  workloadByHostname(name: NamespacedHostname): Workload | undefined {
    return this.#workloads.byHostname(name);
  }

  /** The workload of a pod on this node. */
  localWorkload(pod: PodAccount): Workload | undefined {
    return this.#workloads.local(pod);
  }

  isLocal(workload: Workload): boolean {
    return this.#workloads.isLocal(workload);
  }

  /** Whether some workload on this node runs as this identity; when none does, its certificate may go. */
  usesLocally(identity: SpiffeId): boolean {
    return this.#workloads.usesLocally(identity);
  }

  /** `key`: `namespace/hostname`. */
  service(key: string): Service | undefined {
    return this.#services.get(key);
  }

  services(): Iterable<Service> {
    return this.#services.all();
  }

  /** The best service at a virtual address, exact before CIDR. */
  serviceAt(network: string, ip: Ip, preference?: Preference): Service | undefined {
    return this.#services.at(network, ip, preference);
  }

  serviceByHostname(hostname: string, preference: Preference, eligible?: (service: Service) => boolean): Service | undefined {
    return this.#services.byHostname(hostname, preference, eligible);
  }

  /** Workloads that may be chosen for the service: the healthy ones, or all if it says so. */
  endpoints(service: Service): readonly Workload[] {
    return this.#services.endpoints(serviceKey(service));
  }

  /** Whether the workload stands behind the service, healthy or not. */
  isMember(service: Service, workload: Workload): boolean {
    return this.#services.isMember(serviceKey(service), workload.uid);
  }

  /** Services not yet received that workloads list already, with those workloads. */
  stagedServices(): Iterable<readonly [key: string, workloads: readonly Workload[]]> {
    return this.#services.staged();
  }

  policies(): Iterable<Policy> {
    return this.#policies.all();
  }

  policiesFor(workload: Workload): PolicySelection {
    return this.#policies.selectedFor(workload);
  }

  #putWorkload(given: Workload, before: Map<string, Workload | undefined>): void {
    const was = this.#workloads.get(given.uid);
    const now = this.#workloads.put(given);
    if (!now) return;
    if (was) this.#services.leave(was, now);
    this.#services.join(now);
    if (!before.has(now.uid)) before.set(now.uid, was);
  }

  /** A name is a workload's uid or, failing that, a service's `namespace/hostname`; others are none of ours. */
  #removeAddress(name: string, before: Map<string, Workload | undefined>): void {
    const workload = this.#workloads.remove(name);
    if (!workload) {
      this.#services.remove(name);
      return;
    }
    this.#services.leave(workload);
    if (!before.has(name)) before.set(name, workload);
  }
}

/** Where to reach a workload and whom to expect there: when it changes, tunnels to it are of no more use. */
export function reachedOtherwise({ before, after }: WorkloadChange): boolean {
  if (!before) return false;
  if (!after) return true;
  return (
    before.identity.uri !== after.identity.uri ||
    before.protocol !== after.protocol ||
    before.network !== after.network ||
    before.addresses.join() !== after.addresses.join()
  );
}

/** Whether the workload may be under other policies than its open connections were judged by: they want a new decision. */
export function policiesDiffer({ before, after }: WorkloadChange): boolean {
  if (!after) return false;
  // Connections outlive a workload that goes and comes back.
  if (!before) return true;
  return before.authorizationPolicies.join('\n') !== after.authorizationPolicies.join('\n') || before.namespace !== after.namespace;
}

function change(uid: string, before: Workload | undefined, after: Workload | undefined): WorkloadChange[] {
  if (before && after ? sameWorkload(before, after) : before === after) return [];
  return [{ uid, ...(before && { before }), ...(after && { after }) }];
}
