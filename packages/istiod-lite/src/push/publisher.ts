// From changes of Kubernetes objects to changes at the clients: gathers, lets the index follow, encodes what came out, and hands it to the xDS server.
// Made by app.ts, fed by feed/feed.ts. Also keeps what the index says of statuses and unenforced policies for whoever writes them.
import { type L7Resource, l7Type } from '@ambient-mesh/model/l7/resource';
import type { Policy } from '@ambient-mesh/model/policy';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Unenforced } from '@ambient-mesh/translate/authorization-policy';
import type { Inputs } from '@ambient-mesh/translate/kinds/all';
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import type { RouteParentStatus } from '@ambient-mesh/translate/kinds/route-parts';
import { type IndexSink, MeshIndex } from '@ambient-mesh/translate/mesh-index';
import { type RouteTable, routeTables } from '@ambient-mesh/translate/mesh-routes';
import { same } from '@ambient-mesh/translate/same';
import type { TranslateSettings } from '@ambient-mesh/translate/settings';
import { encodePolicy } from '@ambient-mesh/wire/xds/encode';
import { authorizationType } from '@ambient-mesh/wire/xds/subscription';
import { type ConditionTable, conditionTables } from '../status/condition-writer.ts';
import { AddressCatalogue } from './address-catalogue.ts';
import { Debounce } from './debounce.ts';
import { encodeL7 } from './encode-l7.ts';
import { NamedCatalogue } from './named-catalogue.ts';

/** Tables of objects with a status of ours. */
export type StatusTable = ConditionTable | RouteTable;

const statusTables: readonly StatusTable[] = [...conditionTables, ...routeTables];

export interface PublisherOptions {
  readonly settings: TranslateSettings;
  readonly debounceAfter: Ms;
  readonly debounceMax: Ms;
  readonly clock: Clock;
  /** What clients have to hear of: names by type. `since`: when the oldest change came, by the monotonic clock. */
  readonly push: (changes: ReadonlyMap<string, ReadonlySet<string>>, since: Ms) => void;
  /** The object should say something else in its status. */
  readonly statusChanged: (table: StatusTable, key: string) => void;
  /** Of an object, by the name of its resource: what is not carried out as written, and was not said before. */
  readonly problemsFound: (name: string, problems: readonly string[]) => void;
  readonly unenforcedChanged: (policy: string, unenforced: Unenforced | undefined) => void;
  /** How long the index took. */
  readonly settled: (took: Ms) => void;
}

export class Publisher implements Disposable {
  readonly addresses: AddressCatalogue = new AddressCatalogue();
  readonly policies: NamedCatalogue<Policy> = new NamedCatalogue(authorizationType, encodePolicy);
  /** What waypoints are told beside addresses. */
  readonly l7: NamedCatalogue<L7Resource> = new NamedCatalogue(l7Type, encodeL7);
  /** By policy, as `namespace/name`. */
  readonly unenforced: Map<string, Unenforced> = new Map();
  /** What is not carried out as written, by the name of the resource. */
  readonly problems: Map<string, readonly string[]> = new Map();
  readonly #options: PublisherOptions;
  readonly #index: MeshIndex;
  readonly #debounce: Debounce;
  readonly #statuses: Map<string, readonly Condition[]> = new Map();
  readonly #routeStatuses: Map<string, readonly RouteParentStatus[]> = new Map();
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
    const withStatus = statusTables.find((each) => each === table);
    if (this.#started && withStatus !== undefined) this.#options.statusChanged(withStatus, key);
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

  /** What the route's status should say of parents that are ours; undefined: the route is not ours to speak of. */
  routeParents(table: RouteTable, key: string): readonly RouteParentStatus[] | undefined {
    return this.#routeStatuses.get(`${table} ${key}`);
  }

  [Symbol.dispose](): void {
    this.#debounce[Symbol.dispose]();
  }

  #publish(since: Ms): void {
    const { clock, push, settled } = this.#options;
    const began = clock.monotonic();
    const changes = new Map([this.policies, this.addresses, this.l7].map(({ typeUrl }) => [typeUrl, new Set<string>()] as const));
    this.#index.settle(this.#sink((typeUrl, name) => changes.get(typeUrl)?.add(name)));
    settled(ms(clock.monotonic() - began));
    for (const [typeUrl, names] of changes) if (names.size === 0) changes.delete(typeUrl);
    if (changes.size > 0) push(changes, since);
  }

  #sink(changed: (typeUrl: string, name: string) => void): IndexSink {
    const { statusChanged, problemsFound, unenforcedChanged } = this.#options;
    const { addresses, policies, l7, problems, unenforced } = this;
    return {
      workload: (uid, workload) => {
        if (addresses.setWorkload(uid, workload)) changed(addresses.typeUrl, uid);
      },
      service: (key, service) => {
        if (addresses.setService(key, service)) changed(addresses.typeUrl, key);
      },
      policy: (key, policy) => {
        if (policies.set(key, policy)) changed(policies.typeUrl, key);
      },
      l7: (name, resource) => {
        if (l7.set(name, resource)) changed(l7.typeUrl, name);
      },
      status: ({ table, key }, conditions) => {
        keep(this.#statuses, `${table} ${key}`, conditions);
        statusChanged(table, key);
      },
      routeStatus: ({ table, key }, parents) => {
        keep(this.#routeStatuses, `${table} ${key}`, parents);
        statusChanged(table, key);
      },
      problems: (name, now = []) => {
        if (now.length > 0 && !same(problems.get(name), now)) problemsFound(name, now);
        keep(problems, name, now.length > 0 ? now : undefined);
      },
      unenforced: (key, now) => {
        keep(unenforced, key, now);
        unenforcedChanged(key, now);
      },
    };
  }
}

function keep<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
