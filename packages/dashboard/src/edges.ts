// The graph of a window: flows laid out as nodes and edges, and nothing in it that the viewer may not see. Pure.
// Called by serve.ts with what was measured. A named service stands between client and server; a waypoint is a hop of its own.
import { Figures } from './figures.ts';
import { type Flow, flowsOf, type Hop } from './flows.ts';
import type { Graph, GraphEdge, GraphNode, NodeKind, Protocol } from './graph.ts';
import type { Measured, Place } from './series.ts';

/** A workload that is there, whether anybody talks to it or not. */
export interface KnownWorkload {
  readonly namespace: string;
  readonly name: string;
  readonly pods: number;
  readonly inMesh: boolean;
}

export interface GraphInput {
  readonly measured: Iterable<Measured>;
  /** What `measured` covers, in seconds; 0: counters were seen once only. */
  readonly seconds: number;
  /** `namespace/name` of waypoints. */
  readonly waypoints: ReadonlySet<string>;
  readonly known: Iterable<KnownWorkload>;
  /** Whether the viewer may see this namespace. */
  readonly sees: (namespace: string) => boolean;
}

/** The busiest are kept. */
const mostEdges = 10_000;
const mostNodes = 5_000;

export function graphOf({ measured, seconds, waypoints, known, sees }: GraphInput): Pick<Graph, 'nodes' | 'edges'> {
  const drawing = new Drawing(sees, waypoints);
  const { connections, hops } = flowsOf(measured);
  const legs = Map.groupBy(hops, ({ waypoint, destination }) => legKey(waypoint, destination));
  const named = connections.map((flow) => namedByHops(flow, legs.get(legKey(flow.source, flow.destination))));
  const spoken = protocolsOf(hops);
  for (const flow of named) drawConnections(drawing, flow, spoken, waypoints);
  const told = new Set(named.map(({ source, service, destination }) => legKey(source, service, destination)));
  for (const hop of hops) drawHop(drawing, hop, spoken, told.has(legKey(hop.waypoint, hop.service, hop.destination)));
  return drawing.finish(seconds, known);
}

const isAmong = (keys: ReadonlySet<string>, place: Place | undefined): boolean => place !== undefined && keys.has(place.key);

/** The waypoint knows which service it went for, where the server's tunnel guesses. */
function namedByHops(flow: Flow, hops: readonly Hop[] = []): Flow {
  const isNamed = hops.length === 0 || hops.some(({ service }) => service?.key === flow.service?.key);
  return isNamed ? flow : { ...flow, service: hops[0]?.service };
}

/** By waypoint and service; denials alone do not tell. */
function protocolsOf(hops: readonly Hop[]): ReadonlyMap<string, Protocol> {
  const telling = hops.filter(({ figures }) => figures.requests > 0 || figures.opened > 0);
  return new Map([...hops, ...telling].map(({ waypoint, service, protocol }) => [legKey(waypoint, service), protocol]));
}

function drawConnections(drawing: Drawing, flow: Flow, spoken: ReadonlyMap<string, Protocol>, waypoints: ReadonlySet<string>): void {
  const { source, service, destination, figures } = flow;
  const [from, to] = [drawing.workload(source), drawing.workload(destination)];
  const protocol = spoken.get(legKey(source, service)) ?? 'tcp';
  if (service === undefined || isAmong(waypoints, destination)) {
    drawing.edge(from, to, protocol).mergeConnections(figures);
    return;
  }
  const middle = drawing.node('service', service);
  drawing.edge(from, middle, protocol).mergeConnections(figures);
  if (destination !== undefined) drawing.edge(middle, to, protocol).mergeConnections(figures);
}

/** `isTold`: bytes and connections behind the waypoint are told by the server's tunnel, which says more of them. */
function drawHop(drawing: Drawing, hop: Hop, spoken: ReadonlyMap<string, Protocol>, isTold: boolean): void {
  const { waypoint, service, source, destination, figures } = hop;
  const protocol = spoken.get(legKey(waypoint, service)) ?? hop.protocol;
  const client = drawing.workload(source);
  const at = waypoint === undefined ? client : drawing.node('waypoint', waypoint);
  const server = drawing.workload(destination);
  const middle = service === undefined ? server : drawing.node('service', service);
  addHop(drawing.edge(at, middle, protocol), figures, isTold);
  if (service !== undefined && destination !== undefined) addHop(drawing.edge(middle, server, protocol), figures, isTold);
  if (waypoint !== undefined) addClient(drawing.edge(client, at, 'tcp'), figures);
}

function addHop(edge: Figures, figures: Figures, isTold: boolean): void {
  if (isTold) edge.mergeDenials(figures);
  else edge.mergeConnections(figures);
  edge.mergeRequests(figures);
}

/** The client's tunnel has told the rest. */
function addClient(edge: Figures, figures: Figures): void {
  edge.mergeDenials(figures);
  edge.mergeRequests(figures);
  edge.source.add(figures.source.value);
}

const legKey = (...places: readonly (Place | undefined)[]): string => places.map((place) => place?.key ?? '').join(' ');

type Leg = { readonly from: GraphNode; readonly to: GraphNode; readonly protocol: Protocol; readonly figures: Figures };

const outside: GraphNode = { id: 'unknown', kind: 'unknown', namespace: '', name: 'outside the mesh' };

class Drawing {
  readonly #sees: (namespace: string) => boolean;
  readonly #waypoints: ReadonlySet<string>;
  readonly #nodes = new Map<string, GraphNode>();
  readonly #legs = new Map<string, Leg>();

  constructor(sees: (namespace: string) => boolean, waypoints: ReadonlySet<string>) {
    this.#waypoints = waypoints;
    const known = new Map<string, boolean>();
    this.#sees = (namespace) => {
      const seen = known.get(namespace) ?? sees(namespace);
      known.set(namespace, seen);
      return seen;
    };
  }

  workload(place: Place | undefined): GraphNode {
    return this.node(isAmong(this.#waypoints, place) ? 'waypoint' : 'workload', place);
  }

  /** What may not be seen is as what is not known. */
  node(kind: Exclude<NodeKind, 'unknown'>, place: Place | undefined): GraphNode {
    if (place === undefined || !this.#sees(place.namespace)) return outside;
    const id = `${kind}:${place.key}`;
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const node = { id, kind, namespace: place.namespace, name: place.name };
    this.#nodes.set(id, node);
    return node;
  }

  edge(from: GraphNode, to: GraphNode, protocol: Protocol): Figures {
    if (from === outside && to === outside) return new Figures();
    const id = `${from.id}>${to.id}>${protocol}`;
    const known = this.#legs.get(id);
    if (known !== undefined) return known.figures;
    const leg = { from, to, protocol, figures: new Figures() };
    this.#legs.set(id, leg);
    return leg.figures;
  }

  finish(seconds: number, known: Iterable<KnownWorkload>): Pick<Graph, 'nodes' | 'edges'> {
    const legs = [...this.#legs];
    if (legs.length > mostEdges) legs.sort(([, { figures: a }], [, { figures: b }]) => weight(b) - weight(a)).splice(mostEdges);
    const edges = legs.map(([id, leg]) => this.#written(id, leg, seconds)).sort(byId);
    const drawn = new Set(legs.flatMap(([, { from, to }]) => [from.id, to.id]));
    return { nodes: this.#nodesOf(drawn, known), edges };
  }

  #nodesOf(drawn: ReadonlySet<string>, known: Iterable<KnownWorkload>): readonly GraphNode[] {
    const nodes = new Map([...this.#nodes, [outside.id, outside] as const].filter(([id]) => drawn.has(id)));
    for (const { namespace, name, pods, inMesh } of known) {
      if (!this.#sees(namespace)) continue;
      const kind = this.#waypoints.has(`${namespace}/${name}`) ? 'waypoint' : 'workload';
      const id = `${kind}:${namespace}/${name}`;
      const node = nodes.get(id);
      if (node !== undefined) nodes.set(id, { ...node, pods, inMesh });
      else if (inMesh && nodes.size < mostNodes) nodes.set(id, { id, kind, namespace, name, pods, inMesh });
    }
    return [...nodes.values()].sort(byId);
  }

  #written(id: string, { from, to, protocol, figures }: Leg, seconds: number): GraphEdge {
    const principals = { source: this.#shown(figures.source.value), destination: this.#shown(figures.destination.value) };
    const rates = figures.rates(seconds);
    return { id, from: from.id, to: to.id, protocol, ...rates, deniedBy: this.#policies(figures), principals };
  }

  #policies({ policies }: Figures): readonly string[] {
    const counted = [...policies].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
    return [...new Set(counted.map(([policy]) => this.#policy(policy)))];
  }

  #policy(policy: string): string {
    if (policy === 'none') return 'no policy allows it';
    return this.#sees(policy.slice(0, policy.indexOf('/'))) ? policy : 'a policy that you may not see';
  }

  /** Names of identities tell of namespaces. */
  #shown(principal: string): string {
    const namespace = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\//.exec(principal)?.[1];
    return namespace !== undefined && this.#sees(namespace) ? principal : '';
  }
}

const weight = ({ denials, sent, received, opened }: Figures): number => denials * 1e9 + sent + received + opened;

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

/** Namespaces that anything is said of: what to ask about when a viewer comes. */
export function namespacesOf(measured: Iterable<Measured>, known: Iterable<KnownWorkload>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { subject, by } of measured)
    for (const place of [subject.source, subject.destination, subject.service, by]) if (place !== undefined) names.add(place.namespace);
  for (const { namespace } of known) names.add(namespace);
  return names;
}
