// What the definitions of the Gateway API's kinds refuse, one row per rule: the first object obeys it, the second breaks it.
// Read by refusals.test.ts, which asks the lab's API and, where there is one, a real API server.
import type { Json, JsonObject } from '../patch/json.ts';
import type { Refusal, RefusalTable } from './refusals.ts';

const group = 'gateway.networking.k8s.io';
const hbone = { name: 'mesh', port: 15008, protocol: 'HBONE' };
const gateway = (...listeners: JsonObject[]): JsonObject => ({ gatewayClassName: 'istio-waypoint', listeners });
const https = (tls: JsonObject): JsonObject => gateway({ name: 'a', port: 443, protocol: 'HTTPS', tls });
const certificates = [{ name: 'a' }];

const gatewayRows: readonly Refusal[] = [
  ['it has a class', gateway(hbone), { listeners: [hbone] }, 'spec.gatewayClassName: Required value'],
  ['it has a listener', gateway(hbone), gateway(), 'spec.listeners in body should have at least 1 items'],
  [
    'listener names are unique',
    gateway(hbone, { ...hbone, name: 'b', port: 1 }),
    gateway(hbone, { ...hbone, port: 1 }),
    'Duplicate value: {"name":"mesh"}',
  ],
  ['listener names are DNS names', gateway(hbone), gateway({ ...hbone, name: 'Mesh' }), 'spec.listeners[0].name in body should match'],
  [
    'port, protocol and hostname are unique together',
    gateway({ ...hbone, hostname: 'a.b' }, { ...hbone, name: 'b' }),
    gateway(hbone, { ...hbone, name: 'b' }),
    'Combination of port, protocol and hostname must be unique for each listener',
  ],
  ['a port is above 0', gateway(hbone), gateway({ ...hbone, port: 0 }), 'greater than or equal to 1'],
  ['a port is at most 65535', gateway(hbone), gateway({ ...hbone, port: 65_536 }), 'less than or equal to 65535'],
  [
    'a protocol is a word or has a domain',
    gateway({ ...hbone, protocol: 'istio.io/PROXY' }),
    gateway({ ...hbone, protocol: 'A B' }),
    'protocol in body should match',
  ],
  [
    'a hostname is a DNS name, wildcards first',
    gateway({ ...hbone, hostname: '*.a.b' }),
    gateway({ ...hbone, hostname: 'a.*.b' }),
    'hostname in body should match',
  ],
  [
    'HTTP has no TLS',
    gateway({ name: 'a', port: 80, protocol: 'HTTP' }),
    gateway({ name: 'a', port: 80, protocol: 'HTTP', tls: { certificateRefs: certificates } }),
    'tls must not be specified',
  ],
  [
    'HTTPS is terminated',
    https({ certificateRefs: certificates }),
    https({ mode: 'Passthrough' }),
    'tls mode must be Terminate for protocol HTTPS',
  ],
  [
    'TLS says its mode',
    gateway({ name: 'a', port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } }),
    gateway({ name: 'a', port: 443, protocol: 'TLS' }),
    'tls mode must be set',
  ],
  ['termination needs certificates or options', https({ options: { a: 'b' } }), https({}), 'certificateRefs or options must be specified'],
  [
    'TCP has no hostname',
    gateway({ name: 'a', port: 1, protocol: 'TCP' }),
    gateway({ name: 'a', port: 1, protocol: 'TCP', hostname: 'a.b' }),
    'hostname must not be specified',
  ],
  [
    'routes come from one of four',
    gateway({ ...hbone, allowedRoutes: { namespaces: { from: 'All' } } }),
    gateway({ ...hbone, allowedRoutes: { namespaces: { from: 'Any' } } }),
    'Unsupported value: "Any": supported values: "All", "Selector", "Same"',
  ],
  [
    'allowed kinds have a kind',
    gateway({ ...hbone, allowedRoutes: { kinds: [{ kind: 'HTTPRoute' }] } }),
    gateway({ ...hbone, allowedRoutes: { kinds: [{}] } }),
    'kind: Required value',
  ],
  [
    'addresses are unique',
    { ...gateway(hbone), addresses: [{ value: '1.2.3.4' }, { value: '1.2.3.5' }] },
    { ...gateway(hbone), addresses: [{ value: '1.2.3.4' }, { value: '1.2.3.4' }] },
    'IPAddress values must be unique',
  ],
  [
    'an address is one',
    { ...gateway(hbone), addresses: [{ value: '::1' }] },
    { ...gateway(hbone), addresses: [{ value: 'a.b' }] },
    'IPAddress value must be an IP address',
  ],
  [
    'a hostname is one',
    { ...gateway(hbone), addresses: [{ type: 'Hostname', value: '*.a.b' }] },
    { ...gateway(hbone), addresses: [{ type: 'Hostname', value: 'A_B' }] },
    'Hostname value must be empty or contain only valid characters',
  ],
  [
    'parameters are named',
    { ...gateway(hbone), infrastructure: { parametersRef: { group: '', kind: 'ConfigMap', name: 'a' } } },
    { ...gateway(hbone), infrastructure: { parametersRef: { group: '', kind: 'ConfigMap' } } },
    'name: Required value',
  ],
];

const gatewayClass: readonly Refusal[] = [
  ['it has a controller', { controllerName: 'istio.io/mesh-controller' }, {}, 'spec.controllerName: Required value'],
  [
    'the controller is a path under a domain',
    { controllerName: 'a.b/c/d' },
    { controllerName: 'controller' },
    'spec.controllerName in body should match',
  ],
  [
    'the description is short',
    { controllerName: 'a.b/c', description: 'a' },
    { controllerName: 'a.b/c', description: 'a'.repeat(65) },
    'Too long',
  ],
];

const parent = { group: '', kind: 'Service', name: 'web' };
const backendRefs = [{ name: 'web', port: 80 }];
const rule = (content: JsonObject): JsonObject => ({ parentRefs: [parent], rules: [content] });
const filter = (content: JsonObject): JsonObject => rule({ filters: [content] });
const path = (value: string, type = 'Exact'): JsonObject => rule({ matches: [{ path: { type, value } }] });
const header = (name: string, value: string): JsonObject => rule({ matches: [{ headers: [{ name, value }] }] });

const references: readonly Refusal[] = [
  ['a parent has a name', rule({ backendRefs }), { parentRefs: [{}], rules: [{ backendRefs }] }, 'spec.parentRefs[0].name: Required value'],
  [
    'one parent appears once per section and port',
    { ...rule({ backendRefs }), parentRefs: [parent, { ...parent, port: 80 }] },
    { ...rule({ backendRefs }), parentRefs: [parent, parent] },
    'sectionName or port must be unique',
  ],
  [
    'there are at most 32 parents',
    rule({ backendRefs }),
    { ...rule({ backendRefs }), parentRefs: many(33, (i) => ({ ...parent, port: i + 1 })) },
    'Too many: 33',
  ],
  [
    'a Service as backend has a port',
    rule({ backendRefs }),
    rule({ backendRefs: [{ name: 'web' }] }),
    'Must have port for Service reference',
  ],
  [
    'a backend of another kind needs none',
    rule({ backendRefs: [{ group: 'a.b', kind: 'C', name: 'c' }] }),
    rule({ backendRefs: [{ port: 80 }] }),
    'name: Required value',
  ],
  [
    'a weight is not negative',
    rule({ backendRefs: [{ ...backendRefs[0], weight: 0 }] }),
    rule({ backendRefs: [{ ...backendRefs[0], weight: -1 }] }),
    'greater than or equal to 0',
  ],
  [
    'a weight is at most 1000000',
    rule({ backendRefs }),
    rule({ backendRefs: [{ ...backendRefs[0], weight: 1_000_001 }] }),
    'less than or equal to 1000000',
  ],
  [
    'there are at most 16 backends',
    rule({ backendRefs: many(16, () => ({ name: 'a', port: 1 })) }),
    rule({ backendRefs: many(17, () => ({ name: 'a', port: 1 })) }),
    'Too many: 17',
  ],
];

const layer7: readonly Refusal[] = [
  ...references,
  ['there are at most 16 rules', { rules: many(16, () => ({})) }, { rules: many(17, () => ({})) }, 'spec.rules: Too many: 17'],
  [
    'there are at most 64 matches in a rule',
    rule({ matches: many(64, () => ({})) }),
    rule({ matches: many(65, () => ({})) }),
    'Too many: 65',
  ],
  [
    'there are at most 128 matches in all',
    { rules: many(2, () => ({ matches: many(64, () => ({})) })) },
    { rules: many(3, () => ({ matches: many(64, () => ({})) })) },
    'must be less than 128',
  ],
  [
    'rule names are unique',
    { rules: [{ name: 'a' }, {}] },
    { rules: [{ name: 'a' }, { name: 'a' }] },
    'Rule name must be unique within the route',
  ],
  ['a hostname has no port', { hostnames: ['*.a.b'] }, { hostnames: ['a.b:80'] }, 'spec.hostnames[0] in body should match'],
  ['a header name is a token', header('x-a', 'b'), header('x a', 'b'), 'name in body should match'],
  ['a header has a value', header('x-a', 'b'), header('x-a', ''), 'should be at least 1 chars long'],
  [
    'headers are matched once',
    header('a', 'b'),
    rule({
      matches: [
        {
          headers: [
            { name: 'a', value: 'b' },
            { name: 'a', value: 'c' },
          ],
        },
      ],
    }),
    'Duplicate value: {"name":"a"}',
  ],
  [
    'a filter has a type',
    filter({ type: 'ExtensionRef', extensionRef: { group: '', kind: 'A', name: 'a' } }),
    filter({}),
    'type: Required value',
  ],
  [
    'a filter has what its type says',
    filter({ type: 'RequestHeaderModifier', requestHeaderModifier: {} }),
    filter({ type: 'RequestHeaderModifier' }),
    'filter.requestHeaderModifier must be specified for RequestHeaderModifier filter.type',
  ],
  [
    'a filter has nothing else',
    filter({ type: 'ResponseHeaderModifier', responseHeaderModifier: {} }),
    filter({ type: 'ResponseHeaderModifier', responseHeaderModifier: {}, requestHeaderModifier: {} }),
    'filter.requestHeaderModifier must be nil if the filter.type is not RequestHeaderModifier',
  ],
  [
    'a filter is not repeated',
    rule({ filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: {} }] }),
    rule({ filters: many(2, () => ({ type: 'RequestHeaderModifier', requestHeaderModifier: {} })) }),
    'RequestHeaderModifier filter cannot be repeated',
  ],
  [
    'mirrors may be repeated',
    rule({ filters: many(2, () => ({ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', port: 1 } } })) }),
    filter({ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a' } } }),
    'Must have port for Service reference',
  ],
  [
    'a mirror has percent or fraction',
    filter({ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', port: 1 }, percent: 5 } }),
    filter({ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', port: 1 }, percent: 5, fraction: { numerator: 1 } } }),
    'Only one of percent or fraction',
  ],
  [
    'a fraction is at most 1',
    filter({ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', port: 1 }, fraction: { numerator: 100 } } }),
    filter({ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a', port: 1 }, fraction: { numerator: 101 } } }),
    'numerator must be less than or equal to denominator',
  ],
];

const redirect = { type: 'RequestRedirect', requestRedirect: { hostname: 'a.b' } };
const rewritePrefix = { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } };
const cors = (content: JsonObject): JsonObject => filter({ type: 'CORS', cors: content });

const httpRoute: readonly Refusal[] = [
  ...layer7,
  ['a path starts with a slash', path('/a'), path('a'), "value must be an absolute path and start with '/'"],
  ['a path has no double slash', path('/a/b'), path('/a//b'), "must not contain '//'"],
  ['a path has no dot segment', path('/a/b'), path('/a/./b'), "must not contain '/./'"],
  ['a path has no dot dot segment', path('/a/b'), path('/a/../b'), "must not contain '/../'"],
  ['a path has no encoded slash', path('/a%20'), path('/a%2Fb'), "must not contain '%2F'"],
  ['a path has no fragment', path('/a'), path('/a#b'), "must not contain '#'"],
  ['a path ends in no dot segment', path('/a..'), path('/a/..'), "must not end with '/..'"],
  ['a path has only characters of paths', path('/a(b)*'), path('/a"b'), 'must only contain valid characters'],
  ['a regular expression is free', path('a//b#', 'RegularExpression'), path('x', 'PathPrefix'), 'must be an absolute path'],
  [
    'a path is at most 1024 long',
    path(`/${'a'.repeat(1_023)}`),
    path(`/${'a'.repeat(1_024)}`),
    'Too long: may not be more than 1024 bytes',
  ],
  ['a method is one of nine', rule({ matches: [{ method: 'GET' }] }), rule({ matches: [{ method: 'get' }] }), 'Unsupported value: "get"'],
  [
    'a redirect has no backends',
    filter(redirect),
    rule({ filters: [redirect], backendRefs }),
    'RequestRedirect filter must not be used together with backendRefs',
  ],
  ['a redirect is not rewritten', filter(redirect), rule({ filters: [redirect, { type: 'URLRewrite', urlRewrite: {} }] }), 'but not both'],
  [
    'a redirect has a status of redirects',
    filter({ ...redirect, requestRedirect: { statusCode: 308 } }),
    filter({ ...redirect, requestRedirect: { statusCode: 304 } }),
    'Unsupported value: 304',
  ],
  [
    'a prefix is replaced where one is matched',
    rule({ filters: [rewritePrefix], matches: [{ path: { type: 'PathPrefix', value: '/a' } }] }),
    rule({ filters: [rewritePrefix], matches: [{ path: { type: 'Exact', value: '/a' } }] }),
    'exactly one PathPrefix match must be specified',
  ],
  [
    'a path is replaced in one way',
    filter({ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: '/' } } }),
    filter({ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplaceFullPath', replacePrefixMatch: '/' } } }),
    "replaceFullPath must be specified when type is set to 'ReplaceFullPath'",
  ],
  [
    'an origin is a wildcard or has a scheme',
    cors({ allowOrigins: ['https://*.a.b:8080'] }),
    cors({ allowOrigins: ['a.b'] }),
    'should match',
  ],
  [
    'the wildcard origin is alone',
    cors({ allowOrigins: ['*'] }),
    cors({ allowOrigins: ['*', 'https://a.b'] }),
    "AllowOrigins cannot contain '*'",
  ],
  ['the wildcard method is alone', cors({ allowMethods: ['*'] }), cors({ allowMethods: ['*', 'GET'] }), "AllowMethods cannot contain '*'"],
  [
    'a timeout is a duration of the Gateway API',
    rule({ timeouts: { request: '1h30m' } }),
    rule({ timeouts: { request: '1.5s' } }),
    'request in body should match',
  ],
  [
    'an attempt takes no longer than the request',
    rule({ timeouts: { request: '0s', backendRequest: '5s' } }),
    rule({ timeouts: { request: '1s', backendRequest: '2s' } }),
    'backendRequest timeout cannot be longer than request timeout',
  ],
  ['retried codes are errors', rule({ retry: { codes: [503] } }), rule({ retry: { codes: [200] } }), 'greater than or equal to 400'],
  [
    'a permanent cookie ends',
    rule({ sessionPersistence: { absoluteTimeout: '1h', cookieConfig: { lifetimeType: 'Permanent' } } }),
    rule({ sessionPersistence: { cookieConfig: { lifetimeType: 'Permanent' } } }),
    'AbsoluteTimeout must be specified',
  ],
];

const method = (content: JsonObject): JsonObject => rule({ matches: [{ method: content }] });

const grpcRoute: readonly Refusal[] = [
  ...layer7,
  [
    'a method match names service or method',
    method({ method: 'Get' }),
    method({}),
    "One or both of 'service' or 'method' must be specified",
  ],
  ['a service is a name', method({ service: 'a.B' }), method({ service: '/a.B' }), 'service must only contain valid characters'],
  ['a method is a name', method({ method: 'Get' }), method({ method: 'a/b' }), 'method must only contain valid characters'],
  [
    'regular expressions are free',
    method({ type: 'RegularExpression', service: 'a/.*' }),
    method({ type: 'Prefix', service: 'a' }),
    'Unsupported value: "Prefix"',
  ],
];

const one = (content: JsonObject): JsonObject => ({ ...content, hostnames: ['a.b'] });

const tcpRoute: readonly Refusal[] = [
  ...references,
  ['it has one rule', rule({ backendRefs }), { rules: [] }, 'should have at least 1 items'],
  ['it has no second rule', rule({ backendRefs }), { rules: [{ backendRefs }, { backendRefs }] }, 'Too many: 2'],
  ['a rule has a backend', rule({ backendRefs }), rule({ backendRefs: [] }), 'should have at least 1 items'],
];

const tlsRoute: readonly Refusal[] = [
  ...tcpRoute.map(([name, accepted, refused, error]): Refusal => [name, one(accepted), one(refused), error]),
  ['it has a hostname', one(rule({ backendRefs })), rule({ backendRefs }), 'spec.hostnames: Required value'],
  [
    'a hostname is no address',
    one(rule({ backendRefs })),
    { ...rule({ backendRefs }), hostnames: ['1.2.3.4'] },
    'Hostnames cannot contain an IP',
  ],
];

const grant = { from: [{ group, kind: 'HTTPRoute', namespace: 'a' }], to: [{ group: '', kind: 'Service' }] };

const referenceGrant: readonly Refusal[] = [
  ['it is from somebody', grant, { ...grant, from: [] }, 'spec.from in body should have at least 1 items'],
  ['it is to something', grant, { ...grant, to: [] }, 'spec.to in body should have at least 1 items'],
  ['it names a namespace', grant, { ...grant, from: [{ group, kind: 'HTTPRoute' }] }, 'spec.from[0].namespace: Required value'],
];

export const gatewayRefusals: readonly RefusalTable[] = [
  [`${group}/v1`, 'GatewayClass', gatewayClass],
  [`${group}/v1`, 'Gateway', gatewayRows],
  [`${group}/v1beta1`, 'HTTPRoute', httpRoute],
  [`${group}/v1`, 'GRPCRoute', grpcRoute],
  [`${group}/v1alpha2`, 'TCPRoute', tcpRoute],
  [`${group}/v1`, 'TLSRoute', tlsRoute],
  [`${group}/v1beta1`, 'ReferenceGrant', referenceGrant],
];

function many(count: number, make: (index: number) => Json): Json[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
