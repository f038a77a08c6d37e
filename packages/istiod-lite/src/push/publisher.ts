// From changes of Kubernetes objects to changes at the clients: gathers, lets the index follow, encodes what came out, and hands it to the xDS server.
// Made by app.ts, fed by feed/feed.ts. Also keeps what the index says of statuses and unenforced policies for whoever writes them.
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Unenforced } from '@ambient-mesh/translate/authorization-policy';
import type { Inputs } from '@ambient-mesh/translate/kinds/all';
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import { MeshIndex } from '@ambient-mesh/translate/mesh-index';
import type { TranslateSettings } from '@ambient-mesh/translate/settings';
import { type ConditionTable, conditionTables } from '../status/condition-writer.ts';
import { AddressCatalogue } from './address-catalogue.ts';
import { Debounce } from './debounce.ts';
import { PolicyCatalogue } from './policy-catalogue.ts';

export interface PublisherOptions {
  readonly settings: TranslateSettings;
  readonly debounceAfter: Ms;
  readonly debounceMax: Ms;
  readonly clock: Clock;
  /** What clients have to hear of: names by type. `since`: when the oldest change came, by the monotonic clock. */
  readonly push: (changes: ReadonlyMap<string, ReadonlySet<string>>, since: Ms) => void;
  /** The object should say something else in its status. */
  readonly statusChanged: (table: ConditionTable, key: string) => void;
  readonly unenforcedChanged: (policy: string, unenforced: Unenforced | undefined) => void;
  /** How long the index took. */
  readonly settled: (took: Ms) => void;
}

export class Publisher implements Disposable {
  readonly addresses: AddressCatalogue = new AddressCatalogue();
  readonly policies: PolicyCatalogue = new PolicyCatalogue();
  /** By policy, as `namespace/name`. */
  readonly unenforced: Map<string, Unenforced> = new Map();
  readonly #options: PublisherOptions;
  readonly #index: MeshIndex;
  readonly #debounce: Debounce;
  readonly #statuses: Map<string, readonly Condition[]> = new Map();
  #started = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#index = new MeshIndex(options.settings);
    const { debounceAfter, debounceMax, clock } = options;
    this.#debounce = new Debounce({ after: debounceAfter, max: debounceMax, clock, fire: (since) => this.#publish(since) });
  }

  /** A Kubernetes object has changed. */
  set<K extends keyof Inputs>(table: K, key: string, object: Inputs[K] | undefined): void {
    this.#index.set(table, key, object);
    if (this.#started) this.#debounce.touch();
    const conditioned = conditionTables.find((each) => each === table);
    if (this.#started && conditioned !== undefined) this.#options.statusChanged(conditioned, key);
  }

  /** Everything that was there at the beginning has been set: from now on changes are followed as they come. */
  start(): void {
    this.#started = true;
    this.#publish(this.#options.clock.monotonic());
  }

  /** What the object's status should say of ours; undefined: the object is not ours to speak of. */
  conditions(table: ConditionTable, key: string): readonly Condition[] | undefined {
    return this.#statuses.get(`${table} ${key}`);
  }

  [Symbol.dispose](): void {
    this.#debounce[Symbol.dispose]();
  }

  #publish(since: Ms): void {
    const { clock, push, settled, statusChanged, unenforcedChanged } = this.#options;
    const began = clock.monotonic();
    const addresses = new Set<string>();
    const policies = new Set<string>();
    this.#index.settle({
      workload: (uid, workload) => {
        if (this.addresses.setWorkload(uid, workload)) addresses.add(uid);
      },
      service: (key, service) => {
        if (this.addresses.setService(key, service)) addresses.add(key);
      },
      policy: (key, policy) => {
        if (this.policies.set(key, policy)) policies.add(key);
      },
      status: ({ table, key }, conditions) => {
        const subject = `${table} ${key}`;
        if (conditions === undefined) this.#statuses.delete(subject);
        else this.#statuses.set(subject, conditions);
        statusChanged(table, key);
      },
      unenforced: (key, unenforced) => {
        if (unenforced === undefined) this.unenforced.delete(key);
        else this.unenforced.set(key, unenforced);
        unenforcedChanged(key, unenforced);
      },
    });
    settled(ms(clock.monotonic() - began));
    const changes = new Map<string, ReadonlySet<string>>();
    if (policies.size > 0) changes.set(this.policies.typeUrl, policies);
    if (addresses.size > 0) changes.set(this.addresses.typeUrl, addresses);
    if (changes.size > 0) push(changes, since);
  }
}
