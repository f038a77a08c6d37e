// Routes of the mesh tests of the Gateway API, by the names of the tests, as users would apply them (facts: gateway-api-mesh §2.3 to §2.5).
// Their fixture is `echoMesh`: three Services of one namespace, each with five ports.
import type { RouteTarget } from '../l7/route-look-up.ts';
import { routeTargetOf } from './routes.ts';

type Part = Readonly<Record<string, unknown>>;
export interface RouteManifest {
  readonly kind: 'GRPCRoute' | 'HTTPRoute';
  readonly metadata: { readonly namespace: string; readonly name: string; readonly generation: number };
  readonly spec: Part;
}

const mesh = 'gateway-conformance-mesh';
const consumer = 'gateway-conformance-mesh-consumer';

const echoTarget = (name: string): RouteTarget =>
  routeTargetOf(`${mesh}/${name}`, {
    ports: [
      { port: 80, name: 'http', appProtocol: 'http' },
      { port: 8080, name: 'http-alt', appProtocol: 'http' },
      { port: 443, name: 'https', appProtocol: '' },
      { port: 9090, name: 'tcp', appProtocol: '' },
      { port: 7070, name: 'grpc', appProtocol: name === 'echo' ? 'kubernetes.io/h2c' : '' },
    ],
  });

export const echoMesh: Readonly<Record<string, RouteTarget>> = Object.fromEntries(
  ['echo', 'echo-v1', 'echo-v2'].map((name) => [`${mesh}/${name}`, echoTarget(name)]),
);

const to = (name: string, port = 8080, more: Part = {}): Part => ({ name, port, ...more });
const at = (name = 'echo', port?: number): Part => ({ group: '', kind: 'Service', name, ...(port !== undefined && { port }) });
const prefix = (value: string): Part => ({ path: { type: 'PathPrefix', value } });
const exact = (value: string): Part => ({ path: { type: 'Exact', value } });
const header = (name: string, value: string): Part => ({ headers: [{ name, value }] });
const query = (value: string): Part => ({ queryParams: [{ name: 'animal', value }] });
const pairs = (named: Readonly<Record<string, string>>): readonly Part[] => Object.entries(named).map(([name, value]) => ({ name, value }));
const redirect = (requestRedirect: Part): Part => ({ type: 'RequestRedirect', requestRedirect });
const requestHeaders = (requestHeaderModifier: Part): Part => ({ type: 'RequestHeaderModifier', requestHeaderModifier });
const full = (replaceFullPath: string): Part => ({ type: 'ReplaceFullPath', replaceFullPath });
const start = (replacePrefixMatch: string): Part => ({ type: 'ReplacePrefixMatch', replacePrefixMatch });

function route(name: string, rules: readonly Part[], parents: readonly Part[] = [at('echo', 80)], namespace = mesh): RouteManifest {
  return { kind: 'HTTPRoute', metadata: { namespace, name, generation: 1 }, spec: { parentRefs: parents, rules } };
}

const grpc = (name: string, rules: readonly Part[]): RouteManifest => ({ ...route(name, rules, [at('echo', 7070)]), kind: 'GRPCRoute' });

/** A rule for each prefix, which redirects so. */
const redirects = (name: string, to: Readonly<Record<string, Part>>): RouteManifest =>
  route(
    name,
    Object.entries(to).map(([path, how]) => ({ matches: [prefix(path)], filters: [redirect(how)] })),
  );

const responseHeader = (value: string): Part => ({
  type: 'ResponseHeaderModifier',
  responseHeaderModifier: { set: pairs({ 'X-Header-Set': value }) },
});

const headerChanges: Readonly<Record<string, Part>> = {
  '/set': { set: pairs({ 'X-Header-Set': 'set-overwrites-values' }) },
  '/add': { add: pairs({ 'X-Header-Add': 'add-appends-values' }) },
  '/remove': { remove: ['X-Header-Remove'] },
  '/multiple': {
    set: pairs({ 'X-Header-Set-1': 'header-set-1', 'X-Header-Set-2': 'header-set-2' }),
    add: pairs({ 'X-Header-Add-1': 'header-add-1', 'X-Header-Add-2': 'header-add-2', 'X-Header-Add-3': 'header-add-3' }),
    remove: ['X-Header-Remove-1', 'X-Header-Remove-2'],
  },
  '/case-insensitivity': {
    set: pairs({ 'X-Header-Set': 'header-set' }),
    add: pairs({ 'X-Header-Add': 'header-add' }),
    remove: ['X-Header-Remove'],
  },
};

const rewriteHeaders = requestHeaders({
  set: pairs({ 'X-Header-Set': 'set-overwrites-values' }),
  add: pairs({ 'X-Header-Add': 'header-val-1', 'X-Header-Add-Append': 'header-val-2' }),
  remove: ['X-Header-Remove'],
});

const rewrite = (path: string, how: Part, ...more: readonly Part[]): Part => ({
  matches: [prefix(path)],
  filters: [{ type: 'URLRewrite', urlRewrite: { path: how } }, ...more],
  backendRefs: [to('echo-v1', 80)],
});

const grpcCase = (name: string, backend: string, how: Part): Part => ({
  matches: [{ headers: [{ name: 'x-test-case', value: name }] }],
  filters: [requestHeaders(how)],
  backendRefs: [to(backend, 7070)],
});

const front = (name: string, service: string, value: string, port?: number): RouteManifest =>
  route(name, [{ filters: [responseHeader(value)], backendRefs: [to(service, 80)] }], [at(service, port)]);

const org = 'example.org';

export const meshConformanceRoutes: Readonly<Record<string, readonly RouteManifest[]>> = {
  MeshHTTPRouteSimpleSameNamespace: [route('mesh-simple-same-namespace', [{ backendRefs: [to('echo-v1')] }])],
  MeshHTTPRouteMatching: [
    route('mesh-matching', [
      { matches: [prefix('/'), header('version', 'one')], backendRefs: [to('echo-v1')] },
      { matches: [prefix('/v2'), header('version', 'two')], backendRefs: [to('echo-v2')] },
    ]),
  ],
  MeshTrafficSplit: [
    route(
      'mesh-split',
      ['v1', 'v2'].map((version) => ({ matches: [exact(`/${version}`)], backendRefs: [to(`echo-${version}`, 80)] })),
      [at()],
    ),
  ],
  MeshHTTPRouteWeight: [
    route('mesh-weighted-backends', [{ backendRefs: [to('echo-v1', 8080, { weight: 70 }), to('echo-v2', 8080, { weight: 30 })] }]),
  ],
  MeshHTTPRouteRequestHeaderModifier: [
    route(
      'mesh-request-header-modifier',
      Object.entries(headerChanges).map(([path, how]) => ({
        ...{ matches: [prefix(path)], filters: [requestHeaders(how)], backendRefs: [to('echo-v1')] },
      })),
    ),
  ],
  MeshHTTPRouteRedirectHostAndStatus: [
    redirects('mesh-redirect-host-and-status', {
      '/hostname-redirect': { hostname: org },
      '/host-and-status': { hostname: org, statusCode: 301 },
    }),
  ],
  MeshGRPCRouteWeight: [
    grpc('mesh-grpc-weighted-backends', [
      {
        backendRefs: [
          to('echo-v1', 7070, { weight: 70 }),
          to('echo-v2', 7070, { weight: 30 }),
          // There is no such Service.
          to('echo-v3', 7070, { weight: 0 }),
        ],
      },
    ]),
  ],
  MeshGRPCRouteRequestHeaderModifier: [
    grpc('mesh-grpc-request-header-modifier', [
      grpcCase('set', 'echo-v1', { set: pairs({ 'x-header-set': 'set-overwrites-values' }) }),
      grpcCase('add', 'echo-v1', { add: pairs({ 'x-header-add': 'add-appends-values' }) }),
      grpcCase('remove', 'echo-v1', { remove: ['x-header-remove'] }),
      grpcCase('multi', 'echo-v2', {
        set: pairs({ 'x-header-set-1': 'header-set-1', 'x-header-set-2': 'header-set-2' }),
        add: pairs({ 'x-header-add-1': 'header-add-1', 'x-header-add-2': 'header-add-2' }),
        remove: ['x-header-remove-1', 'x-header-remove-2'],
      }),
    ]),
  ],
  MeshHTTPRouteBackendRequestHeaderModifier: [
    route(
      'mesh-request-header-modifier',
      Object.entries(headerChanges).map(([path, how]) => ({
        ...{ matches: [prefix(path)], backendRefs: [to('echo-v1', 8080, { filters: [requestHeaders(how)] })] },
      })),
    ),
  ],
  MeshHTTPRouteQueryParamMatching: [
    route('mesh-query-param-matching', [
      { matches: [query('whale')], backendRefs: [to('echo-v1')] },
      { matches: [query('dolphin')], backendRefs: [to('echo-v2')] },
      { matches: [{ ...prefix('/path1'), ...query('whale') }], backendRefs: [to('echo-v1')] },
      { matches: [{ ...header('version', 'one'), ...query('whale') }], backendRefs: [to('echo-v2')] },
      {
        matches: [
          { ...prefix('/path3'), ...query('shark') },
          { ...prefix('/path4'), ...header('version', 'three'), ...query('kraken') },
        ],
        backendRefs: [to('echo-v1')],
      },
      { matches: [prefix('/path5')], backendRefs: [to('echo-v1')] },
      { matches: [query('hydra')], backendRefs: [to('echo-v2')] },
    ]),
  ],
  MeshHTTPRouteRedirectPath: [
    redirects('mesh-redirect-path', {
      '/original-prefix': { path: start('/replacement-prefix') },
      '/full': { path: full('/full-path-replacement') },
      '/path-and-host': { hostname: org, path: start('/replacement-prefix') },
      '/path-and-status': { path: start('/replacement-prefix'), statusCode: 301 },
      '/full-path-and-host': { hostname: org, path: full('/replacement-full') },
      '/full-path-and-status': { path: full('/replacement-full'), statusCode: 301 },
    }),
  ],
  MeshHTTPRouteRedirectPort: [
    redirects('mesh-redirect-port', {
      '/port': { port: 8083 },
      '/port-and-host': { port: 8083, hostname: org },
      '/port-and-status': { port: 8083, statusCode: 301 },
      '/port-and-host-and-status': { port: 8083, hostname: org, statusCode: 302 },
    }),
  ],
  MeshHTTPRouteSchemeRedirect: [
    redirects('mesh-redirect-scheme', {
      '/scheme': { scheme: 'https' },
      '/scheme-and-host': { scheme: 'https', hostname: org },
      '/scheme-and-status': { scheme: 'https', statusCode: 301 },
      '/scheme-and-host-and-status': { scheme: 'https', hostname: org, statusCode: 302 },
    }),
  ],
  MeshHTTPRouteRewritePath: [
    route('mesh-rewrite-path', [
      rewrite('/prefix/one', start('/one')),
      rewrite('/strip-prefix', start('/')),
      rewrite('/full/one', full('/one')),
      rewrite('/full/rewrite-path-and-modify-headers', full('/test'), rewriteHeaders),
      rewrite('/prefix/rewrite-path-and-modify-headers', start('/prefix'), rewriteHeaders),
    ]),
  ],
  MeshHTTPRouteNamedRule: [
    route('mesh-named-rule', [
      { name: 'named-rule', matches: [prefix('/named')], backendRefs: [to('echo-v1')] },
      { matches: [prefix('/unnamed')], backendRefs: [to('echo-v2')] },
    ]),
  ],
  MeshFrontend: [front('mesh-split-v1', 'echo-v2', 'set')],
  MeshPorts: [front('mesh-split-v1', 'echo-v1', 'v1', 80), front('mesh-split-v2', 'echo-v2', 'v2')],
  MeshConsumerRoute: [
    route(
      'mesh-consumer',
      [{ filters: [responseHeader('set')], backendRefs: [to('echo-v1', 80, { namespace: mesh })] }],
      [{ ...at('echo-v1'), namespace: mesh }],
      consumer,
    ),
  ],
  MeshHTTPRouteRedirectStatuses: [
    redirects('mesh-redirect-statuses', {
      '/redirect': { statusCode: 303 },
      '/temporary': { statusCode: 307 },
      '/permanent': { statusCode: 308 },
    }),
  ],
};
