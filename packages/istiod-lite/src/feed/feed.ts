// From the API server into the index: one store per kind that the mesh reads, each change handed on.
// Made by app.ts. Objects of namespaces that the mesh does not look at stay out of the index, and come in when that changes.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Kind } from '@ambient-mesh/kube/kind';
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import type { Clock } from '@ambient-mesh/runtime/time';
import { allKinds, type Inputs } from '@ambient-mesh/translate/kinds/all';
import type { Discovery } from './discovery.ts';

export type TableName = keyof Inputs;
export type Stores = { readonly [K in TableName]: Store<Inputs[K]> };

export interface FeedOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly report: WatchReport;
  readonly discovery: Discovery;
  /** Each change, in the order of each kind. Must not throw. */
  readonly set: <K extends TableName>(table: K, key: string, object: Inputs[K] | undefined) => void;
}

/** Kinds that live outside namespaces, and namespaces themselves, are always read. */
const everywhere: ReadonlySet<TableName> = new Set(['nodes', 'namespaces', 'gatewayClasses']);

export class Feed {
  readonly stores: Stores;
  readonly #options: FeedOptions;

  /** Watches until the signal aborts. */
  constructor(options: FeedOptions, signal: AbortSignal) {
    this.#options = options;
    this.stores = openStores(options, signal);
    for (const table of tables) this.#follow(table);
  }

  /** Resolves when everything that was there at the beginning has been handed on. */
  async synced(): Promise<void> {
    await Promise.all(tables.map((table) => this.stores[table].synced));
  }

  /** What the mesh looks at now. */
  discovered<K extends TableName>(table: K): Iterable<Inputs[K]> {
    const { discovery } = this.#options;
    const entries = [...this.stores[table].entries()];
    return entries.filter(([key]) => everywhere.has(table) || discovery.discovers(namespaceOf(key))).map(([, object]) => object);
  }

  #follow<K extends TableName>(table: K): void {
    const { set, discovery } = this.#options;
    this.stores[table].onChange((key, after) => {
      if (table === 'namespaces') this.#namespaceChanged(key);
      if (everywhere.has(table) || discovery.discovers(namespaceOf(key))) set(table, key, after);
    });
  }

  #namespaceChanged(name: string): void {
    if (!this.#options.discovery.update(name, this.stores.namespaces.get(name))) return;
    for (const table of tables) if (!everywhere.has(table)) this.#refill(table, name);
  }

  /** All of one kind in a namespace that is looked at from now on, or no longer. */
  #refill<K extends TableName>(table: K, namespace: string): void {
    const { set, discovery } = this.#options;
    const discovered = discovery.discovers(namespace);
    for (const [key, object] of this.stores[table].entries())
      if (namespaceOf(key) === namespace) set(table, key, discovered ? object : undefined);
  }
}

const tables = Object.keys(allKinds) as readonly TableName[];
const namespaceOf = (key: string): string => key.slice(0, key.indexOf('/'));

function openStores({ client, clock, report }: FeedOptions, signal: AbortSignal): Stores {
  const open = <T>(kind: Kind<T>): Store<T> => watchStore(client, kind, { clock, report }, signal);
  return {
    pods: open(allKinds.pods),
    services: open(allKinds.services),
    endpointSlices: open(allKinds.endpointSlices),
    nodes: open(allKinds.nodes),
    namespaces: open(allKinds.namespaces),
    gateways: open(allKinds.gateways),
    gatewayClasses: open(allKinds.gatewayClasses),
    serviceEntries: open(allKinds.serviceEntries),
    workloadEntries: open(allKinds.workloadEntries),
    authorizationPolicies: open(allKinds.authorizationPolicies),
    peerAuthentications: open(allKinds.peerAuthentications),
    httpRoutes: open(allKinds.httpRoutes),
    grpcRoutes: open(allKinds.grpcRoutes),
    tlsRoutes: open(allKinds.tlsRoutes),
    tcpRoutes: open(allKinds.tcpRoutes),
    virtualServices: open(allKinds.virtualServices),
    destinationRules: open(allKinds.destinationRules),
    requestAuthentications: open(allKinds.requestAuthentications),
    rateLimits: open(allKinds.rateLimits),
    wasmPlugins: open(allKinds.wasmPlugins),
    telemetries: open(allKinds.telemetries),
  };
}
