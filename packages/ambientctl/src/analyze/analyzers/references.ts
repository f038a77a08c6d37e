// IST0101: routes, policies and rules that name what does not exist.
// What a route's translation finds is taken from its conditions; hosts and subsets of Istio's objects are looked up here, since no status speaks of them.
import type { DestinationRule } from '@ambient-mesh/translate/kinds/destination-rule';
import type { VirtualDestination, VirtualService } from '@ambient-mesh/translate/kinds/virtual-service';
import { fullHost } from '@ambient-mesh/translate/l7/istio-hosts';
import { forMesh } from '@ambient-mesh/translate/l7/virtual-destination';
import { selects } from '@ambient-mesh/translate/selector';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding } from '../finding.ts';
import { subjectAt, type World } from '../world.ts';
import { hostsCalled, podsBehind } from './hosts.ts';

export const references: Analyzer = {
  name: 'references.Analyzer',
  about: 'routes, policies and rules name only what exists',
  codes: ['IST0101'],
  *run(world) {
    yield* ofRoutes(world);
    for (const object of world.objects.virtualServices.values()) yield* ofVirtualService(world, object);
    for (const object of world.objects.destinationRules.values()) yield* ofDestinationRule(world, object);
    yield* ofSourceNamespaces(world);
  },
};

/** Reasons of conditions that are about something missing; others are the schema's affair. */
export const missing: ReadonlySet<string> = new Set(['NoMatchingParent', 'BackendNotFound']);

function* ofRoutes({ judged }: World): Iterable<Finding> {
  for (const { table, key, parents } of judged.routes) {
    const bad = parents.flatMap(({ conditions }) => conditions.filter(({ status, reason }) => status === 'False' && missing.has(reason)));
    for (const message of new Set(bad.map((each) => each.message))) yield finding('IST0101', subjectAt(table, key), message);
  }
}

function* ofVirtualService(world: World, object: VirtualService): Iterable<Finding> {
  const { meta, gateways, http, tls, tcp } = object;
  if (!forMesh(gateways)) return;
  const ends = [...http, ...tls, ...tcp].flatMap(({ destinations }) => destinations.map(({ to }) => to));
  const mirrors = http.flatMap((route) => route.mirrors.map(({ to }) => to));
  const said = new Set([...ends, ...mirrors].flatMap((to) => troubleWith(world, meta.namespace, to) ?? []));
  for (const text of said) yield finding('IST0101', { kind: 'VirtualService', ...meta }, text);
}

function troubleWith(world: World, namespace: string, { host, subset }: VirtualDestination): string | undefined {
  if (hostsCalled(world, host, namespace).length === 0) return `It leads to host ${host}, which no Service or ServiceEntry has.`;
  if (subset === '') return undefined;
  const { clusterDomain } = world.settings;
  const wanted = fullHost(host, namespace, clusterDomain);
  const rules = [...world.objects.destinationRules.values()].filter(
    (rule) => fullHost(rule.host, rule.meta.namespace, clusterDomain) === wanted,
  );
  const isDefined = rules.some(({ subsets }) => subsets.some(({ name }) => name === subset));
  return isDefined ? undefined : `It leads to subset ${subset} of host ${host}, which no DestinationRule defines.`;
}

function* ofDestinationRule(world: World, { meta, host, subsets }: DestinationRule): Iterable<Finding> {
  const subject = { kind: 'DestinationRule', ...meta };
  const hosts = hostsCalled(world, host, meta.namespace);
  if (hosts.length === 0) {
    yield finding('IST0101', subject, `It is for host ${host}, which no Service or ServiceEntry has.`);
    return;
  }
  const pods = hosts.flatMap((each) => podsBehind(world, each));
  // Endpoints that are no pods have labels of their own.
  if (pods.length === 0) return;
  for (const { name, labels } of subsets)
    if (Object.keys(labels).length > 0 && !pods.some((pod) => selects(labels, pod.meta.labels)))
      yield finding('IST0101', subject, `Its subset ${name} selects none of the pods of ${host}: requests that are sent there fail.`);
}

/** Only where all namespaces are known. */
function* ofSourceNamespaces({ objects, isLive }: World): Iterable<Finding> {
  if (!isLive) return;
  for (const { meta, rules } of objects.authorizationPolicies.values()) {
    const named = rules.flatMap(({ from }) => from.flatMap(({ namespaces, notNamespaces }) => [...namespaces, ...notNamespaces]));
    for (const name of new Set(named))
      if (!name.includes('*') && !objects.namespaces.has(name))
        yield finding('IST0101', { kind: 'AuthorizationPolicy', ...meta }, `It names namespace ${name}, which does not exist.`);
  }
}
