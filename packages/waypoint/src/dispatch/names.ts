// Addresses of hosts that the mesh knows by name only (ServiceEntries resolved by DNS), asked of the system's resolver and kept for a short while.
// Used by dial.ts. Bounded: names come from ServiceEntries, or from the Host of a request to a wildcard one.
import { lookup } from 'node:dns/promises';
import { canonicalIp, type Ip } from '@ambient-mesh/model/address';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { unlessAborted } from '@ambient-mesh/runtime/unless-aborted';

const keptMs = 5_000;
const mostNames = 1_000;

interface Known {
  readonly records: Promise<readonly Ip[]>;
  readonly until: number;
}

export class Names {
  readonly #clock: Clock;
  readonly #lookUp: (name: string) => Promise<readonly string[]>;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock, lookUp: (name: string) => Promise<readonly string[]> = systemLookUp) {
    this.#clock = clock;
    this.#lookUp = lookUp;
  }

  /** Empty when there are none, or the resolver does not answer. Rejects with the signal's reason only. */
  resolve(name: string, signal: AbortSignal): Promise<readonly Ip[]> {
    const now = this.#clock.monotonic();
    const known = this.#known.get(name);
    if (known !== undefined && known.until > now) return unlessAborted(known.records, signal);
    const records = this.#lookUp(name).then(
      (found) => found.map(canonicalIp),
      () => [],
    );
    this.#known.delete(name);
    this.#known.set(name, { records, until: ms(now + keptMs) });
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostNames && oldest !== undefined) this.#known.delete(oldest);
    return unlessAborted(records, signal);
  }
}

const systemLookUp = async (name: string): Promise<readonly string[]> => (await lookup(name, { all: true })).map(({ address }) => address);
