// The addresses of enrolled pods in the node's own rules, so that its health probes reach them past the mesh. Used by the node agent.
// The whole table is written anew for each change, changes that come together at once: a node has few hundred addresses, and a table
// that is always written whole cannot be half right. What an address is for is decided by its pod's uid, since addresses are used again.
import { isDeepStrictEqual } from 'node:util';
import { type Ip, parseIp } from '@ambient-mesh/model/address';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';
import { type Listing, listRules } from './listed-rules.ts';
import { Netns } from './netns.ts';
import { noProbeRules, type ProbeNode, probeRules, probeTable } from './probe-rules.ts';
import { runIn } from './run-in.ts';

const writtenWithinMs = 10_000;

export class ProbeSet {
  readonly #netns: Netns;
  readonly #node: ProbeNode;
  /** Uid of the pod that has the address. */
  readonly #pods: Map<Ip, string>;
  /** Counts the changes of `#pods`. */
  #version = 0;
  /** What the kernel has been given; undefined: nobody knows. */
  #versionInKernel: number | undefined;
  /** What the kernel lists when it has that version. */
  #reference: { readonly version: number; readonly listing: Listing } | undefined;
  /** One write after the other. */
  #last: Promise<void> = Promise.resolve();
  /** The write that will hold every change made so far. */
  #next: Promise<void> | undefined;

  private constructor(netns: Netns, node: ProbeNode, pods: Map<Ip, string>) {
    this.#netns = netns;
    this.#node = node;
    this.#pods = pods;
  }

  /** Takes over what an earlier agent has left. Throws RunFault. */
  static async open(netns: Netns, node: ProbeNode, signal: AbortSignal): Promise<ProbeSet> {
    const { [probeTable]: before = [] } = await listRules(netns, [probeTable], signal);
    const set = new ProbeSet(netns, node, new Map(before.flatMap(elementsOf)));
    await set.#settle(signal);
    return set;
  }

  /** All that should be in, written whatever the kernel has. `prune` takes away what is not told; without it that stays. */
  async sync(all: ReadonlyMap<string, readonly Ip[]>, { prune }: { readonly prune: boolean }, signal: AbortSignal): Promise<void> {
    if (prune) this.#pods.clear();
    for (const [uid, ips] of all) for (const ip of ips) this.#pods.set(ip, uid);
    this.#version++;
    await this.#settle(signal);
  }

  /** An address that another pod had is this one's now. Resolves when the kernel has it; a write that failed is made up for by the next call. */
  async upsert(uid: string, ips: readonly Ip[], signal: AbortSignal): Promise<void> {
    const fresh = ips.filter((ip) => this.#pods.get(ip) !== uid);
    for (const ip of fresh) this.#pods.set(ip, uid);
    if (fresh.length > 0) this.#version++;
    await this.#settle(signal);
  }

  /** Addresses that are another pod's by now stay. */
  async remove(uid: string, ips: readonly Ip[], signal: AbortSignal): Promise<void> {
    const own = ips.filter((ip) => this.#pods.get(ip) === uid);
    for (const ip of own) this.#pods.delete(ip);
    if (own.length > 0) this.#version++;
    await this.#settle(signal);
  }

  /** Whether the kernel still has what was written last. */
  async check(signal: AbortSignal): Promise<boolean> {
    const version = this.#version;
    await unlessAborted(this.#last, signal).catch(() => signal.throwIfAborted());
    // What is changed meanwhile is no damage, here and below.
    if (this.#version !== version) return true;
    if (this.#versionInKernel !== version) return false;
    const expected = await this.#expected(version, signal);
    const is = await listRules(this.#netns, [probeTable], signal);
    if (isDeepStrictEqual(is, expected) || this.#version !== version) return true;
    this.#versionInKernel = undefined;
    return false;
  }

  /** Takes the table away: the mesh leaves the node. */
  async clear(signal: AbortSignal): Promise<void> {
    this.#pods.clear();
    const version = ++this.#version;
    await this.#inTurn(async () => {
      await this.#nft(noProbeRules());
      this.#versionInKernel = version;
    }, signal);
  }

  /** Resolves when the kernel has every change made so far. */
  #settle(signal: AbortSignal): Promise<void> {
    if (this.#versionInKernel === this.#version) return Promise.resolve();
    if (this.#next !== undefined) return unlessAborted(this.#next, signal);
    const written = this.#inTurn(async () => {
      this.#next = undefined;
      const version = this.#version;
      if (this.#versionInKernel === version) return;
      this.#versionInKernel = undefined;
      await this.#nft(probeRules(this.#node, this.#pods));
      this.#versionInKernel = version;
    }, signal);
    this.#next = this.#last;
    return written;
  }

  /** Others may wait for the work too, so it is given up by nobody. */
  #inTurn(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    this.#last = this.#last.catch(() => {}).then(work);
    return unlessAborted(this.#last, signal);
  }

  async #nft(stdin: string): Promise<void> {
    await runIn(this.#netns, ['nft', '-f', '-'], AbortSignal.timeout(writtenWithinMs), { stdin });
  }

  /** Asked of the kernel itself: the same rules in an empty namespace. */
  async #expected(version: number, signal: AbortSignal): Promise<Listing> {
    if (this.#reference?.version === version) return this.#reference.listing;
    using empty = Netns.create();
    await runIn(empty, ['nft', '-f', '-'], signal, { stdin: probeRules(this.#node, this.#pods) });
    const listing = await listRules(empty, [probeTable], signal);
    this.#reference = { version, listing };
    return listing;
  }
}

/** What can be written as a comment again. */
const isComment = (text: unknown): text is string => typeof text === 'string' && /^[\w.:-]{1,128}$/.test(text);

/** `{set: {elem: [{elem: {val, comment}}]}}`, as nft lists a set. */
function elementsOf(entry: unknown): [Ip, string][] {
  const { set } = entry as { readonly set?: { readonly elem?: readonly unknown[] } };
  return (set?.elem ?? []).flatMap((each): [Ip, string][] => {
    const { elem } = each as { readonly elem?: { readonly val?: unknown; readonly comment?: unknown } };
    const ip = typeof elem?.val === 'string' ? parseIp(elem.val) : undefined;
    return ip !== undefined && isComment(elem?.comment) ? [[ip, elem.comment]] : [];
  });
}

/** Takes the rules of any set away, whoever made it. Throws RunFault. */
export async function removeProbeRules(netns: Netns, signal: AbortSignal): Promise<void> {
  await runIn(netns, ['nft', '-f', '-'], signal, { stdin: noProbeRules() });
}
