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
 * What both sides tell counts once, by the destination's words: it alone knows of denials. Which service was meant is the client's to say; the
 * other side only guesses. A failure that only the source tells is kept, unless it is how it saw a denial.
 */
function reconciled({ source, destination, denials }: Pair): readonly Flow[] {
  const flows = source.size > 0 ? [...source.values()] : [...destination.values(), ...(destination.size > 0 ? [] : denials.values())];
  const home = (service: string): Flow | undefined => {
    const named = flows.find((flow) => (flow.service?.key ?? '') === service);
    return (
      named ?? flows.reduce<Flow | undefined>((best, flow) => (best && best.figures.opened >= flow.figures.opened ? best : flow), undefined)
    );
  };
  const merged = new Map(flows.map((flow) => [flow, new Figures()]));
  const into = (service: string): Figures => merged.get(home(service) ?? fail()) ?? fail();
  for (const [service, { figures }] of destination) into(service).mergeConnections(figures);
  const unanswered = new Map([...merged].map(([flow, figures]) => [flow, !figures.told]));
  for (const [service, { figures }] of denials) {
    into(service).explainDenials(figures);
  }
  for (const flow of source.values()) {
    const figures = merged.get(flow) ?? fail();
    if (unanswered.get(flow)) {
      const { failed } = flow.figures;
      figures.mergeConnections(flow.figures);
      figures.failed = Math.max(0, failed - figures.denied);
    } else figures.failed = Math.max(figures.failed, flow.figures.failed - figures.denied);
  }
  return flows.map((flow) => ({ ...flow, figures: merged.get(flow) ?? fail() }));
}

function fail(): never {
  throw new TypeError('a flow that was just listed is not there');
}
