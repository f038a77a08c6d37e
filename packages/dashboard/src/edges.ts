// The graph of a window: flows laid out as nodes and edges, and nothing in it that the viewer may not see. Pure.
// Called by serve.ts with what was measured. A named service stands between client and server; a waypoint is a hop of its own.
import { Figures } from './figures.ts';
import { type Flows, flowsOf } from './flows.ts';
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
  const drawing = new Drawing(sees);
  const flows = flowsOf(measured);
  drawConnections(drawing, flows, waypoints);
  drawHops(drawing, flows);
  return drawing.finish(seconds, known);
}

function drawConnections(drawing: Drawing, { connections, hops }: Flows, waypoints: ReadonlySet<string>): void {
  const spoken = new Map(hops.map((hop) => [legKey(hop.waypoint, hop.service, hop.destination), hop.protocol]));
  for (const { source, service, destination, figures } of connections) {
    const from = drawing.workload(source, waypoints);
    const to = drawing.workload(destination, waypoints);
    if (to.kind === 'waypoint' || service === undefined) {
      drawing.edge(from, to, 'tcp').mergeConnections(figures);
      continue;
    }
    const protocol = from.kind === 'waypoint' ? (spoken.get(legKey(source, service, destination)) ?? 'tcp') : 'tcp';
    const middle = drawing.node('service', service);
    drawing.edge(from, middle, protocol).mergeConnections(figures);
    if (destination !== undefined) drawing.edge(middle, to, protocol).mergeConnections(figures);
  }
}

/** Bytes and connections of a waypoint's requests are told by tunnels where they know of them, and by the waypoint where they do not. */
function drawHops(drawing: Drawing, { connections, hops }: Flows): void {
  const told = new Set(connections.map(({ source, service, destination }) => legKey(source, service, destination)));
  const spoken = new Map<string, Protocol>();
  for (const { waypoint, service, protocol, figures } of hops)
    if (figures.requests > 0 || figures.opened > 0) spoken.set(legKey(waypoint, service, undefined), protocol);
  for (const hop of hops) {
    const { waypoint, service, source, destination, figures } = hop;
    const protocol = spoken.get(legKey(waypoint, service, undefined)) ?? hop.protocol;
    const at = waypoint === undefined ? drawing.node('workload', source) : drawing.node('waypoint', waypoint);
    const middle = service && drawing.node('service', service);
    const legs = middle === undefined ? [[at, drawing.node('workload', destination)] as const] : [[at, middle] as const];
    if (middle !== undefined && destination !== undefined) legs.push([middle, drawing.node('workload', destination)]);
    const isTold = told.has(legKey(waypoint, service, destination));
    for (const [from, to] of legs) addHop(drawing.edge(from, to, protocol), figures, isTold);
    if (waypoint !== undefined) addClient(drawing.edge(drawing.node('workload', source), at, 'tcp'), figures);
  }
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
  readonly #nodes = new Map<string, GraphNode>();
  readonly #legs = new Map<string, Leg>();

  constructor(sees: (namespace: string) => boolean) {
    const known = new Map<string, boolean>();
    this.#sees = (namespace) => {
      const seen = known.get(namespace) ?? sees(namespace);
      known.set(namespace, seen);
      return seen;
    };
  }

  workload(place: Place | undefined, waypoints: ReadonlySet<string>): GraphNode {
    return this.node(place !== undefined && waypoints.has(place.key) ? 'waypoint' : 'workload', place);
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
      const id = nodes.has(`waypoint:${namespace}/${name}`) ? `waypoint:${namespace}/${name}` : `workload:${namespace}/${name}`;
      const node = nodes.get(id);
      if (node !== undefined) nodes.set(id, { ...node, pods, inMesh });
      else if (inMesh && nodes.size < mostNodes) nodes.set(id, { id, kind: 'workload', namespace, name, pods, inMesh });
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

const weight = ({ denied, sent, received, opened }: Figures): number => denied * 1e9 + sent + received + opened;

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

/** Namespaces that anything is said of: what to ask about when a viewer comes. */
export function namespacesOf(measured: Iterable<Measured>, known: Iterable<KnownWorkload>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { subject, by } of measured)
    for (const place of [subject.source, subject.destination, subject.service, by]) if (place !== undefined) names.add(place.namespace);
  for (const { namespace } of known) names.add(namespace);
  return names;
}
