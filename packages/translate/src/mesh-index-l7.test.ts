// What waypoints are told follows what it is made from: routes their services, kinds on one port each other, subsets their workloads.
// Fields are the tests of l7/; here are the dependencies, and that a change reaches no more than it concerns.
import { expect, test } from 'vitest';
import { allKinds, type Inputs } from './kinds/all.ts';
import { Cluster } from './testing/cluster.ts';
import { gatewayOf, kubeServiceOf, plainSettings, portOf, serviceEntryOf } from './testing/services.ts';
import { podOf } from './testing/workloads.ts';

const service = (name: string, ...ports: readonly number[]) =>
  kubeServiceOf({ meta: { name }, selector: { app: name }, ports: ports.map((port) => portOf({ port, name: `p${port}` })) });

interface Written {
  readonly parent?: object;
  readonly to?: string;
  readonly generation?: number;
}

/** Attached to a service, and leading to one. */
function route<K extends 'httpRoutes' | 'grpcRoutes'>(
  table: K,
  name: string,
  { parent = {}, to = 'web', generation = 1 }: Written = {},
): Inputs[K] {
  const object = allKinds[table].narrow({
    metadata: { namespace: 'ns', name, generation },
    spec: { parentRefs: [{ group: '', kind: 'Service', name: 'web', ...parent }], rules: [{ backendRefs: [{ name: to, port: 80 }] }] },
  });
  if (object === undefined) throw new TypeError('no route');
  return object as Inputs[K];
}

function read<K extends 'destinationRules' | 'virtualServices'>(table: K, name: string, spec: object): Inputs[K] {
  const object = allKinds[table].narrow({ metadata: { namespace: 'ns', name }, spec });
  if (object === undefined) throw new TypeError('no object');
  return object as Inputs[K];
}

/** Type, status and reason of a route's conditions, of all parents. */
const said = ({ out }: Cluster, key: string): readonly string[] =>
  (out.routes.get(key) ?? []).flatMap(({ conditions }) => conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`));

const destinationOf = ({ out }: Cluster, name: string): unknown => {
  const told = out.l7s.get(name);
  return told?.is === 'route' ? told.route.http[0]?.backends[0]?.to : undefined;
};

test('a route waits for its service, and goes with it', () => {
  const cluster = new Cluster();
  expect(cluster.apply('httpRoutes', route('httpRoutes', 'r'))).toEqual([]);
  expect(said(cluster, 'httpRoutes ns/r')[0]).toBe('Accepted False NoMatchingParent');
  expect(cluster.apply('services', service('web', 80))).toContain('l route/HTTPRoute/ns/r');
  expect(said(cluster, 'httpRoutes ns/r')[0]).toBe('Accepted True Accepted');
  cluster.remove('services', 'ns/web');
  expect([...cluster.out.l7s.keys()]).toEqual(['mesh']);
  cluster.remove('httpRoutes', 'ns/r');
  expect(cluster.out.routes.size).toBe(0);
});

test('a backend that comes and goes is followed', () => {
  const cluster = new Cluster();
  cluster.apply('services', service('web', 80));
  cluster.apply('httpRoutes', route('httpRoutes', 'r', { to: 'db' }));
  expect(destinationOf(cluster, 'route/HTTPRoute/ns/r')).toHaveProperty('invalid');
  cluster.apply('services', service('db', 80));
  expect(destinationOf(cluster, 'route/HTTPRoute/ns/r')).toEqual({ service: 'ns/db.ns.svc.cluster.local', port: 80 });
  cluster.apply('services', service('db', 81));
  expect(said(cluster, 'httpRoutes ns/r')).toContain('ResolvedRefs False BackendNotFound');
});

test('a GRPCRoute goes before HTTPRoutes of its namespace on the same port, as long as it is there', () => {
  const cluster = new Cluster();
  cluster.apply('services', service('web', 80, 81));
  cluster.apply(
    'httpRoutes',
    route('httpRoutes', 'first', { parent: { port: 80 } }),
    route('httpRoutes', 'other', { parent: { port: 81 } }),
  );
  expect(cluster.apply('grpcRoutes', route('grpcRoutes', 'g', { parent: { port: 80 } }))).toEqual([
    'l route/GRPCRoute/ns/g',
    'l route/HTTPRoute/ns/first',
  ]);
  expect(said(cluster, 'httpRoutes ns/first')[0]).toBe('Accepted False Conflicted');
  expect(said(cluster, 'httpRoutes ns/other')[0]).toBe('Accepted True Accepted');
  cluster.apply('grpcRoutes', route('grpcRoutes', 'g2', { parent: { port: 80 } }));
  expect(cluster.remove('grpcRoutes', 'ns/g')).toEqual(['l route/GRPCRoute/ns/g']);
  cluster.remove('grpcRoutes', 'ns/g2');
  expect(said(cluster, 'httpRoutes ns/first')[0]).toBe('Accepted True Accepted');
});

test('of many routes on one service, a change of one tells of that one alone', () => {
  const cluster = new Cluster();
  cluster.apply('services', service('web', 80));
  cluster.apply('httpRoutes', ...Array.from({ length: 200 }, (_, at) => route('httpRoutes', `r${at}`)));
  expect(cluster.apply('httpRoutes', route('httpRoutes', 'r7', { to: 'db' }))).toEqual(['l route/HTTPRoute/ns/r7']);
  expect(cluster.apply('httpRoutes', route('httpRoutes', 'new'))).toEqual(['l route/HTTPRoute/ns/new']);
});

test('what we write into a status is no news', () => {
  const cluster = new Cluster();
  cluster.apply('services', service('web', 80));
  const written = route('httpRoutes', 'r');
  cluster.apply('httpRoutes', written);
  expect(cluster.apply('httpRoutes', { ...written, parents: cluster.out.routes.get('httpRoutes ns/r') ?? [] })).toEqual([]);
  expect(cluster.apply('httpRoutes', route('httpRoutes', 'r', { generation: 2 }))).toEqual(['l route/HTTPRoute/ns/r']);
  expect(cluster.out.routes.get('httpRoutes ns/r')?.[0]?.conditions[0]?.observedGeneration).toBe(2);
});

test('a route of another revision, or of a Gateway alone, has no entries of ours', () => {
  const cluster = new Cluster({ revision: 'own' });
  cluster.apply('services', service('web', 80));
  const mine = route('httpRoutes', 'mine');
  cluster.apply('httpRoutes', { ...mine, meta: { ...mine.meta, name: 'theirs', labels: { 'istio.io/rev': 'other' } } });
  cluster.apply('httpRoutes', route('httpRoutes', 'north', { parent: { group: 'gateway.networking.k8s.io', kind: 'Gateway' } }));
  expect([...cluster.out.l7s.keys(), ...cluster.out.routes.keys()]).toEqual(['mesh']);
});

test('a wildcard host means the services that there are', () => {
  const cluster = new Cluster();
  const hosts = () => {
    const told = cluster.out.l7s.get('route/VirtualService/ns/v');
    return told?.is === 'route' ? told.route.parents.map((parent) => parent.service) : [];
  };
  const http = [{ route: [{ destination: { host: 'a.example.com' } }] }];
  cluster.apply('virtualServices', read('virtualServices', 'v', { hosts: ['*.example.com'], http }));
  expect(hosts()).toEqual([]);
  cluster.apply('serviceEntries', serviceEntryOf({ hosts: ['a.example.com', 'example.com', 'b.example.com'], addresses: ['10.3.0.1'] }));
  expect(hosts()).toEqual(['ns/a.example.com', 'ns/b.example.com']);
  cluster.remove('serviceEntries', 'ns/entry');
  expect(hosts()).toEqual([]);
});

test('a subset is the workloads that have its labels now', () => {
  const cluster = new Cluster();
  const members = () => {
    const told = cluster.out.l7s.get('destination/ns/d');
    return told?.is === 'destination' ? told.settings.subsets.map(({ workloads }) => workloads.map((uid) => uid.split('/').at(-1))) : [];
  };
  const pod = (name: string, version: string) => podOf({ meta: { name, namespace: 'ns', labels: { app: 'web', version } } });
  cluster.apply('services', service('web', 80));
  const subsets = ['v1', 'v2'].map((version) => ({ name: version, labels: { version } }));
  cluster.apply('destinationRules', read('destinationRules', 'd', { host: 'web', subsets }));
  expect(members()).toEqual([[], []]);
  cluster.apply('pods', pod('one', 'v1'), pod('two', 'v2'), podOf({ meta: { name: 'three', namespace: 'ns', labels: { version: 'v1' } } }));
  expect(members()).toEqual([['one'], ['two']]);
  cluster.apply('pods', pod('one', 'v2'));
  expect(members()).toEqual([[], ['one', 'two']]);
  cluster.apply('services', service('other', 80), kubeServiceOf({ meta: { name: 'web' }, selector: { app: 'none' } }));
  expect(members()).toEqual([[], []]);
});

const policyOn = (target: object) => {
  const object = allKinds.rateLimits.narrow({
    metadata: { namespace: 'ns', name: 'p', generation: 3 },
    spec: { targetRefs: [target], limits: [{ requests: 1, every: '1s' }] },
  });
  if (object === undefined) throw new TypeError('no policy');
  return object;
};

test('a policy for a waypoint alone is told at once, and says that nothing enforces it until there is one', () => {
  const cluster = new Cluster();
  const target = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'waypoint' };
  expect(cluster.apply('rateLimits', policyOn(target))).toEqual(['l rate-limit/ns/p']);
  const now = () =>
    cluster.conditions('rateLimits', 'ns/p').map(({ type, reason, observedGeneration }) => [type, reason, observedGeneration]);
  expect(now()).toEqual([['WaypointAccepted', 'TargetNotFound', 3]]);
  cluster.apply('gateways', gatewayOf());
  expect(now()).toEqual([['WaypointAccepted', 'Accepted', 3]]);
  cluster.remove('rateLimits', 'ns/p');
  expect([now(), cluster.out.l7s.has('rate-limit/ns/p')]).toEqual([[], false]);
});

test('a policy for a service is told once there is one, and is accepted once that has a waypoint', () => {
  const cluster = new Cluster();
  cluster.apply('gateways', gatewayOf());
  cluster.apply('rateLimits', policyOn({ group: '', kind: 'Service', name: 'web' }));
  expect([cluster.out.l7s.has('rate-limit/ns/p'), cluster.conditions('rateLimits', 'ns/p')[0]?.reason]).toEqual([false, 'TargetNotFound']);
  cluster.apply('services', service('web', 80));
  expect([cluster.out.l7s.has('rate-limit/ns/p'), cluster.conditions('rateLimits', 'ns/p')[0]?.reason]).toEqual([true, 'AncestorNotBound']);
  cluster.label('ns', { 'istio.io/use-waypoint': 'waypoint' });
  expect(cluster.conditions('rateLimits', 'ns/p')[0]?.reason).toBe('Accepted');
});

test('a waypoint knows what its Gateway says, before that has an address', () => {
  const cluster = new Cluster();
  const annotations = { 'ambient.istio.io/xfcc-include-client-identity': 'true' };
  cluster.apply('gateways', gatewayOf({ meta: { annotations }, addresses: [] }));
  expect(cluster.out.l7s.get('waypoint/ns/waypoint')).toMatchObject({ settings: { class: 'istio-waypoint', includeClientIdentity: true } });
});

test('the services of providers are found when they come', () => {
  const provider = { name: 'p', kind: 'rate-limit', service: 'limits.example.com', port: 80, timeout: 1, domain: 'd' } as const;
  const cluster = new Cluster({ meshDefaults: { ...plainSettings.meshDefaults, providers: [provider] } });
  expect(cluster.out.troubles.get('mesh')).toHaveLength(1);
  cluster.apply('serviceEntries', serviceEntryOf({ hosts: ['limits.example.com'] }));
  expect(cluster.out.l7s.get('mesh')).toMatchObject({ settings: { providers: [{ service: 'ns/limits.example.com' }] } });
  expect(cluster.out.troubles.size).toBe(0);
});
