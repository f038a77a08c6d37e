// The routes of every service: which of them count for a client, merged and in order (facts: gateway-api-mesh §3.1 to §3.3, control-plane §6.5).
// Pure. Kept by the waypoint's world and asked for each request; tables are made when first asked for, and again when a route of theirs changed.
import { MatchIndex } from './match-index.ts';
import { type MatchInput, RequestView } from './request-view.ts';
import type { Route, RouteKind } from './route.ts';
import { byAge, type CompiledRoute, type CompiledRule, compileRoute, type Entry } from './route-compile.ts';
import { compareRanks } from './route-match.ts';
import { type MatchConnection, matchConnection } from './tcp-match.ts';

export interface Home {
  readonly waypointNamespace: string;
  readonly rootNamespace: string;
}

interface ForRequests {
  readonly match: (request: MatchInput) => CompiledRule | undefined;
  /** For bytes that are not HTTP; absent: they go to the service itself. */
  readonly raw?: MatchConnection;
}

interface ForConnections {
  readonly match: MatchConnection;
}

/** At least one route is attached: what matches nothing is refused. */
export type ServiceRoutes =
  | ({ readonly kind: 'http' } & ForRequests)
  | ({ readonly kind: 'grpc' } & ForRequests)
  | ({ readonly kind: 'tcp' } & ForConnections)
  | ({ readonly kind: 'tls' } & ForConnections);

export type { CompiledRule };

type GatewayKind = Exclude<RouteKind, 'VirtualService'>;

const precedence: readonly GatewayKind[] = ['GRPCRoute', 'HTTPRoute', 'TLSRoute', 'TCPRoute'];

/** Of the kinds attached to one service port only this one is in force; VirtualServices are beside the contest. */
export function winningKind(kinds: Iterable<RouteKind>): GatewayKind | undefined {
  const present = new Set(kinds);
  return precedence.find((kind) => present.has(kind));
}

/** One service's routes by whom they are for. */
interface Attached {
  readonly producers: readonly CompiledRoute[];
  /** By the client's namespace. */
  readonly consumers: ReadonlyMap<string, readonly CompiledRoute[]>;
  /** By port, and for consumers by port and namespace. */
  readonly tables: Map<string | number, ServiceRoutes | 'none'>;
}

export class RouteTables {
  readonly #routes = new Map<string, CompiledRoute>();
  readonly #byService = new Map<string, Map<string, CompiledRoute>>();
  readonly #attached = new Map<string, Attached>();
  readonly #waypointNamespace: string;
  #rootNamespace: string;

  constructor({ waypointNamespace, rootNamespace }: Home) {
    this.#waypointNamespace = waypointNamespace;
    this.#rootNamespace = rootNamespace;
  }

  set rootNamespace(name: string) {
    if (name === this.#rootNamespace) return;
    this.#rootNamespace = name;
    this.#attached.clear();
  }

  /** Throws when the route cannot be compiled; then its last good version stays. */
  put(name: string, route: Route): void {
    const compiled = compileRoute(route);
    this.remove(name);
    this.#routes.set(name, compiled);
    for (const { service } of route.parents) {
      const routes = this.#byService.get(service) ?? new Map<string, CompiledRoute>();
      this.#byService.set(service, routes.set(name, compiled));
      this.#attached.delete(service);
    }
  }

  remove(name: string): void {
    const { route } = this.#routes.get(name) ?? {};
    if (route === undefined) return;
    this.#routes.delete(name);
    for (const { service } of route.parents) {
      const routes = this.#byService.get(service);
      routes?.delete(name);
      if (routes?.size === 0) this.#byService.delete(service);
      this.#attached.delete(service);
    }
  }

  /**
   * `service`: `namespace/hostname`. The routes of the client's own namespace if it has any for this port, else those of the service's owner.
   * Undefined: there are none, the service is its own backend.
   */
  forService(service: string, port: number, client: { readonly namespace: string } | undefined): ServiceRoutes | undefined {
    const routes = this.#byService.get(service);
    if (routes === undefined) return undefined;
    let attached = this.#attached.get(service);
    if (attached === undefined) {
      attached = this.#group(service, routes.values());
      this.#attached.set(service, attached);
    }
    const own = client && attached.consumers.get(client.namespace);
    const consumed = own && client && tableOf(attached, own, { service, port, key: `${port} ${client.namespace}` });
    return consumed ?? tableOf(attached, attached.producers, { service, port, key: port });
  }

  #group(service: string, routes: Iterable<CompiledRoute>): Attached {
    const owners = new Set([service.slice(0, service.indexOf('/')), this.#waypointNamespace]);
    const producers: CompiledRoute[] = [];
    const consumers = new Map<string, CompiledRoute[]>();
    for (const each of routes) {
      const { kind, namespace } = each.route;
      const virtual = kind === 'VirtualService';
      if (owners.has(namespace) || (virtual && namespace === this.#rootNamespace)) producers.push(each);
      else if (!virtual) consumers.set(namespace, [...(consumers.get(namespace) ?? []), each]);
    }
    return { producers, consumers, tables: new Map() };
  }
}

interface Asked {
  readonly service: string;
  readonly port: number;
  readonly key: string | number;
}

function tableOf({ tables }: Attached, candidates: readonly CompiledRoute[], { service, port, key }: Asked): ServiceRoutes | undefined {
  let table = tables.get(key);
  if (table === undefined) {
    const here = candidates.filter(({ route }) => route.parents.some((to) => to.service === service && (to.port ?? port) === port));
    table = merge(here.sort(byAge), port) ?? 'none';
    // Ports are the service's own; this many only when someone asks for others.
    if (tables.size >= mostTables) tables.clear();
    tables.set(key, table);
  }
  return table === 'none' ? undefined : table;
}

const mostTables = 1_000;

/** `routes`: oldest first. Routes of the Gateway API first, in their order of precedence; then VirtualServices as they are written. */
function merge(routes: readonly CompiledRoute[], port: number): ServiceRoutes | undefined {
  const winner = winningKind(routes.map(({ route }) => route.kind));
  const [standard, virtual] = [
    routes.filter(({ route }) => route.kind === winner),
    routes.filter(({ route }) => route.kind === 'VirtualService'),
  ];
  const isHere = ({ match }: Entry): boolean => (match.port ?? port) === port;
  const entries = [
    ...standard.flatMap((each) => each.entries.filter(isHere)).sort((a, b) => compareRanks(a.match.rank, b.match.rank)),
    ...virtual.flatMap((each) => each.entries.filter(isHere)),
  ];
  const rules = [standard, virtual].map((group) => group.flatMap(({ route }) => route.tcp.filter((rule) => (rule.port ?? port) === port)));
  const raw = rules.some(({ length }) => length > 0) ? matchConnection(rules) : undefined;
  const isHttp = winner === 'GRPCRoute' || winner === 'HTTPRoute';
  if (!isHttp && entries.length === 0) return raw && { kind: winner === 'TLSRoute' ? 'tls' : 'tcp', match: raw };
  const index = new MatchIndex(entries);
  const match = (request: MatchInput): CompiledRule | undefined => index.first(new RequestView(request))?.taken;
  return { kind: winner === 'GRPCRoute' ? 'grpc' : 'http', match, ...(raw && { raw }) };
}
