// The addresses of enrolled pods in the node's own rules, so that its health probes reach them past the mesh. Used by the node agent.
// The whole table is written anew for each change, changes that come together at once: a node has few hundred addresses, and a table
// that is always written whole cannot be half right. What an address is for is decided by its pod's uid, since addresses are used again.
import { isDeepStrictEqual } from 'node:util';
import { type Ip, parseIp } from '@ambient-mesh/model/address';
import { type Listing, listRules } from './listed-rules.ts';
import { Netns } from './netns.ts';
import { noProbeRules, type ProbeNode, probeRules, probeTable } from './probe-rules.ts';
import { runIn } from './run-in.ts';

export class ProbeSet {
  readonly #netns: Netns;
  readonly #node: ProbeNode;
  /** Uid of the pod that has the address. */
  readonly #pods: Map<Ip, string>;
  /** What the kernel listed after the last write; undefined until somebody asks. */
  #listed: Listing | undefined;
  #written: Promise<void> = Promise.resolve();
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
    await set.#write(signal);
    return set;
  }

  /** All that should be in. `prune` takes away what is not told; without it that stays. */
  async sync(all: ReadonlyMap<string, readonly Ip[]>, { prune }: { readonly prune: boolean }, signal: AbortSignal): Promise<void> {
    if (prune) this.#pods.clear();
    for (const [uid, ips] of all) for (const ip of ips) this.#pods.set(ip, uid);
    await this.#write(signal);
  }

  /** An address that another pod had is this one's now. */
  async upsert(uid: string, ips: readonly Ip[], signal: AbortSignal): Promise<void> {
    if (ips.every((ip) => this.#pods.get(ip) === uid)) return;
    for (const ip of ips) this.#pods.set(ip, uid);
    await this.#write(signal);
  }

  /** Addresses that are another pod's by now stay. */
  async remove(uid: string, ips: readonly Ip[], signal: AbortSignal): Promise<void> {
    const own = ips.filter((ip) => this.#pods.get(ip) === uid);
    for (const ip of own) this.#pods.delete(ip);
    if (own.length > 0) await this.#write(signal);
  }

  /** Whether the kernel still has what was written last. */
  async check(signal: AbortSignal): Promise<boolean> {
    await this.#written.catch(() => {});
    this.#listed ??= await this.#reference(signal);
    const expected = this.#listed;
    const is = await listRules(this.#netns, [probeTable], signal);
    // What was written meanwhile is no damage.
    return isDeepStrictEqual(is, expected) || this.#listed !== expected;
  }

  /** Takes the table away: the mesh leaves the node. */
  async clear(signal: AbortSignal): Promise<void> {
    this.#pods.clear();
    await this.#written.catch(() => {});
    await runIn(this.#netns, ['nft', '-f', '-'], signal, { stdin: noProbeRules() });
  }

  #write(signal: AbortSignal): Promise<void> {
    this.#next ??= this.#written
      .catch(() => {})
      .then(async () => {
        this.#next = undefined;
        this.#listed = undefined;
        await runIn(this.#netns, ['nft', '-f', '-'], signal, { stdin: probeRules(this.#node, this.#pods) });
      });
    this.#written = this.#next;
    return this.#next;
  }

  async #reference(signal: AbortSignal): Promise<Listing> {
    using empty = Netns.create();
    await runIn(empty, ['nft', '-f', '-'], signal, { stdin: probeRules(this.#node, this.#pods) });
    return listRules(empty, [probeTable], signal);
  }
}

/** `{set: {elem: [{elem: {val, comment}}]}}`, as nft lists a set. */
function elementsOf(entry: unknown): [Ip, string][] {
  const { set } = entry as { readonly set?: { readonly elem?: readonly unknown[] } };
  return (set?.elem ?? []).flatMap((each): [Ip, string][] => {
    const { elem } = each as { readonly elem?: { readonly val?: unknown; readonly comment?: unknown } };
    const ip = typeof elem?.val === 'string' ? parseIp(elem.val) : undefined;
    return ip !== undefined && typeof elem?.comment === 'string' ? [[ip, elem.comment]] : [];
  });
}
