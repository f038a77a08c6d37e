// Where rules of a VirtualService lead, with and without a port of their own. Pure.
// Used by virtual-service.ts and virtual-http.ts.
import type { Backend, Destination, Filter, HeaderEdit } from '@ambient-mesh/model/l7/route';
import type { HeaderOperations, VirtualDestination, WeightedDestination } from '../kinds/virtual-service.ts';
import { fullHost } from './istio-hosts.ts';
import { nearest } from './route-destination.ts';
import { keyOf, type RouteLookUp } from './route-look-up.ts';

export interface VirtualContext {
  /** The object's. */
  readonly namespace: string;
  readonly clusterDomain: string;
  readonly look: RouteLookUp;
  /** Of all services that it is for. */
  readonly ports: readonly number[];
  /** Takes what is not carried out as written. */
  readonly problems: string[];
}

/** Whether a list of gateways means the mesh; without one it does. */
export const forMesh = (gateways: readonly string[]): boolean => gateways.length === 0 || gateways.includes('mesh');

/**
 * The ports that a rule has to be written down for one by one, since one of its destinations is "the port that was dialled";
 * otherwise undefined alone: once, for all.
 */
export function eachPort(destinations: readonly VirtualDestination[], context: VirtualContext): readonly (number | undefined)[] {
  const follows = destinations.some((to) => to.port === undefined && (targetOf(to, context)?.ports.length ?? 1) !== 1);
  return follows ? context.ports : [undefined];
}

const targetOf = ({ host }: VirtualDestination, { namespace, clusterDomain, look }: VirtualContext) =>
  nearest(look.named(fullHost(host, namespace, clusterDomain)), namespace);

/** A service of one port needs no number; with several, it is the one `dialled`. */
export function destinationOf(to: VirtualDestination, dialled: number | undefined, place: string, context: VirtualContext): Destination {
  const invalid = (why: string): Destination => {
    context.problems.push(`${place}: ${why}`);
    return { invalid: why };
  };
  const target = targetOf(to, context);
  if (target === undefined || target.reach === 'alias') return invalid(`the mesh has no service ${to.host}`);
  const [only, ...others] = target.ports;
  const port = to.port ?? (others.length === 0 ? only?.port : dialled);
  if (port === undefined || !target.ports.some((each) => each.port === port))
    return invalid(`service ${to.host} has no port ${port ?? ''}`);
  return { service: keyOf(target), port, ...(to.subset !== '' && { subset: to.subset }) };
}

/** The weight of a single destination does not matter. */
export const weighted = (
  destinations: readonly WeightedDestination[],
  dialled: number | undefined,
  place: string,
  context: VirtualContext,
): readonly Backend[] =>
  destinations.map(({ to, weight, headers }) => ({
    weight: destinations.length === 1 ? 1 : weight,
    to: destinationOf(to, dialled, place, context),
    filters: headerFilters(headers),
  }));

export const headerFilters = ({ request, response }: HeaderOperations): readonly Filter[] => [
  ...(changes(request) ? [{ filter: 'request-headers' as const, ...request }] : []),
  ...(changes(response) ? [{ filter: 'response-headers' as const, ...response }] : []),
];

const changes = ({ set, add, remove }: HeaderEdit): boolean => set.length + add.length + remove.length > 0;
