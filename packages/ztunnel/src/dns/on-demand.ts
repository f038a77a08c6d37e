// Resolves the hostname of a workload that has no address, when a connection needs it, with the node's own resolver in our own namespace.
// Asked by outbound/ (a hop's `need: 'dns'`); which of the addresses is dialled is the model's choice.
// The names come from the control plane, the answers from outside: both the cache and the time are bounded.
import { Resolver } from 'node:dns/promises';
import { type Family, type Ip, parseIp } from '@ambient-mesh/model/address';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

export interface ResolvedAddress {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** Rejects when there is no answer or no such name. */
export type LookUp = (hostname: string, family: Family) => Promise<readonly ResolvedAddress[]>;

export interface OnDemandPorts {
  readonly lookUp: LookUp;
  readonly clock: Clock;
  /** Whether AAAA is asked as well as A (IPV6_ENABLED). */
  readonly ipv6: boolean;
}

const maxNames = 4_096;
const longest = ms(24 * 60 * 60 * 1_000);
/** A failure is kept this long, so that a burst of connections to a bad name is one query. */
const failureTtl = ms(1_000);

interface Entry {
  readonly ips: Promise<readonly Ip[]>;
  /** Monotonic; unset while the answer is awaited, which every asker shares. */
  until?: Ms;
}

export class OnDemandNames {
  readonly #ports: OnDemandPorts;
  /** In the order of their last use, so that the first is the one to forget. */
  readonly #entries = new Map<string, Entry>();

  constructor(ports: OnDemandPorts) {
    this.#ports = ports;
  }

  /** All addresses, IPv4 first; empty when the name does not resolve. Never rejects. */
  resolve(hostname: string): Promise<readonly Ip[]> {
    const literal = parseIp(hostname);
    if (literal !== undefined) return Promise.resolve([literal]);
    const known = this.#entries.get(hostname);
    if (known !== undefined) this.#entries.delete(hostname);
    const fresh = known !== undefined && (known.until === undefined || this.#ports.clock.monotonic() < known.until);
    const entry = fresh ? known : this.#ask(hostname);
    this.#entries.set(hostname, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > maxNames && oldest !== undefined) this.#entries.delete(oldest);
    return entry.ips;
  }

  #ask(hostname: string): Entry {
    const { lookUp, clock, ipv6 } = this.#ports;
    const families: readonly Family[] = ipv6 ? [4, 6] : [4];
    const all = Promise.all(families.map((family) => lookUp(hostname, family).catch((): readonly ResolvedAddress[] => [])));
    const entry: Entry = {
      ips: all.then((lists) => {
        const records = lists.flat();
        const ttl = Math.min(longest, ...records.map((r) => r.ttl * 1_000));
        entry.until = ms(clock.monotonic() + (records.length === 0 ? failureTtl : ttl));
        return records.map((r) => parseIp(r.address)).filter((ip) => ip !== undefined);
      }),
    };
    return entry;
  }
}

/** The machine's resolver (the servers of /etc/resolv.conf): at most two tries of 2 s each. */
export function systemLookUp(): LookUp {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  return (hostname, family) => (family === 4 ? resolver.resolve4(hostname, { ttl: true }) : resolver.resolve6(hostname, { ttl: true }));
}
