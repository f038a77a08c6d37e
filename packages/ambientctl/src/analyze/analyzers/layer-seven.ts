// AMB0001, AMB0002, and IST0101 for targets: policies of requests and routes that no waypoint carries out.
// Each target is judged by the control plane's own rule, one by one, so that each gets its own reason.
import { objectOf } from '@ambient-mesh/kube/raw';
import type { Table } from '@ambient-mesh/translate/explain/mesh-of';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import type { PolicyTarget } from '@ambient-mesh/translate/kinds/policy-target';
import { labels } from '@ambient-mesh/translate/kinds/read';
import { type TargetLookUp, targetVerdict } from '@ambient-mesh/translate/policy-targets';
import { bindingOf } from '@ambient-mesh/translate/waypoint-binding';
import type { Analyzer } from '../analyzer.ts';
import { type Finding, finding, someOf } from '../finding.ts';
import { isForSidecars } from '../membership.ts';
import { keyOf, subjectAt, type World } from '../world.ts';
import { hostsCalled } from './hosts.ts';
import { waypointsOf } from './known-waypoints.ts';

export const layerSeven: Analyzer = {
  name: 'waypoint.LayerSevenAnalyzer',
  about: 'whatever speaks of requests has a waypoint that sees them',
  codes: ['AMB0001', 'AMB0002', 'IST0101', 'IST0106'],
  *run(world) {
    yield* ofSelectors(world);
    yield* ofTargets(world);
    yield* ofRoutes(world);
    yield* ofVirtualServices(world);
  },
};

const policyTables = ['authorizationPolicies', 'requestAuthentications', 'rateLimits', 'wasmPlugins', 'telemetries'] as const;
const unreached = /targetRefs only/;

/** Policies without targets: node tunnels enforce what they see of them, which is nothing of requests. */
function* ofSelectors(world: World): Iterable<Finding> {
  const { judged, objects } = world;
  const enforced = sidecarPolicies(world);
  const told = function* (table: Table, key: string, message: string): Iterable<Finding> {
    if (!enforced.has(`${table}/${key}`)) yield finding('AMB0001', subjectAt(table, key), message);
  };
  for (const [key, { reason, message }] of judged.unenforced)
    if (reason === 'L7Attributes') yield* told('authorizationPolicies', key, message);
  for (const [key, { action, targets }] of objects.authorizationPolicies)
    if (action === 'CUSTOM' && targets.length === 0)
      yield* told('authorizationPolicies', key, 'Only waypoints ask an external authorizer (action CUSTOM).');
  for (const { table, key, problem } of judged.problems)
    if (unreached.test(problem)) yield* told(table, key, 'Nothing enforces it: waypoints are reached by targetRefs only.');
}

/** `table/key`. */
function sidecarPolicies(world: World): ReadonlySet<string> {
  if (world.injected.size === 0) return new Set();
  const tableOf = new Map<string, Table>(policyTables.map((table) => [allKinds[table].kind, table]));
  return new Set(
    world.written.flatMap(({ subject, raw }) => {
      const table = tableOf.get(subject.kind);
      const selector = labels(objectOf(objectOf(raw.spec).selector).matchLabels);
      return table !== undefined && isForSidecars(world, subject.namespace, selector) ? [`${table}/${keyOf(subject)}`] : [];
    }),
  );
}

function* ofTargets(world: World): Iterable<Finding> {
  const look = lookUpIn(world);
  for (const table of policyTables)
    for (const [key, policy] of world.objects[table])
      for (const target of policy.targets) {
        const { condition } = targetVerdict({ meta: policy.meta, targets: [target] }, look, world.settings) ?? {};
        if (condition === undefined || condition.status === 'True') continue;
        const { reason, message } = condition;
        yield finding(codeOf(reason, target, policy.meta.namespace, world), subjectAt(table, key), message);
      }
}

/** A Gateway that is there is none to speak of as long as it has no address. */
function codeOf(reason: string, { kind, name }: PolicyTarget, namespace: string, { objects }: World): 'AMB0001' | 'IST0101' | 'IST0106' {
  if (reason === 'AncestorNotBound') return 'AMB0001';
  if (reason !== 'TargetNotFound') return 'IST0106';
  return kind === 'Gateway' && objects.gateways.has(`${namespace}/${name}`) ? 'AMB0001' : 'IST0101';
}

function lookUpIn(world: World): TargetLookUp {
  const { objects } = world;
  const waypoints = waypointsOf(world);
  const bound = (table: 'services' | 'serviceEntries') => (namespace: string, name: string) =>
    objects[table].has(`${namespace}/${name}`) ? waypointOf(world, table, `${namespace}/${name}`) : undefined;
  return {
    service: bound('services'),
    serviceEntry: bound('serviceEntries'),
    gateway: (namespace, name) => waypoints.has(`${namespace}/${name}`),
    gatewayClass: (name) => objects.gatewayClasses.get(name)?.controller ?? (world.isLive ? undefined : assumedClasses[name]),
  };
}

/** The control plane makes it; files need not hold it. */
const assumedClasses: Readonly<Record<string, string>> = { 'istio-waypoint': 'istio.io/mesh-controller' };

/** `namespace/name`, or `''`. */
function waypointOf(world: World, table: 'services' | 'serviceEntries', key: string): string {
  const object = world.objects[table].get(key);
  if (object === undefined) return '';
  const kind = table === 'services' ? 'Service' : 'ServiceEntry';
  const waypoints = waypointsOf(world);
  const namespace = world.objects.namespaces.get(object.meta.namespace);
  const { waypoint } = bindingOf({ kind, meta: object.meta }, namespace, 'service', (name) => waypoints.get(name));
  return waypoint === undefined ? '' : `${waypoint.namespace}/${waypoint.name}`;
}

const unbound = /is not bound to a waypoint/;

function* ofRoutes({ judged }: World): Iterable<Finding> {
  for (const { table, key, parents } of judged.routes) {
    const accepted = parents.filter(({ conditions }) => conditions.some(({ type, status }) => type === 'Accepted' && status === 'True'));
    const said = accepted.flatMap(({ conditions }) =>
      conditions.filter(({ message }) => unbound.test(message)).map(({ message }) => message),
    );
    for (const message of new Set(said)) yield finding('AMB0002', subjectAt(table, key), message);
  }
}

function* ofVirtualServices(world: World): Iterable<Finding> {
  for (const [key, { meta, hosts, gateways }] of world.objects.virtualServices) {
    if (gateways.length > 0 && !gateways.includes('mesh')) continue;
    const meant = hosts.flatMap((host) => hostsCalled(world, host, meta.namespace));
    const without = meant.filter((host) => waypointOf(world, host.table, host.key) === '').map((host) => host.key);
    if (without.length === 0) continue;
    // Sidecars of clients carry it out too.
    const level = world.injected.size > 0 ? 'Info' : 'Warning';
    yield finding('AMB0002', subjectAt('virtualServices', key), `No waypoint serves ${someOf([...new Set(without)])}.`, { level });
  }
}
