// Random changes of a small cluster: few names and few labels, so that objects collide, select each other and depend on each other all the time.
// Used by mesh-index-history.test.ts.
import fc from 'fast-check';
import { allKinds, type Inputs } from '../kinds/all.ts';
import type { Labels, Meta } from '../kinds/meta.ts';
import type { MtlsMode } from '../kinds/peer-authentication.ts';
import { gatewayClassOf, gatewayOf, kubeServiceOf, listenerOf, metaOf, portOf, serviceEntryOf } from './services.ts';
import { authorizationPolicyOf, endpointOf, nodeOf, peerAuthenticationOf, podOf, sliceOf, workloadEntryOf } from './workloads.ts';

/** One change of one object; undefined removes it. */
export type Change = {
  readonly [K in keyof Inputs]: { readonly table: K; readonly key: string; readonly object: Inputs[K] | undefined };
}[keyof Inputs];

const one = <const V>(...values: readonly V[]) => fc.constantFrom(...values);
const few = <V>(from: fc.Arbitrary<V>, maxLength = 2) => fc.array(from, { maxLength });

const namespaces = ['a', 'b', 'istio-system'] as const;
const someNamespace = one(...namespaces);
const appLabels = one<Labels>({}, { app: 'web' }, { app: 'db' }, { app: 'web', tier: 'back' }, { tier: 'back' });
const waypointLabels = one<Labels>(
  {},
  {},
  { 'istio.io/use-waypoint': 'wp' },
  { 'istio.io/use-waypoint': 'none' },
  { 'istio.io/use-waypoint': 'wp', 'istio.io/use-waypoint-namespace': 'b' },
  { 'istio.io/use-waypoint': 'wp', 'istio.io/use-waypoint-canary': 'canary' },
  { 'istio.io/use-waypoint': 'wp', 'istio.io/ingress-use-waypoint': 'true' },
);
const gatewayLabels = one<Labels>({}, {}, {}, { 'gateway.networking.k8s.io/gateway-name': 'wp' });
const revisionLabels = one<Labels>({}, {}, {}, { 'istio.io/rev': 'other' });
const canaryWeight = one<Labels>({}, { 'istio.io/use-waypoint-canary-weight': '10' });

const requiring = one<Labels>(
  {},
  {},
  {},
  { 'ambient-mesh.dev/require-waypoint': 'true' },
  { 'ambient-mesh.dev/require-waypoint': 'false' },
);

const labelsOf = (...parts: readonly fc.Arbitrary<Labels>[]): fc.Arbitrary<Labels> =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all) as Labels);

const someMeta = (names: readonly string[], labels: fc.Arbitrary<Labels>, annotations: fc.Arbitrary<Labels> = fc.constant({})) =>
  fc
    .record({
      namespace: someNamespace,
      name: one(...names),
      labels,
      annotations,
      createdAt: one(0, 1000, 2000),
      uid: one('1', '1', '1', '2'),
    })
    .map((given): Meta => metaOf(given));

const somePod = fc
  .record({
    meta: someMeta(
      ['p1', 'p2', 'p3'],
      labelsOf(appLabels, waypointLabels, gatewayLabels),
      one({}, { 'ambient.istio.io/redirection': 'enabled' }),
    ),
    node: one('', 'n1', 'n2'),
    serviceAccount: one('x', 'y'),
    ips: one([], ['10.1.0.1'], ['10.1.0.2', 'fd00::2'], ['?']),
    phase: one('Running', 'Running', 'Running', 'Succeeded'),
    ready: fc.boolean(),
    hostNetwork: one(false, false, true),
    namedPorts: one<Readonly<Record<string, number>>>({}, { http: 8081 }),
  })
  .map(podOf);

const somePorts = one([portOf()], [portOf({ name: 'http', targetPort: 'http' })], [portOf({ name: 'http' }), portOf({ port: 81 })]);

const someService = fc
  .record({
    meta: someMeta(['s1', 's2'], waypointLabels, labelsOf(canaryWeight, requiring)),
    type: one('ClusterIP', 'ClusterIP', 'ClusterIP', 'ExternalName'),
    clusterIps: one([], ['10.0.0.1'], ['None']),
    selector: one<Labels>({}, {}, { app: 'web' }, { app: 'db' }, { app: 'web', tier: 'back' }),
    ports: somePorts,
    publishNotReadyAddresses: fc.boolean(),
  })
  .map(kubeServiceOf);

const sliceEndpoint = fc.oneof(
  fc.record({ addresses: one(['10.1.0.1'], ['10.9.0.1'], ['?'], []), ready: fc.boolean() }),
  fc.record({
    addresses: one(['10.1.0.1']),
    ready: fc.boolean(),
    pod: fc.record({ namespace: one('a', 'a', 'b'), name: one('p1', 'p2'), uid: one('1', '1', '2') }),
  }),
);

const someSlice = fc
  .record({
    meta: someMeta(['e1', 'e2'], fc.constant({})),
    service: one('s1', 's2', ''),
    addressType: one('IPv4', 'IPv4', 'FQDN'),
    ports: one([], [{ name: 'http', port: 8082, protocol: 'TCP' }]),
    endpoints: few(sliceEndpoint, 3),
  })
  .map(({ endpoints, ...given }) => sliceOf(endpoints, given));

const hosts = ['x.com', 'x.com', 'y.com', '*.z.com', 's1.a.svc.cluster.local'] as const;

const someEndpoint = fc
  .record({
    address: one('10.2.0.1', '10.2.0.2', 'vm.com'),
    labels: waypointLabels,
    ports: one<Readonly<Record<string, number>>>({}, { http: 9 }),
  })
  .map(endpointOf);

const someServiceEntry = fc
  .record({
    meta: someMeta(
      ['se1', 'se2'],
      labelsOf(waypointLabels, revisionLabels),
      one({}, { 'istio.io/connect-strategy': 'RACE_FIRST_TCP_CONNECT' }),
    ),
    hosts: few(one(...hosts)),
    ports: one([], [{ name: 'http', number: 80, targetPort: 8083, protocol: 'HTTP' }]),
    addresses: one([], [], ['10.3.0.0/24'], ['10.3.0.1'], ['?']),
    resolution: one('NONE' as const, 'STATIC' as const, 'DNS' as const),
    endpoints: few(someEndpoint),
    allocated: one([], [{ host: 'x.com', value: '240.240.0.1' }]),
  })
  .chain((given) =>
    one<Labels | undefined>(undefined, {}, { app: 'web' }, { app: 'web' }, { tier: 'back' }).map((workloadSelector) => ({
      ...given,
      ...(workloadSelector && { workloadSelector }),
    })),
  )
  .map(serviceEntryOf);

const someWorkloadEntry = fc
  .record({
    meta: someMeta(['we1', 'we2'], labelsOf(appLabels, waypointLabels, revisionLabels)),
    address: one('', '10.4.0.1', 'vm.com'),
    labels: labelsOf(appLabels, waypointLabels),
    ports: one<Readonly<Record<string, number>>>({}, { http: 9 }),
    network: one('', 'far'),
  })
  .map(workloadEntryOf);

const someGateway = fc
  .record({
    meta: someMeta(
      ['wp', 'canary'],
      one<Labels>({}, { 'istio.io/waypoint-for': 'all' }, { 'istio.io/waypoint-for': 'workload' }),
      one({}, { 'ambient.istio.io/waypoint-inbound-binding': 'PROXY/15088' }),
    ),
    className: one('istio-waypoint', 'other'),
    addresses: one([], [{ type: 'IPAddress', value: '10.5.0.1' }], [{ type: 'Hostname', value: 'wp.a.svc.cluster.local' }]),
    from: one('All' as const, 'All' as const, 'Same' as const, 'Selector' as const),
  })
  .map(({ from, ...given }) => {
    const selector = from === 'Selector' && { selector: { matchLabels: { team: 'x' }, matchExpressions: [] } };
    return gatewayOf({ ...given, listeners: [listenerOf({ from, ...selector })] });
  });

const someTarget = fc.oneof(
  fc.record({ group: one(''), kind: one('Service'), name: one('s1', 's2'), namespace: one('', 'a') }),
  fc.record({ group: one('networking.istio.io'), kind: one('ServiceEntry'), name: one('se1'), namespace: one('') }),
  fc.record({
    group: one('gateway.networking.k8s.io'),
    kind: one('Gateway', 'GatewayClass'),
    name: one('wp', 'istio-waypoint'),
    namespace: one(''),
  }),
);

const somePolicy = fc
  .record({
    meta: someMeta(['ap1', 'ap2'], revisionLabels),
    targets: fc.oneof({ weight: 3, arbitrary: one([]) }, { weight: 1, arbitrary: few(someTarget) }),
    action: one('ALLOW', 'DENY', 'AUDIT'),
  })
  .chain((given) =>
    one<Labels | undefined>(undefined, {}, { app: 'web' }, { tier: 'back' }).map((selector) => ({
      ...given,
      ...(selector && { selector }),
    })),
  )
  .map(authorizationPolicyOf);

const mode = one<MtlsMode>('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');

const somePeerAuthentication = fc
  .record({ meta: someMeta(['pa1', 'pa2'], revisionLabels), mode, ports: few(fc.tuple(one(80, 90), mode)) })
  .chain((given) =>
    one<Labels | undefined>(undefined, { app: 'web' }, { app: 'db' }).map((selector) => ({ ...given, ...(selector && { selector }) })),
  )
  .map(({ ports, ...given }) => peerAuthenticationOf({ ...given, ports: new Map(ports) }));

const someNamespaceObject = fc
  .record({
    name: someNamespace,
    labels: labelsOf(waypointLabels, one<Labels>({}, { team: 'x' }), one<Labels>({}, { 'topology.istio.io/network': 'net' })),
    annotations: labelsOf(canaryWeight, requiring),
  })
  .map((given) => ({ meta: metaOf({ ...given, namespace: '' }) }));

const someNode = fc
  .record({ name: one('n1', 'n2'), region: one('', 'north', 'south') })
  .map(({ name, region }) => nodeOf(name, region, ''));

const someClass = one<Labels>({}, { 'istio.io/waypoint-for': 'all' }).map((labels) => gatewayClassOf({ labels }));

/** Written down as users do, and read as from the API server. */
const written = <K extends keyof Inputs>(table: K, names: readonly string[], spec: fc.Arbitrary<object>): fc.Arbitrary<Inputs[K]> =>
  fc
    .record({ namespace: someNamespace, name: one(...names), labels: revisionLabels, spec, at: one(1, 2) })
    .map(({ spec: said, at, ...metadata }) => {
      const creationTimestamp = `2026-01-0${at}T00:00:00Z`;
      const object = allKinds[table].narrow({ metadata: { ...metadata, creationTimestamp, generation: at }, spec: said });
      if (object === undefined) throw new TypeError(`no ${table}`);
      return object as Inputs[K];
    });

const someParent = one(
  { group: '', kind: 'Service', name: 's1' },
  { group: '', kind: 'Service', name: 's1', namespace: 'a' },
  { group: '', kind: 'Service', name: 's2', port: 80 },
  { group: '', kind: 'Service', name: 's1', sectionName: 'http' },
  { group: 'networking.istio.io', kind: 'ServiceEntry', name: 'se1' },
  { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'wp' },
);
const someBackend = one(
  { name: 's1', port: 80 },
  { name: 's2', namespace: 'a', port: 81, weight: 2 },
  { group: 'networking.istio.io', kind: 'Hostname', name: 'x.com', port: 80 },
  { kind: 'Secret', name: 'none' },
);
const rulesOf = (backends: readonly object[]) => [{ backendRefs: backends }];
const someRoute = fc.record({ parentRefs: few(someParent), rules: few(someBackend).map(rulesOf) });
const someTlsRoute = fc.record({ parentRefs: few(someParent), hostnames: one(['a.com']), rules: few(someBackend).map(rulesOf) });

const someHost = one('s1', 's1.a.svc.cluster.local', 'x.com', 'y.com', '*.com', '*', '*.z.com');
const someVirtualService = fc.record({
  hosts: few(someHost),
  http: few(fc.record({ host: someHost, subset: one('web', 'none') }).map((destination) => ({ route: [{ destination }] }))),
});
const someSubset = one({ name: 'web', labels: { app: 'web' } }, { name: 'back', labels: { tier: 'back' } }, { name: 'all' });
const someDestinationRule = fc.record({ host: someHost, subsets: few(someSubset) });

const attached = (part: string, content: readonly object[]) => few(someTarget).map((targetRefs) => ({ targetRefs, [part]: content }));
const someAuthentication = attached('jwtRules', [{ issuer: 'me', jwks: '{}' }]);
const someLimit = attached('limits', [{ requests: 1, every: '1s' }]);
const somePlugin = attached('match', []).map((spec) => ({ ...spec, url: 'file:///a.wasm' }));
const someTelemetry = attached('accessLogging', [{ providers: [{ name: 'a' }] }]);

/** Now and then an object goes, or comes back as something else. */
const changeOf = <K extends keyof Inputs>(table: K, object: fc.Arbitrary<Inputs[K]>) =>
  fc.tuple(object, fc.integer({ min: 0, max: 3 })).map(([made, at]) => {
    const { namespace, name } = made.meta;
    return { table, key: namespace === '' ? name : `${namespace}/${name}`, object: at === 0 ? undefined : made };
  });

export const someChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 5, arbitrary: changeOf('pods', somePod) },
  { weight: 3, arbitrary: changeOf('services', someService) },
  { weight: 3, arbitrary: changeOf('endpointSlices', someSlice) },
  { weight: 1, arbitrary: changeOf('nodes', someNode) },
  { weight: 3, arbitrary: changeOf('namespaces', someNamespaceObject) },
  { weight: 3, arbitrary: changeOf('gateways', someGateway) },
  { weight: 1, arbitrary: changeOf('gatewayClasses', someClass) },
  { weight: 3, arbitrary: changeOf('serviceEntries', someServiceEntry) },
  { weight: 2, arbitrary: changeOf('workloadEntries', someWorkloadEntry) },
  { weight: 3, arbitrary: changeOf('authorizationPolicies', somePolicy) },
  { weight: 3, arbitrary: changeOf('peerAuthentications', somePeerAuthentication) },
  { weight: 3, arbitrary: changeOf('httpRoutes', written('httpRoutes', ['r1', 'r2'], someRoute)) },
  { weight: 2, arbitrary: changeOf('grpcRoutes', written('grpcRoutes', ['r1', 'r2'], someRoute)) },
  { weight: 1, arbitrary: changeOf('tlsRoutes', written('tlsRoutes', ['r1'], someTlsRoute)) },
  { weight: 1, arbitrary: changeOf('tcpRoutes', written('tcpRoutes', ['r1'], someRoute)) },
  { weight: 2, arbitrary: changeOf('virtualServices', written('virtualServices', ['v1', 'v2'], someVirtualService)) },
  { weight: 2, arbitrary: changeOf('destinationRules', written('destinationRules', ['d1', 'd2'], someDestinationRule)) },
  { weight: 1, arbitrary: changeOf('requestAuthentications', written('requestAuthentications', ['p1'], someAuthentication)) },
  { weight: 1, arbitrary: changeOf('rateLimits', written('rateLimits', ['p1'], someLimit)) },
  { weight: 1, arbitrary: changeOf('wasmPlugins', written('wasmPlugins', ['p1'], somePlugin)) },
  { weight: 1, arbitrary: changeOf('telemetries', written('telemetries', ['p1'], someTelemetry)) },
) as fc.Arbitrary<Change>;
