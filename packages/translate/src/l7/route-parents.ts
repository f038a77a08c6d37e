// Where a route of the Gateway API is attached: which of its parents are services of the mesh, and whether they take it (facts: gateway-api-mesh §3.1).
// Used by the translators of the four kinds; what it finds becomes parents of the model's route, and words of the status.
import type { RouteKind, RouteParent } from '@ambient-mesh/model/l7/route';
import type { ParentRef } from '../kinds/route-parts.ts';
import type { Finding } from './route-findings.ts';
import { keyOf, type RouteLookUp, type RoutePort, type RouteTarget } from './route-look-up.ts';

/** What the translators of all kinds need of a route. */
export interface Attaching {
  readonly meta: { readonly namespace: string };
  readonly parentRefs: readonly ParentRef[];
}

/** One parent that is a service of the mesh, or says to be. */
export interface JudgedParent {
  readonly parentRef: ParentRef;
  /** Absent when it takes the route. */
  readonly refused?: Finding;
  /** Empty when refused. */
  readonly parents: readonly RouteParent[];
  /** What the status says of waypoints. */
  readonly waypoints: string;
}

/** Which of several kinds on one port counts; the others are in conflict with it. */
const rank: readonly RouteKind[] = ['GRPCRoute', 'HTTPRoute', 'TLSRoute', 'TCPRoute'];

/** Parents that are no services (Gateways) are somebody else's. */
export function judgeParents(route: Attaching, kind: RouteKind, look: RouteLookUp): readonly JudgedParent[] {
  return attached(route, look).map(({ parentRef, name, targets }) => {
    if (targets === undefined)
      return { parentRef, refused: noMatch(`${name} was not found`), parents: [], waypoints: `${name} was not found` };
    const judged = targets.map((target) => judge({ parentRef, name, target, kind, namespace: route.meta.namespace }, look));
    const parents = judged.flatMap(({ parent }) => parent ?? []);
    const refused = parents.length > 0 ? undefined : (judged[0]?.refused ?? noMatch(`${name} has no hosts`));
    const unbound = targets.some(({ waypoint }) => waypoint === '');
    const waypoints = unbound ? `${name} is not bound to a waypoint: label it or its namespace with istio.io/use-waypoint` : resolved;
    return { parentRef, ...(refused && { refused }), parents, waypoints };
  });
}

const resolved = 'All waypoints resolved';

/** Every port of a service that the route is written for, `service` as `namespace/hostname`: what `kindsAt` answers from. */
export const placesOf = (route: Attaching, look: RouteLookUp): readonly { readonly service: string; readonly port: number }[] =>
  attached(route, look).flatMap(({ parentRef, targets = [] }) =>
    targets
      .filter(({ reach }) => reach === 'address')
      .flatMap((target) => portsMeant(parentRef, target).map(({ port }) => ({ service: keyOf(target), port }))),
  );

interface Attached {
  readonly parentRef: ParentRef;
  /** For messages. */
  readonly name: string;
  readonly targets: readonly RouteTarget[] | undefined;
}

const attached = ({ meta, parentRefs }: Attaching, look: RouteLookUp): readonly Attached[] =>
  parentRefs.flatMap((parentRef) => {
    const { group, kind = '', name, namespace = meta.namespace } = parentRef;
    const named = { parentRef, name: `${kind} ${namespace}/${name}` };
    if (kind === 'Service' && (group === '' || group === 'core')) {
      const target = look.service(namespace, name);
      return { ...named, targets: target && [target] };
    }
    if (kind === 'ServiceEntry' && group === 'networking.istio.io') return { ...named, targets: look.serviceEntry(namespace, name) };
    return [];
  });

interface Question {
  readonly parentRef: ParentRef;
  readonly name: string;
  readonly target: RouteTarget;
  readonly kind: RouteKind;
  readonly namespace: string;
}

function judge(
  { parentRef, name, target, kind, namespace }: Question,
  look: RouteLookUp,
): { readonly parent?: RouteParent; readonly refused?: Finding } {
  if (target.reach !== 'address')
    return { refused: noMatch(`${name} is ${words[target.reach]}: there is no frontend for a route to stand at`) };
  const ports = portsMeant(parentRef, target);
  if (ports.length === 0) return { refused: noMatch(`${name} has no port ${portWanted(parentRef)}`) };
  const stronger = rank.slice(0, rank.indexOf(kind));
  const winners = ports.map(({ port }) => {
    const kinds = stronger.length === 0 ? [] : look.kindsAt(keyOf(target), port, namespace);
    return stronger.find((each) => kinds.includes(each));
  });
  const [winner] = winners;
  if (winner !== undefined && !winners.includes(undefined))
    return { refused: { reason: 'Conflicted', message: `${name} has a ${winner} on the same ports, which goes before a ${kind}` } };
  const service = keyOf(target);
  const [only] = ports;
  return { parent: only && narrows(parentRef) ? { service, port: only.port } : { service } };
}

const narrows = ({ port, sectionName }: ParentRef): boolean => port !== undefined || sectionName !== undefined;

/** With both a number and a name, one port has to have both. */
const portsMeant = ({ port, sectionName }: ParentRef, { ports }: RouteTarget): readonly RoutePort[] =>
  ports.filter((each) => (port === undefined || each.port === port) && (sectionName === undefined || each.name === sectionName));

const portWanted = ({ port, sectionName }: ParentRef): string =>
  [port, sectionName].filter((each) => each !== undefined).join(' named ') || 'that carries TCP';

const words = { headless: 'headless', alias: 'of type ExternalName' } as const;

const noMatch = (message: string): Finding => ({ reason: 'NoMatchingParent', message });
