// Which network namespace belongs to which pod (facts: control-plane §2.9): the one that a process of the pod runs in and that has the pod's address.
// Both must hold, since processes enter other pods' namespaces and addresses are used again; a mistake here would give a pod another's identity.
import { interfaceAddresses } from '@ambient-mesh/host/interface-addresses';
import { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { isStill, type PodProcess, pidsIn, podProcess, podProcesses } from './processes.ts';

export interface Wanted {
  /** As cgroups have it. */
  readonly uid: string;
  /** Without any there is no proof: the pod is not found. */
  readonly ips: readonly Ip[];
}

export interface DiscoveryOptions {
  /** Where the node's process table is mounted: `/host/proc`. */
  readonly proc: string;
  /** Put before paths that the container runtime names. */
  readonly hostRoot: string;
  /** Identities of namespaces that are never a pod's: the node's own. */
  readonly hostNetns: readonly string[];
  readonly report: { readonly rejected: (uid: string, pid: number, why: string) => void };
}

export interface DiscoverFault {
  readonly code: 'discover.host-namespace' | 'discover.not-its-own' | 'discover.cannot-open';
  readonly path: string;
}

interface Question {
  readonly wanted: readonly Wanted[];
  readonly resolve: (found: Map<string, Netns>) => void;
  readonly reject: (why: unknown) => void;
}

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #hostNetns: Set<string>;
  /** What `look` has seen of the processes that still run. */
  readonly #seen = new Map<number, PodProcess | undefined>();
  #looks = 0;
  readonly #asked: Question[] = [];
  #isLooking = false;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#hostNetns = new Set(options.hostNetns);
  }

  /**
   * One look at all processes for all of these. Whoever asks disposes of what is found. Those who ask while somebody's look is under way share
   * the next one: two hundred pods enrolled at once are a few looks.
   */
  find(wanted: readonly Wanted[]): Promise<Map<string, Netns>> {
    const mine = Promise.withResolvers<Map<string, Netns>>();
    this.#asked.push({ wanted, ...mine });
    if (!this.#isLooking) void this.#answerAll();
    return mine.promise;
  }

  async #answerAll(): Promise<void> {
    this.#isLooking = true;
    for (let asked = this.#asked.splice(0); asked.length > 0; asked = this.#asked.splice(0)) {
      try {
        const found = await this.#find(asked.flatMap(({ wanted }) => wanted));
        for (const { wanted, resolve } of asked) resolve(taken(found, wanted));
      } catch (e) {
        for (const { reject } of asked) reject(e);
      }
    }
    this.#isLooking = false;
  }

  /** First by what is known of processes and those that are new; whoever is not among them may be a process that has changed since. */
  async #find(wanted: readonly Wanted[]): Promise<Map<string, Netns>> {
    const missing = new Map(wanted.filter(({ ips }) => ips.length > 0).map(({ uid, ips }) => [uid, ips]));
    const found = new Map<string, Netns>();
    for (const isThorough of [false, true]) {
      if (missing.size === 0) break;
      await this.#refresh(isThorough);
      const candidates = [...this.#seen.values()].filter((process) => process !== undefined && missing.has(process.podUid));
      for (const [uid, netns] of this.#firstProven(candidates as PodProcess[], missing)) {
        found.set(uid, netns);
        missing.delete(uid);
      }
    }
    return found;
  }

  /** For each pod the namespace of its oldest process that stands the proof; each namespace is tried once. */
  #firstProven(candidates: readonly PodProcess[], ipsOf: ReadonlyMap<string, readonly Ip[]>): Map<string, Netns> {
    const proven = new Map<string, Netns>();
    const judged = new Set<string>();
    for (const process of candidates.toSorted((a, b) => a.startTime - b.startTime)) {
      const { podUid, netns: id } = process;
      const key = `${podUid} ${id}`;
      if (this.#hostNetns.has(id) || proven.has(podUid) || judged.has(key)) continue;
      const netns = this.#proven(process, ipsOf.get(podUid) ?? []);
      if (netns === 'not its own') judged.add(key);
      else if (netns !== undefined) proven.set(podUid, netns);
    }
    return proven;
  }

  /** A namespace by a path of the container runtime's. @throws MeshError<DiscoverFault> when it cannot be this pod's. */
  open(path: string, { ips }: Wanted): Netns {
    const own = `${this.#options.hostRoot}${path}`;
    let netns: Netns;
    try {
      netns = Netns.open(own);
    } catch (e) {
      throw refused('discover.cannot-open', path, `the network namespace ${path} cannot be opened`, e);
    }
    try {
      if (this.#hostNetns.has(netns.id))
        throw refused('discover.host-namespace', path, `${path} is the network namespace of the node itself`);
      if (!hasAny(netns, ips))
        throw refused('discover.not-its-own', path, `the network namespace ${path} does not have the address ${ips.join(' or ')}`);
      return netns;
    } catch (e) {
      netns[Symbol.dispose]();
      throw e;
    }
  }

  /** The namespaces in which processes of these pods run now. Cheap when repeated: of processes seen before nothing is read, but every tenth time. */
  async look(uids: ReadonlySet<string>): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    await this.#refresh(this.#looks++ % 10 === 0);
    const found = new Map<string, Set<string>>();
    for (const process of this.#seen.values()) {
      if (process === undefined || !uids.has(process.podUid) || this.#hostNetns.has(process.netns)) continue;
      found.set(process.podUid, (found.get(process.podUid) ?? new Set()).add(process.netns));
    }
    return found;
  }

  /** @param isThorough reads of every process again, not of new ones only. */
  async #refresh(isThorough: boolean): Promise<void> {
    const { proc } = this.#options;
    const running = new Set(pidsIn(proc));
    for (const pid of this.#seen.keys()) if (isThorough || !running.has(pid)) this.#seen.delete(pid);
    for await (const process of podProcesses(proc, new Set(this.#seen.keys()))) this.#seen.set(process.pid, process);
    for (const pid of running) if (!this.#seen.has(pid)) this.#seen.set(pid, undefined);
  }

  /** The process's namespace, held open. Undefined: the process is not what it was. */
  #proven({ pid, podUid, netns: id, startTime }: PodProcess, ips: readonly Ip[]): Netns | 'not its own' | undefined {
    const { proc, report } = this.#options;
    let netns: Netns | undefined;
    try {
      netns = Netns.open(`${proc}/${pid}/ns/net`);
      // Another process may have the number by now, or this one be elsewhere.
      const isSame = netns.id === id && isStill(proc, pid, startTime) && podProcess(proc, pid)?.podUid === podUid;
      if (isSame && hasAny(netns, ips)) return netns;
      report.rejected(podUid, pid, isSame ? `its namespace does not have the address ${ips.join(' or ')}` : 'it changed while we looked');
      netns[Symbol.dispose]();
      return isSame ? 'not its own' : undefined;
    } catch (e) {
      report.rejected(podUid, pid, describeError(e));
    }
    netns?.[Symbol.dispose]();
    return undefined;
  }
}

/** Each namespace goes to the first who asked for it, and leaves the table. */
function taken(found: Map<string, Netns>, wanted: readonly Wanted[]): Map<string, Netns> {
  const own = new Map<string, Netns>();
  for (const { uid } of wanted) {
    const netns = found.get(uid);
    if (netns === undefined) continue;
    own.set(uid, netns);
    found.delete(uid);
  }
  return own;
}

const hasAny = (netns: Netns, ips: readonly Ip[]): boolean => interfaceAddresses(netns).some((ip) => ips.includes(ip));

const refused = (code: DiscoverFault['code'], path: string, text: string, cause?: unknown): MeshError<DiscoverFault> =>
  new MeshError<DiscoverFault>({ code, path }, text, cause);
