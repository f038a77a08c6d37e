// Parties that are known by what they say of themselves only (baggage), bounded: each new name makes series of metrics that stay for a while,
// and whoever may open a tunnel can say whatever it likes, with every request.
// Asked by inbound/ and outbound/ where the mesh does not know a peer; labels.ts makes the party.
import type { Clock, Ms } from '@ambient-mesh/runtime/time';
import { evictAfter, type Hearsay, type Party, partyFromBaggage } from './labels.ts';

/** Names of Kubernetes are no longer (RFC 1123). */
const longestName = 253;

export class HearsayParties {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #most: number;
  /** Longest unused first. */
  readonly #known = new Map<string, { readonly party: Party; usedAt: Ms }>();

  /** `most`: parties told apart at a time. */
  constructor(clock: Pick<Clock, 'monotonic'>, most = 1_000) {
    this.#clock = clock;
    this.#most = most;
  }

  /** Undefined, which is shown as unknown, for one name too many until another has been unused as long as its series stay. */
  partyOf(said: Hearsay): Party | undefined {
    const values = [said.clusterId, said.namespace, said.workloadName, said.canonicalName, said.canonicalRevision, said.region, said.zone];
    if (values.some((value) => value !== undefined && value.length > longestName)) return undefined;
    const key = values.join('\n');
    const usedAt = this.#clock.monotonic();
    const known = this.#known.get(key);
    if (known === undefined && !this.#hasRoom(usedAt)) return undefined;
    const party = known?.party ?? partyFromBaggage(said);
    this.#known.delete(key);
    this.#known.set(key, { party, usedAt });
    return party;
  }

  #hasRoom(now: Ms): boolean {
    if (this.#known.size < this.#most) return true;
    for (const [key, { usedAt }] of this.#known) {
      if (now - usedAt < evictAfter) return false;
      this.#known.delete(key);
      return true;
    }
    return false;
  }
}
