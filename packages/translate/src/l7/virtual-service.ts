// VirtualService: from the object to the model's route, for the services of the mesh that its hosts name (facts: control-plane §6.5). Pure.
// Called by the index for each VirtualService. HTTP rules are virtual-http.ts's; where they lead, virtual-destination.ts's.
import type { Route, RouteParent, TcpRule } from '@ambient-mesh/model/l7/route';
import type { VirtualService, VirtualStreamMatch, VirtualStreamRoute } from '../kinds/virtual-service.ts';
import { inRevision } from '../revision.ts';
import type { TranslateSettings } from '../settings.ts';
import { createdAt } from './age.ts';
import { exportedTo, fullHost, servicesOf } from './istio-hosts.ts';
import { keyOf, type RouteLookUp, type RouteTarget } from './route-look-up.ts';
import { eachPort, forMesh, type VirtualContext, weighted } from './virtual-destination.ts';
import { httpRulesOf } from './virtual-http.ts';

export interface TranslatedVirtualService {
  /** Absent when no waypoint has anything to do with it. */
  readonly route?: Route;
  /** What is not carried out as written, for people. */
  readonly problems: readonly string[];
}

export function virtualService(object: VirtualService, look: RouteLookUp, settings: TranslateSettings): TranslatedVirtualService {
  const { meta, gateways } = object;
  if (!inRevision(meta, settings.revision) || !forMesh(gateways)) return { problems: [] };
  const targets = targetsOf(object, look, settings);
  if (targets.length === 0) return { problems: [] };
  const problems: string[] = [];
  const ports = [...new Set(targets.flatMap((target) => target.ports.map(({ port }) => port)))].sort((a, b) => a - b);
  const context: VirtualContext = { namespace: meta.namespace, clusterDomain: settings.clusterDomain, look, ports, problems };
  const route: Route = {
    kind: 'VirtualService',
    namespace: meta.namespace,
    name: meta.name,
    createdAt: createdAt(meta.createdAt),
    parents: targets.map((target): RouteParent => ({ service: keyOf(target) })),
    http: [...upToMost(object.http, (each, at) => httpRulesOf(each, `http[${at}]`, context), problems)],
    tcp: [
      ...upToMost(object.tls, (each, at) => streamRulesOf(each, `tls[${at}]`, context), problems),
      ...upToMost(object.tcp, (each, at) => streamRulesOf(each, `tcp[${at}]`, context), problems),
    ],
  };
  return { route, problems: [...new Set(problems)] };
}

/** Each service once, though several hosts may name it. */
function targetsOf({ hosts, exportTo, meta }: VirtualService, look: RouteLookUp, settings: TranslateSettings): readonly RouteTarget[] {
  const found = new Map<string, RouteTarget>();
  for (const host of hosts)
    for (const target of servicesOf(fullHost(host, meta.namespace, settings.clusterDomain), look))
      if (target.reach !== 'alias' && exportedTo(exportTo, meta.namespace, target.namespace)) found.set(keyOf(target), target);
  return [...found.values()];
}

/** Rules that are written down for ports one by one multiply: a small object must not become a large route. */
const mostRules = 10_000;

function* upToMost<W, R>(written: readonly W[], rulesOf: (each: W, at: number) => Iterable<R>, problems: string[]): Generator<R> {
  let made = 0;
  for (const [at, each] of written.entries())
    for (const rule of rulesOf(each, at)) {
      made += 1;
      if (made > mostRules) {
        problems.push(`it comes to more than ${mostRules} rules: those beyond are left out`);
        return;
      }
      yield rule;
    }
}

const anything: Pick<VirtualStreamMatch, 'port' | 'hostnames'> = { port: undefined, hostnames: [] };

function* streamRulesOf({ matches, destinations }: VirtualStreamRoute, place: string, context: VirtualContext): Generator<TcpRule> {
  const meant = matches.length === 0 ? [anything] : matches.filter((match) => isMeant(match, place, context.problems));
  const ports = eachPort(
    destinations.map(({ to }) => to),
    context,
  );
  for (const port of ports)
    for (const match of meant) {
      if (port !== undefined && match.port !== undefined && match.port !== port) continue;
      const at = match.port ?? port;
      const backends = weighted(destinations, at, place, context);
      yield { hostnames: match.hostnames, ...(at !== undefined && { port: at }), backends };
    }
}

function isMeant({ gateways, bySource, byAddress }: VirtualStreamMatch, place: string, problems: string[]): boolean {
  if (!forMesh(gateways)) return false;
  if (bySource) problems.push(`${place}: a match of sourceLabels or sourceNamespace never holds at a waypoint`);
  if (byAddress) problems.push(`${place}: a match of addresses never holds at a waypoint`);
  return !bySource && !byAddress;
}
