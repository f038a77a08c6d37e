// Which network namespace belongs to which pod (facts: control-plane §2.9): the one that a process of the pod runs in and that has the pod's address.
// Both must hold, since processes enter other pods' namespaces and addresses are used again; a mistake here would give a pod another's identity.
import { interfaceAddresses } from '@ambient-mesh/host/interface-addresses';
import { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import { describeError, MeshError } from '@ambient-mesh/runtime/errors';
import { openPodProcess, outerPods, type PodProcess, pidsIn, podProcesses } from './processes.ts';

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
  readonly found: Map<string, Netns>;
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
   * One look at all processes for all of these, by uid; each who asks gets a descriptor of his own, and disposes of it. Those who ask while
   * somebody's look is under way share the next one: two hundred pods enrolled at once are a few looks. Rejects when there is no process table.
   */
  find(wanted: readonly Wanted[]): Promise<Map<string, Netns>> {
    const mine = Promise.withResolvers<Map<string, Netns>>();
    this.#asked.push({ wanted, found: new Map(), ...mine });
    if (!this.#isLooking) void this.#answerAll();
    return mine.promise;
  }

  async #answerAll(): Promise<void> {
    this.#isLooking = true;
    for (let asked = this.#asked.splice(0); asked.length > 0; asked = this.#asked.splice(0)) {
      try {
        await this.#search(asked);
        for (const { found, resolve } of asked) resolve(found);
      } catch (e) {
        for (const { found, reject } of asked) {
          for (const netns of found.values()) netns[Symbol.dispose]();
          reject(e);
        }
      }
    }
    this.#isLooking = false;
  }

  /** First by what is known of processes and those that are new; whoever is not among them may be a process that has changed since. */
  async #search(asked: readonly Question[]): Promise<void> {
    for (const isThorough of [false, true]) {
      const missing = asked.flatMap(({ wanted, found }) => wanted.filter(({ uid, ips }) => ips.length > 0 && !found.has(uid)));
      if (missing.length === 0) return;
      const processes = Map.groupBy(await this.#refresh(isThorough), ({ podUid }) => podUid);
      for (const { wanted, found } of asked) {
        for (const { uid, ips } of wanted) {
          const netns = found.has(uid) ? undefined : this.#firstProven(processes.get(uid) ?? [], ips);
          if (netns !== undefined) found.set(uid, netns);
        }
      }
    }
  }

  /** The namespace of the pod's oldest process that stands the proof; each namespace is tried once. */
  #firstProven(ofPod: readonly PodProcess[], ips: readonly Ip[]): Netns | undefined {
    if (ips.length === 0) return undefined;
    const foreign = new Set(this.#hostNetns);
    for (const process of ofPod.toSorted((a, b) => a.startTime - b.startTime)) {
      if (foreign.has(process.netns)) continue;
      const netns = this.#proven(process, ips);
      if (netns === 'not its own') foreign.add(process.netns);
      else if (netns !== undefined) return netns;
    }
    return undefined;
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
    const objection = this.#objection(netns, path, ips);
    if (objection === undefined) return netns;
    netns[Symbol.dispose]();
    throw objection;
  }

  #objection(netns: Netns, path: string, ips: readonly Ip[]): MeshError<DiscoverFault> | undefined {
    if (this.#hostNetns.has(netns.id))
      return refused('discover.host-namespace', path, `${path} is the network namespace of the node itself`);
    try {
      if (hasAny(netns, ips)) return undefined;
    } catch (e) {
      return refused('discover.cannot-open', path, `${path} is no network namespace that can be entered`, e);
    }
    return refused('discover.not-its-own', path, `the network namespace ${path} does not have the address ${ips.join(' or ')}`);
  }

  /** The namespaces in which processes of these pods run now. Cheap when repeated: of processes seen before nothing is read, but every tenth time. */
  async look(uids: ReadonlySet<string>): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const processes = await this.#refresh(this.#looks++ % 10 === 0);
    const found = new Map<string, Set<string>>();
    for (const process of processes) {
      if (!uids.has(process.podUid) || this.#hostNetns.has(process.netns)) continue;
      found.set(process.podUid, (found.get(process.podUid) ?? new Set()).add(process.netns));
    }
    return found;
  }

  /** @param isThorough reads of every process again, not of new ones only. @returns those of pods */
  async #refresh(isThorough: boolean): Promise<PodProcess[]> {
    const { proc } = this.#options;
    const running = new Set(pidsIn(proc));
    const known = new Set(isThorough ? [] : this.#seen.keys());
    const read = new Map<number, PodProcess>();
    for await (const process of podProcesses(proc, known)) read.set(process.pid, process);
    // At one go from here on: `find` and `look` may be under way together, and must not see each other's half.
    for (const pid of this.#seen.keys()) if (!running.has(pid)) this.#seen.delete(pid);
    for (const pid of running) if (!known.has(pid)) this.#seen.set(pid, read.get(pid));
    return [...this.#seen.values()].filter((process) => process !== undefined);
  }

  /** The process's namespace, held open. Undefined: the process is not what it was. */
  #proven({ pid, podUid, netns: id, startTime }: PodProcess, ips: readonly Ip[]): Netns | 'not its own' | undefined {
    const { proc, report } = this.#options;
    using opened = new DisposableStack();
    try {
      const [now, netns] = openPodProcess(proc, pid, outerPods(proc));
      opened.use(netns);
      if (now?.podUid !== podUid || now.startTime !== startTime || netns.id !== id) {
        report.rejected(podUid, pid, 'it changed while we looked');
        return undefined;
      }
      if (hasAny(netns, ips)) {
        opened.move();
        return netns;
      }
      report.rejected(podUid, pid, `its namespace does not have the address ${ips.join(' or ')}`);
      return 'not its own';
    } catch (e) {
      report.rejected(podUid, pid, describeError(e));
      return undefined;
    }
  }
}

const hasAny = (netns: Netns, ips: readonly Ip[]): boolean => interfaceAddresses(netns).some((ip) => ips.includes(ip));

const refused = (code: DiscoverFault['code'], path: string, text: string, cause?: unknown): MeshError<DiscoverFault> =>
  new MeshError<DiscoverFault>({ code, path }, text, cause);
