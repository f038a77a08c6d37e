// The workloads of a mesh and their indices: uid, address, hostname, and account on the local node.
// Written only by mesh.ts, which keeps the service store in step.
import type { Ip } from './address.ts';
import { Compactor, sameWorkload } from './compact.ts';
import { AddressIndex, MultiMap } from './multi-map.ts';
import type { SpiffeId } from './spiffe.ts';
import type { NamespacedHostname, Workload } from './workload.ts';

/** How the node's agent names a pod. */
export interface PodAccount {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

export class WorkloadStore {
  /** `""`: every node counts as local. */
  readonly #node: string;
  readonly #compactor = new Compactor();
  readonly #byUid = new Map<string, Workload>();
  readonly #byAddress = new AddressIndex<Workload>();
  readonly #byHostname = new MultiMap<string, Workload>();
  readonly #localByAccount = new Map<string, Set<Workload>>();

  constructor(node: string) {
    this.#node = node;
  }

  get(uid: string): Workload | undefined {
    return this.#byUid.get(uid);
  }

  all(): IterableIterator<Workload> {
    return this.#byUid.values();
  }

  /** Of several workloads on one address (a pod and an entry of the same machine, say) the likeliest to answer there. */
  at(network: string, ip: Ip): Workload | undefined {
    const [first, ...others] = this.#byAddress.at(network, ip);
    let best = first;
    for (const other of others) if (best && likelihood(other) > likelihood(best)) best = other;
    return best;
  }

  byHostname({ namespace, hostname }: NamespacedHostname): Workload | undefined {
    return this.#byHostname.get(`${namespace}/${hostname}`)[0];
  }

  isLocal(workload: Workload): boolean {
    return this.#node === '' || workload.node === this.#node;
  }

  local({ name, namespace, serviceAccount }: PodAccount): Workload | undefined {
    const account = this.#localByAccount.get(`${namespace}/${serviceAccount}`);
    return account && [...account].find((workload) => workload.name === name);
  }

  usesLocally(identity: SpiffeId): boolean {
    const account = this.#localByAccount.get(`${identity.namespace}/${identity.serviceAccount}`);
    return account !== undefined && [...account].some((workload) => workload.identity.uri === identity.uri);
  }

  /** Keeps its own copy, which is the one handed out from now on. Undefined when the workload is known already, word for word. */
  put(given: Workload): Workload | undefined {
    const workload = this.#compactor.workload(given);
    const previous = this.#byUid.get(workload.uid);
    if (previous && sameWorkload(previous, workload)) return undefined;
    if (previous) this.#unindex(previous);
    this.#byUid.set(workload.uid, workload);
    this.#index(workload);
    return workload;
  }

  remove(uid: string): Workload | undefined {
    const workload = this.#byUid.get(uid);
    if (!workload) return undefined;
    this.#byUid.delete(uid);
    this.#unindex(workload);
    return workload;
  }

  #index(workload: Workload): void {
    for (const ip of ownAddresses(workload)) this.#byAddress.put(workload.network, ip, workload);
    if (workload.hostname !== '') this.#byHostname.put(hostnameKey(workload), workload);
    if (!this.isLocal(workload)) return;
    const account = accountKey(workload);
    const others = this.#localByAccount.get(account);
    if (others) others.add(workload);
    else this.#localByAccount.set(account, new Set([workload]));
  }

  #unindex(workload: Workload): void {
    for (const ip of ownAddresses(workload)) this.#byAddress.drop(workload.network, ip, workload);
    if (workload.hostname !== '') this.#byHostname.drop(hostnameKey(workload), workload);
    const account = accountKey(workload);
    const others = this.#localByAccount.get(account);
    others?.delete(workload);
    if (others?.size === 0) this.#localByAccount.delete(account);
  }
}

const hostnameKey = (workload: Workload): string => `${workload.namespace}/${workload.hostname}`;
const accountKey = ({ identity }: Workload): string => `${identity.namespace}/${identity.serviceAccount}`;

/** A pod on the host's network shares its node's address with others, so that the address does not say which is meant. */
const ownAddresses = (workload: Workload): readonly Ip[] => (workload.networkMode === 'HostNetwork' ? [] : workload.addresses);

const likelihood = (workload: Workload): number => (workload.uid.includes('//Pod/') ? 2 : 0) + (workload.protocol === 'HBONE' ? 1 : 0);
