// Addresses for hosts that have none: a ServiceEntry without addresses gets one IPv4 and one IPv6 address per host, out of ranges that nobody routes.
// Decided here, written into the entries' status by the leader, read back by service-from-entry.ts (facts: control-plane §3.11). Pure.
import { type Ip, parseIp, wordsOf } from '@ambient-mesh/model/address';
import { compileCidr, parseCidr } from '@ambient-mesh/model/cidr';
import type { ServiceEntry } from './kinds/entries.ts';
import { byText } from './text-order.ts';

export type Allocation = ServiceEntry['allocated'][number];

interface Pool {
  readonly contains: (ip: Ip) => boolean;
  /** How many are given out, numbered from 1. A prime: then every stride visits all of them. */
  readonly size: number;
  readonly at: (number: number) => string;
}

const pools: readonly Pool[] = [
  { contains: within('240.240.0.0/16'), size: 65_521, at: (n) => `240.240.${n >>> 8}.${n & 255}` },
  // As many as a 32-bit hash can tell apart, of the 2^80 that there are.
  { contains: within('2001:2::/48'), size: 4_294_967_291, at: (n) => `2001:2::${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}` },
];

/** Whether it is an address that the mesh gives out: nobody outside of the mesh has a way to it. */
export const isAllocated = (ip: Ip): boolean => pools.some(({ contains }) => contains(ip));

/** Whether a host of the entry lives on allocated addresses. A name with a wildcard resolves to nothing unless it is resolved on the way. */
export function takesAddresses({ meta, addresses, resolution }: ServiceEntry, host: string): boolean {
  const optedOut = meta.labels['networking.istio.io/enable-autoallocate-ip']?.toLowerCase() === 'false';
  return addresses.length === 0 && resolution !== 'NONE' && !optedOut && (!host.startsWith('*') || resolution === 'DYNAMIC_DNS');
}

/**
 * What the status of entries should list, by `namespace/name`, for those where it lists something else.
 * Whoever has an address keeps it; of two that have the same one, the older entry does. A new one depends on entry and host first of all,
 * so that a leader that knows less than the last one still mostly decides alike. A full range gives nothing, which leaves the host without.
 * An entry without any host that takes addresses is left as it is.
 */
export function allocate(entries: readonly ServiceEntry[]): ReadonlyMap<string, readonly Allocation[]> {
  const oldestFirst = entries.toSorted((a, b) => a.meta.createdAt - b.meta.createdAt || byText(keyOf(a), keyOf(b)));
  const taken = new Taken();
  const kept = new Map(oldestFirst.map((entry) => [entry, keep(entry, taken)]));
  // Only now: an address that somebody wrote into an entry takes none away from others. It is just not given out again.
  for (const text of entries.flatMap(mentioned)) for (const pool of pools) taken.claim(pool, text);
  const changed = new Map<string, readonly Allocation[]>();
  for (const [entry, hosts] of kept) {
    if (hosts.size === 0) continue;
    const wanted = [...hosts].flatMap(([host, values]) =>
      pools.flatMap((pool, at) => {
        const value = values[at] ?? taken.next(pool, `${keyOf(entry)}/${host}`);
        return value === undefined ? [] : [{ host, value }];
      }),
    );
    if (!sameAllocations(wanted, entry.allocated)) changed.set(keyOf(entry), wanted);
  }
  return changed;
}

/** Of each host that takes addresses, what it has and may keep: at most one address of each pool. */
function keep(entry: ServiceEntry, taken: Taken): ReadonlyMap<string, readonly (string | undefined)[]> {
  const hosts = [...new Set(entry.hosts)].filter((host) => takesAddresses(entry, host));
  const allocated = Map.groupBy(entry.allocated, ({ host }) => host);
  return new Map(
    hosts.map((host) => [host, pools.map((pool) => allocated.get(host)?.find(({ value }) => taken.claim(pool, value))?.value)]),
  );
}

/** Addresses of the pools that have an owner. */
class Taken {
  readonly #owned = new Set<Ip>();
  readonly #count = new Map<Pool, number>();

  /** False when it is no address of the pool, or somebody else's. */
  claim(pool: Pool, text: string): boolean {
    const ip = parseIp(text);
    if (ip === undefined || !pool.contains(ip) || this.#owned.has(ip)) return false;
    this.#owned.add(ip);
    this.#count.set(pool, (this.#count.get(pool) ?? 0) + 1);
    return true;
  }

  /** The first free address on a path of the key's own, which is a short one even when the pool is nearly full; undefined when none is left. */
  next(pool: Pool, key: string): string | undefined {
    const owned = this.#count.get(pool) ?? 0;
    if (owned >= pool.size) return undefined;
    const start = hash(key) % pool.size;
    const stride = 1 + (hash(`${key}/`) % (pool.size - 1));
    for (let step = 0; step <= owned; step++) {
      const address = pool.at(((start + step * stride) % pool.size) + 1);
      if (this.claim(pool, address)) return parseIp(address);
    }
    return undefined;
  }
}

/** The order within a status means nothing. */
function sameAllocations(a: readonly Allocation[], b: readonly Allocation[]): boolean {
  const of = (list: readonly Allocation[]) => list.map(({ host, value }) => `${host} ${value}`).sort();
  const [left, right] = [of(a), of(b)];
  return left.length === right.length && left.every((each, at) => each === right[at]);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

function within(block: string): (ip: Ip) => boolean {
  const cidr = parseCidr(block);
  if (!cidr) throw new TypeError(`not a block of addresses: ${block}`);
  const contains = compileCidr(cidr);
  return (ip) => contains(wordsOf(ip));
}

const mentioned = ({ addresses, allocated }: ServiceEntry): readonly string[] => [...addresses, ...allocated.map(({ value }) => value)];
const keyOf = ({ meta }: ServiceEntry): string => `${meta.namespace}/${meta.name}`;
