// Traffic as it was, whoever told it: both tunnels' words about the same connections become one, and waypoints' words about requests are kept beside.
// Called by edges.ts, which draws it. Pure.
import { Figures } from './figures.ts';
import type { Protocol } from './graph.ts';
import type { Measured, Place, Subject } from './series.ts';

/** Connections between two workloads. */
export interface Flow {
  readonly source: Place | undefined;
  readonly destination: Place | undefined;
  readonly service: Place | undefined;
  readonly figures: Figures;
}

/** Requests, or raw connections, through a waypoint. */
export interface Hop extends Flow {
  /** Undefined: some waypoint, nobody knows which. */
  readonly waypoint: Place | undefined;
  readonly protocol: Protocol;
}

export interface Flows {
  readonly connections: readonly Flow[];
  readonly hops: readonly Hop[];
}

/** What is told of a pair of workloads, by key of the service that was meant. */
interface Pair {
  readonly source: Map<string, Flow>;
  readonly destination: Map<string, Flow>;
  readonly denials: Map<string, Flow>;
}

export function flowsOf(measured: Iterable<Measured>): Flows {
  const pairs = new Map<string, Pair>();
  const hops = new Map<string, Hop>();
  for (const each of measured) {
    const { subject, by } = each;
    if (subject.reporter === 'waypoint' || by !== undefined) hopOf(hops, each).figures.add(each);
    else {
      const pair = pairs.get(subject.pairKey) ?? { source: new Map(), destination: new Map(), denials: new Map() };
      pairs.set(subject.pairKey, pair);
      flowOf(pair[subject.reporter ?? 'denials'], subject).figures.add(each);
    }
  }
  return { connections: pairs.values().flatMap(reconciled).toArray(), hops: [...hops.values()] };
}

function flowOf(flows: Map<string, Flow>, { source, destination, service }: Subject): Flow {
  const key = service?.key ?? '';
  const known = flows.get(key);
  if (known !== undefined) return known;
  const flow = { source, destination, service, figures: new Figures() };
  flows.set(key, flow);
  return flow;
}

function hopOf(hops: Map<string, Hop>, { subject, by: waypoint }: Measured): Hop {
  const { source, destination, service, protocol, pairKey, reporter } = subject;
  // Denials do not say.
  const spoken = reporter === undefined ? 'http' : protocol;
  const key = `${waypoint?.key ?? ''} ${pairKey} ${service?.key ?? ''} ${spoken}`;
  const known = hops.get(key);
  if (known !== undefined) return known;
  const hop = { source, destination, service, waypoint, protocol: spoken, figures: new Figures() };
  hops.set(key, hop);
  return hop;
}

/**
 * What both sides tell counts once. The client's side knows which service was meant, where the other one guesses; the server's side alone knows
 * of denials, which to the client's are failures like any other. What only one side tells is taken from that one.
 */
function reconciled({ source, destination, denials }: Pair): readonly Flow[] {
  for (const [service, { figures }] of denials) destination.get(service)?.figures.explainDenials(figures);
  const untold = [...denials.values()].filter(({ service }) => !destination.has(service?.key ?? ''));
  const judged = [...destination.values(), ...untold];
  if (source.size === 0) return judged;
  const flows = [...source.values()];
  for (const { service, figures } of judged) if (figures.denials > 0) spread(figures, flows, service?.key ?? '');
  return flows;
}

/** Denials belong where the client's side saw failures: of the same service if it can be. */
function spread(judged: Figures, flows: readonly Flow[], service: string): void {
  const fits = ({ service: meant, figures }: Flow): number => (figures.failed > 0 ? 2 : 0) + ((meant?.key ?? '') === service ? 1 : 0);
  const ordered = flows.toSorted((a, b) => fits(b) - fits(a) || b.figures.opened - a.figures.opened);
  const all = judged.denials;
  let left = all;
  for (const { figures } of ordered) {
    const taken = Math.min(left, figures.failed);
    figures.takeDenials(judged, taken / all);
    figures.failed -= taken;
    left -= taken;
  }
  ordered[0]?.figures.takeDenials(judged, left / all);
}
