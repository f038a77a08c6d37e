// What a round of explain.test.ts applies: labels that bind waypoints, policies of both layers, mutual TLS, routes. Pure but for the chance that it is given.
// Every object is one that a user might write; together they seldom make sense, which is the point.
import { entryOf, type Manifest, namespaceOf, namespaces, pods, serviceOf, services } from './base.ts';
import type { Chance } from './chance.ts';
import { issuers } from './tokens.ts';

type Part = Readonly<Record<string, unknown>>;

/** `jwks`: keys that sign tokens. */
export function randomObjects(chance: Chance, round: number, jwks: string): readonly Manifest[] {
  const named = <T>(prefix: string, some: readonly T[], make: (name: string, each: T) => Manifest): readonly Manifest[] =>
    some.map((each, at) => make(`${prefix}-${round}-${at}`, each));
  const times = (least: number, most: number): readonly undefined[] => Array.from({ length: chance.whole(least, most) }, () => undefined);
  return [
    ...namespaces.map((name) => namespaceOf(name, name === 'gamma' ? {} : binding(chance, name, 55))),
    ...services.map((plan) =>
      serviceOf(plan, { labels: binding(chance, plan.namespace, plan.namespace === 'alpha' ? 75 : 40), annotations: required(chance) }),
    ),
    entryOf({ labels: binding(chance, 'alpha', 45), annotations: required(chance) }),
    ...named('l4', times(0, chance.one([0, 1, 2])), (name) => layer4(chance, name)),
    ...named('l7', times(0, 2), (name) => layer7(chance, name)),
    ...named('jwt', times(0, 2), (name) => requestAuthentication(chance, name, jwks)),
    ...named('peer', times(0, 2), (name) => peerAuthentication(chance, name)),
    ...named('route', times(2, 5), (name) => httpRoute(chance, name)),
    ...named('tcp', chance.percent(20) ? [undefined] : [], (name) => tcpRoute(chance, name)),
    ...named('vs', chance.percent(60) ? [undefined] : [], (name) => virtualService(chance, name)),
    ...named('dr', chance.percent(25) ? [undefined] : [], (name) => destinationRule(name)),
  ];
}

function binding(chance: Chance, namespace: string, share: number): Readonly<Record<string, string>> {
  if (!chance.percent(share)) return {};
  const name = chance.one(['ways', 'ways', 'ways', 'wayall', 'wayall', 'wayall', 'nowhere', 'none']);
  return {
    'istio.io/use-waypoint': name,
    ...(namespace !== 'alpha' && { 'istio.io/use-waypoint-namespace': 'alpha' }),
    ...(namespace === 'alpha' && chance.percent(15) && { 'istio.io/use-waypoint-canary': 'wayall' }),
  };
}

const required = (chance: Chance): Readonly<Record<string, string>> => ({
  ...(chance.percent(7) && { 'ambient-mesh.dev/require-waypoint': 'true' }),
  ...(chance.percent(30) && { 'istio.io/use-waypoint-canary-weight': chance.one(['100', '100', '40']) }),
});

const accounts = [...new Set(pods.map(({ namespace, app }) => `cluster.local/ns/${namespace}/sa/${app}`))];

function source(chance: Chance): Part {
  return chance.one<() => Part>([
    () => ({ namespaces: chance.some(namespaces, 1, 2) }),
    () => ({ notNamespaces: chance.some(namespaces, 1, 1) }),
    () => ({ principals: chance.some([...accounts, '*', '*/sa/echo', 'cluster.local/ns/alpha/*'], 1, 3) }),
    () => ({ notPrincipals: chance.some(accounts, 1, 2) }),
    () => ({ ipBlocks: [chance.one(['10.0.0.0/8', '0.0.0.0/0', 'fd00::/8', '10.99.0.0/16'])] }),
    () => ({ principals: ['cluster.local/ns/alpha/sa/ways', 'cluster.local/ns/alpha/sa/wayall'] }),
  ])();
}

const layer4Rule = (chance: Chance): Part => ({
  ...(chance.percent(70) && { from: [{ source: source(chance) }] }),
  ...(chance.percent(40) && { to: [{ operation: { ports: chance.some(['8080', '9090', '80', '90'], 1, 2) } }] }),
  ...(chance.percent(15) && { when: [{ key: 'source.namespace', values: [chance.one(namespaces)] }] }),
});

/** Nobody may deny without a rule, or ask. */
const rules = (chance: Chance, action: string, rule: (chance: Chance) => Part): readonly Part[] =>
  Array.from({ length: chance.one([action === 'ALLOW' ? 0 : 1, 1, 1, 1, 2]) }, () => rule(chance));

const policy = (metadata: Manifest['metadata'], spec: Part): Manifest => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata,
  spec,
});

function layer4(chance: Chance, name: string): Manifest {
  const namespace = chance.one(['alpha', 'alpha', 'beta', 'beta', 'istio-system']);
  const app = chance.one(['echo', 'other', 'back', 'ill']);
  const selector = namespace !== 'istio-system' && chance.percent(50) ? { selector: { matchLabels: { app } } } : {};
  const rule = chance.percent(15) ? layer7Rule : layer4Rule;
  const action = chance.one(['ALLOW', 'ALLOW', 'DENY']);
  return policy({ name, namespace }, { ...selector, action, rules: rules(chance, action, rule) });
}

function layer7Rule(chance: Chance): Part {
  const operation = chance.one<Part>([
    { methods: chance.some(['GET', 'POST'], 1, 1) },
    { paths: chance.some(['/', '/one*', '/two', '*/end', '/{*}'], 1, 2) },
    { notPaths: ['/one*'] },
    { hosts: [chance.one(['echo.alpha*', '*.local', 'elsewhere.org'])] },
    { ports: [chance.one(['80', '81', '90'])] },
  ]);
  return {
    ...(chance.percent(50) && { from: [{ source: source(chance) }] }),
    ...(chance.percent(70) && { to: [{ operation }] }),
    ...(chance.percent(20) && { when: [tokenCondition(chance)] }),
    ...(chance.percent(20) && { when: [{ key: 'request.headers[x-team]', values: [chance.one(['red', '*', 'b*'])] }] }),
  };
}

const tokenCondition = (chance: Chance): Part =>
  chance.one<Part>([
    { key: 'request.auth.claims[group]', values: ['admins'] },
    { key: 'request.auth.claims[scope]', notValues: ['write'] },
    { key: 'request.auth.principal', values: ['issuer.one/*'] },
    { key: 'request.auth.principal', values: ['*'] },
    { key: 'request.headers[authorization]', values: ['*'] },
    { key: 'request.auth.audiences', values: ['shop'] },
  ]);

const service = (chance: Chance, namespace: string): string =>
  chance.one(services.filter((each) => each.namespace === namespace).map(({ name }) => name));

function layer7(chance: Chance, name: string): Manifest {
  const namespace = chance.one(['alpha', 'alpha', 'beta']);
  const ofGateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: chance.one(['ways', 'wayall']) };
  const ofService = { group: '', kind: 'Service', name: service(chance, namespace) };
  const targetRefs = [namespace === 'alpha' && chance.percent(40) ? ofGateway : ofService];
  const annotations = chance.percent(15) ? { 'istio.io/dry-run': 'true' } : {};
  const action = chance.one(['ALLOW', 'ALLOW', 'ALLOW', 'DENY', 'DENY', 'DENY', 'AUDIT', 'CUSTOM']);
  const provider = action === 'CUSTOM' ? { provider: { name: 'nobody' } } : {};
  return policy({ name, namespace, annotations }, { targetRefs, action, ...provider, rules: rules(chance, action, layer7Rule) });
}

function requestAuthentication(chance: Chance, name: string, jwks: string): Manifest {
  const namespace = chance.one(['alpha', 'alpha', 'beta']);
  const ofGateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: chance.one(['ways', 'wayall']) };
  const ofService = { group: '', kind: 'Service', name: service(chance, namespace) };
  const rule = (issuer: string): Part => ({
    issuer,
    jwks,
    ...(chance.percent(40) && { audiences: ['shop'] }),
    ...(chance.percent(30) && { forwardOriginalToken: true }),
    ...(chance.percent(20) && { fromHeaders: [{ name: 'x-token', prefix: 'token ' }] }),
    ...(chance.percent(20) && { outputClaimToHeaders: [{ header: 'x-team', claim: 'group' }] }),
  });
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'RequestAuthentication',
    metadata: { name, namespace },
    spec: {
      targetRefs: [namespace === 'alpha' && chance.percent(50) ? ofGateway : ofService],
      jwtRules: chance.some(issuers, 1, 2).map(rule),
    },
  };
}

function peerAuthentication(chance: Chance, name: string): Manifest {
  const namespace = chance.one(['alpha', 'beta', 'istio-system']);
  const mode = (): Part => ({ mode: chance.one(['STRICT', 'STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET']) });
  const isSelecting = namespace !== 'istio-system' && chance.percent(50);
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace },
    spec: {
      mtls: mode(),
      ...(isSelecting && { selector: { matchLabels: { app: chance.one(['echo', 'other', 'back']) } } }),
      ...(isSelecting && chance.percent(50) && { portLevelMtls: { [chance.one(['8080', '9090'])]: mode() } }),
    },
  };
}

const matches = (chance: Chance): readonly Part[] =>
  chance.some<Part>(
    [
      { path: { type: 'PathPrefix', value: '/' } },
      { path: { type: 'PathPrefix', value: '/one' } },
      { path: { type: 'Exact', value: '/two' } },
      { headers: [{ name: 'x-team', value: 'red' }] },
      { method: 'POST' },
      { queryParams: [{ name: 'v', value: '2' }] },
    ],
    1,
    2,
  );

function backend(chance: Chance): Part {
  const name = chance.one(['echo', 'one', 'other', 'ill', 'nobody']);
  return { name, namespace: 'alpha', port: 80, ...(chance.percent(20) && { weight: chance.one([0, 3]) }) };
}

function httpRule(chance: Chance): Part {
  const filter = chance.one<Part>([
    { type: 'RequestRedirect', requestRedirect: { hostname: 'example.org', statusCode: chance.one([301, 302]) } },
    { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/rewritten' } } },
    { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-team', value: 'blue' }] } },
    { type: 'RequestMirror', requestMirror: { backendRef: { name: 'other', namespace: 'alpha', port: 80 } } },
  ]);
  const isRedirect = filter.type === 'RequestRedirect';
  const filters = chance.percent(50) ? [filter] : [];
  return {
    ...(chance.percent(75) && { matches: matches(chance) }),
    ...(filters.length > 0 && { filters }),
    ...(!(filters.length > 0 && isRedirect) && {
      backendRefs: chance.percent(8) ? [] : Array.from({ length: chance.one([1, 1, 2]) }, () => backend(chance)),
    }),
  };
}

/** Of the service's own namespace, or of a consumer's. */
function httpRoute(chance: Chance, name: string): Manifest {
  const namespace = chance.one(['alpha', 'alpha', 'beta']);
  const parent = { group: '', kind: 'Service', name: chance.one(['echo', 'one', 'other']), namespace: 'alpha' };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace },
    spec: {
      parentRefs: [{ ...parent, ...(chance.percent(30) && { port: chance.one([80, 81]) }) }],
      rules: Array.from({ length: chance.whole(1, 3) }, () => httpRule(chance)),
    },
  };
}

const tcpRoute = (chance: Chance, name: string): Manifest => ({
  apiVersion: 'gateway.networking.k8s.io/v1alpha2',
  kind: 'TCPRoute',
  metadata: { name, namespace: 'alpha' },
  spec: {
    parentRefs: [{ group: '', kind: 'Service', name: chance.one(['echo', 'one', 'other']), ...(chance.percent(60) && { port: 90 }) }],
    rules: [{ backendRefs: [{ name: chance.one(['echo', 'other', 'ill', 'nobody']), port: 90 }] }],
  },
});

function virtualService(chance: Chance, name: string): Manifest {
  const what = chance.one<Part>([
    {
      fault: { abort: { percentage: { value: chance.one([100, 100, 50]) }, httpStatus: 418 } },
      route: [{ destination: { host: 'echo' } }],
    },
    { directResponse: { status: 299, body: { string: 'hello' } } },
    { redirect: { uri: '/elsewhere', authority: 'example.org' } },
    { rewrite: { uri: '/rewritten' }, route: [{ destination: { host: 'other', port: { number: 80 } } }] },
    { route: [{ destination: { host: 'echo', subset: chance.one(['first', 'second', 'third']) } }] },
  ]);
  const match = chance.percent(60) ? { match: [{ uri: { prefix: chance.one(['/one', '/two']) } }] } : {};
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'alpha' },
    spec: {
      hosts: ['echo'],
      http: [{ ...match, ...what }, ...(chance.percent(50) ? [{ route: [{ destination: { host: 'echo' } }] }] : [])],
    },
  };
}

const destinationRule = (name: string): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name, namespace: 'alpha' },
  spec: {
    host: 'echo',
    subsets: [
      { name: 'first', labels: { pod: 'a1' } },
      { name: 'second', labels: { pod: 'a2' } },
    ],
  },
});
