// The mesh tests of the Gateway API, rebuilt with the values that the specification implies and the official suite does not look at: rewritten paths,
// Locations, statuses (facts: gateway-api-mesh §2). One mesh for all of them; each applies its routes, holds, and takes them away.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../lab/eventually.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { type Case, consumer, holds, type Manifest, MeshStage, mesh, patience, type Want } from './mesh-stage.ts';

const group = 'gateway.networking.k8s.io/v1';
type Part = Readonly<Record<string, unknown>>;

const parent = (name = 'echo', port?: number): Part => ({ group: '', kind: 'Service', name, ...(port !== undefined && { port }) });
const route = (name: string, spec: Part, kind = 'HTTPRoute', parentRefs: readonly Part[] = [parent('echo', 80)]): Manifest => ({
  apiVersion: group,
  kind,
  metadata: { name, namespace: mesh },
  spec: { parentRefs, ...spec },
});
const to = (name: string, port: number, more: Part = {}): Part => ({ name, port, ...more });
const prefix = (value: string): Part => ({ path: { type: 'PathPrefix', value } });
const exact = (value: string): Part => ({ path: { type: 'Exact', value } });
const header = (name: string, value: string): Part => ({ headers: [{ name, value }] });
const query = (name: string, value: string): Part => ({ queryParams: [{ name, value }] });
const redirect = (requestRedirect: Part): Part => ({ type: 'RequestRedirect', requestRedirect });
const rewrite = (path: Part): Part => ({ type: 'URLRewrite', urlRewrite: { path } });
const requestHeaders = (requestHeaderModifier: Part): Part => ({ type: 'RequestHeaderModifier', requestHeaderModifier });
const responseHeader = (value: string): Part => ({
  type: 'ResponseHeaderModifier',
  responseHeaderModifier: { set: [{ name: 'X-Header-Set', value }] },
});
const pairs = (all: Readonly<Record<string, string>>): readonly Part[] => Object.entries(all).map(([name, value]) => ({ name, value }));
const from = (backend: string, more: Partial<Want> = {}): Want => ({ backend, ...more });

const v1 = to('echo-v1', 8080);
const v2 = to('echo-v2', 8080);

describe.skipIf(!hasKubectl())('the mesh tests of the Gateway API, strictly', () => {
  let stage: MeshStage;
  beforeAll(async () => {
    stage = await MeshStage.start();
  }, 120_000);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  const check = async (routes: readonly Manifest[], cases: readonly Case[]): Promise<void> => {
    await using _routes = await stage.applied(...routes);
    await holds(stage, cases);
    for (const { kind, metadata } of routes) await accepted(kind, metadata.name, metadata.namespace ?? mesh);
  };

  /** Every parent says that the route is accepted, and of this very generation. */
  const accepted = async (kind: string, name: string, namespace: string, resolved = 'True/ResolvedRefs'): Promise<void> => {
    let said: unknown;
    const good = async (): Promise<true | undefined> => {
      const object = JSON.parse(await stage.lab.kubectl.ok(`-n ${namespace} get ${kind} ${name} -o json`)) as {
        readonly metadata: { readonly generation: number };
        readonly spec: { readonly parentRefs: readonly object[] };
        readonly status?: {
          readonly parents?: readonly { readonly controllerName: string; readonly conditions: readonly Record<string, unknown>[] }[];
        };
      };
      const parents = object.status?.parents ?? [];
      said = parents.map(({ controllerName, conditions }) => ({
        controllerName,
        ...Object.fromEntries(
          conditions.filter(({ type }) => type !== 'ResolvedWaypoints').map((c) => [String(c.type), `${c.status}/${c.reason}`]),
        ),
        current: conditions.every((c) => c.observedGeneration === object.metadata.generation),
      }));
      const want = object.spec.parentRefs.map(() => ({
        controllerName: 'istio.io/gateway-controller',
        Accepted: 'True/Accepted',
        ResolvedRefs: resolved,
        current: true,
      }));
      try {
        expect(said).toEqual(want);
        return true;
      } catch {
        return undefined;
      }
    };
    await eventually(good, { ...patience, what: `the status of ${kind} ${name}` }).catch((e: unknown) => {
      throw new Error(`${e instanceof Error ? e.message : String(e)}: ${JSON.stringify(said)}`);
    });
  };

  describe('core', () => {
    test('MeshBasic: without a route a Service is answered by all its pods', async () => {
      const seen = new Set<string>();
      const both = async (): Promise<true | undefined> => {
        const [results = []] = await stage.requests('V1', [{ url: 'http://echo', count: 10 }]);
        for (const each of results) if (each.status === 200 && each.seen !== undefined) seen.add(each.seen.version);
        return seen.size === 2 ? true : undefined;
      };
      await eventually(both, { ...patience, what: 'answers of both versions' });
    });

    test('MeshHTTPRouteSimpleSameNamespace', () =>
      check([route('mesh-simple', { rules: [{ backendRefs: [v1] }] })], [{ url: 'http://echo/', want: from('echo-v1') }]));

    test('MeshHTTPRouteMatching', () =>
      check(
        [
          route('mesh-matching', {
            rules: [
              { matches: [prefix('/'), header('version', 'one')], backendRefs: [v1] },
              { matches: [prefix('/v2'), header('version', 'two')], backendRefs: [v2] },
            ],
          }),
        ],
        [
          ...['/', '/example', '/v2example', '/foo/v2/example'].map(
            (path): Case => ({ url: `http://echo${path}`, want: from('echo-v1', { path }) }),
          ),
          { url: 'http://echo/', headers: { Version: 'one' }, want: from('echo-v1') },
          ...['/v2', '/v2/example', '/v2/'].map((path): Case => ({ url: `http://echo${path}`, want: from('echo-v2', { path }) })),
          { url: 'http://echo/', headers: { Version: 'two' }, want: from('echo-v2') },
        ],
      ));

    test('MeshTrafficSplit: exact paths, on every port', () =>
      check(
        [
          route(
            'mesh-traffic-split',
            {
              rules: [
                { matches: [exact('/v1')], backendRefs: [to('echo-v1', 80)] },
                { matches: [exact('/v2')], backendRefs: [to('echo-v2', 80)] },
              ],
            },
            'HTTPRoute',
            [parent()],
          ),
        ],
        [
          { url: 'http://echo/v1', want: from('echo-v1') },
          { url: 'http://echo/v2', want: from('echo-v2') },
          ...['http://echo/v1/', 'http://echo/other', 'http://echo:8080/other'].map((url): Case => ({ url, want: { status: 404 } })),
          { url: 'http://echo:8080/v1', want: from('echo-v1') },
        ],
      ));

    test('MeshHTTPRouteWeight: shares of 500 requests are within five points', async () => {
      const backendRefs = [to('echo-v1', 8080, { weight: 70 }), to('echo-v2', 8080, { weight: 30 })];
      await using _route = await stage.applied(route('mesh-weight', { rules: [{ backendRefs }] }));
      await accepted('HTTPRoute', 'mesh-weight', mesh);
      await shares('http://echo/');
    });

    /** Seven in ten are answered by the first version; every one is answered. */
    const shares = async (url: string): Promise<void> => {
      let share = 0;
      let failed: readonly unknown[] = [];
      const within = async (): Promise<true | undefined> => {
        const [results = []] = await stage.requests('V1', [{ url, count: 500, parallel: 20, timeoutMs: 10_000 }]);
        failed = results.filter(({ seen }) => seen === undefined);
        share = results.filter(({ seen }) => seen?.version === 'v1').length / results.length;
        return failed.length === 0 && Math.abs(share - 0.7) <= 0.05 ? true : undefined;
      };
      await eventually(within, { ...patience, what: 'a share of 0.7' }).catch(() =>
        expect({ share, failed }).toEqual({ share: 0.7, failed: [] }),
      );
    };

    const modifiers: Readonly<Record<string, Part>> = {
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
    const modified: readonly Case[] = [
      {
        url: 'http://echo/set',
        headers: { 'Some-Other-Header': 'val' },
        want: from('echo-v1', { seen: { 'Some-Other-Header': 'val', 'X-Header-Set': 'set-overwrites-values' } }),
      },
      {
        url: 'http://echo/set',
        headers: { 'Some-Other-Header': 'val', 'X-Header-Set': 'some-other-value' },
        want: from('echo-v1', { seen: { 'Some-Other-Header': 'val', 'X-Header-Set': 'set-overwrites-values' } }),
      },
      {
        url: 'http://echo/add',
        headers: { 'Some-Other-Header': 'val' },
        want: from('echo-v1', { seen: { 'Some-Other-Header': 'val', 'X-Header-Add': 'add-appends-values' } }),
      },
      {
        url: 'http://echo/add',
        headers: { 'Some-Other-Header': 'val', 'X-Header-Add': 'some-other-value' },
        want: from('echo-v1', { seen: { 'X-Header-Add': 'some-other-value,add-appends-values' } }),
      },
      {
        url: 'http://echo/remove',
        headers: { 'X-Header-Remove': 'val' },
        want: from('echo-v1', { seen: { 'X-Header-Remove': undefined } }),
      },
      {
        url: 'http://echo/multiple',
        headers: {
          'X-Header-Set-2': 'set-val-2',
          'X-Header-Add-2': 'add-val-2',
          'X-Header-Remove-2': 'remove-val-2',
          'Another-Header': 'another-header-val',
        },
        want: from('echo-v1', {
          seen: {
            'X-Header-Set-1': 'header-set-1',
            'X-Header-Set-2': 'header-set-2',
            'X-Header-Add-1': 'header-add-1',
            'X-Header-Add-2': 'add-val-2,header-add-2',
            'X-Header-Add-3': 'header-add-3',
            'Another-Header': 'another-header-val',
            'X-Header-Remove-1': undefined,
            'X-Header-Remove-2': undefined,
          },
        }),
      },
      {
        url: 'http://echo/case-insensitivity',
        headers: {
          'x-header-set': 'original-val-set',
          'x-header-add': 'original-val-add',
          'x-header-remove': 'original-val-remove',
          'Another-Header': 'another-header-val',
        },
        want: from('echo-v1', {
          seen: {
            'X-Header-Set': 'header-set',
            'X-Header-Add': 'original-val-add,header-add',
            'x-header-remove': undefined,
            'Another-Header': 'another-header-val',
          },
        }),
      },
    ];

    test('MeshHTTPRouteRequestHeaderModifier', () =>
      check(
        [
          route('mesh-request-header-modifier', {
            rules: Object.entries(modifiers).map(([path, filter]) => ({
              matches: [prefix(path)],
              filters: [requestHeaders(filter)],
              backendRefs: [v1],
            })),
          }),
        ],
        modified,
      ));

    test('MeshHTTPRouteBackendRequestHeaderModifier: the same on the backend', () =>
      check(
        [
          route('mesh-request-header-modifier', {
            rules: Object.entries(modifiers).map(([path, filter]) => ({
              matches: [prefix(path)],
              backendRefs: [{ ...v1, filters: [requestHeaders(filter)] }],
            })),
          }),
        ],
        modified,
      ));

    test('MeshHTTPRouteRedirectHostAndStatus', () =>
      check(
        [
          route('mesh-redirect-host-and-status', {
            rules: [
              { matches: [prefix('/hostname-redirect')], filters: [redirect({ hostname: 'example.org' })] },
              { matches: [prefix('/host-and-status')], filters: [redirect({ hostname: 'example.org', statusCode: 301 })] },
            ],
          }),
        ],
        [
          { url: 'http://echo/hostname-redirect', want: { status: 302, location: 'http://example.org/hostname-redirect' } },
          { url: 'http://echo/host-and-status', want: { status: 301, location: 'http://example.org/host-and-status' } },
        ],
      ));

    test('MeshGRPCRouteWeight: a backend of no weight that does not exist is no harm', async () => {
      const backendRefs = [to('echo-v1', 7070, { weight: 70 }), to('echo-v2', 7070, { weight: 30 }), to('echo-v3', 7070, { weight: 0 })];
      await using _route = await stage.applied(
        route('mesh-grpc-weight', { rules: [{ backendRefs }] }, 'GRPCRoute', [parent('echo', 7070)]),
      );
      await accepted('GRPCRoute', 'mesh-grpc-weight', mesh, 'False/BackendNotFound');
      await shares('grpc://echo:7070/proto.EchoTestService/Echo');
    });

    test('MeshGRPCRouteRequestHeaderModifier', () => {
      const rule = (name: string, filter: Part, backend = 'echo-v1'): Part => ({
        matches: [{ headers: [{ name: 'x-test-case', value: name }] }],
        filters: [requestHeaders(filter)],
        backendRefs: [to(backend, 7070)],
      });
      const url = 'grpc://echo:7070/proto.EchoTestService/Echo';
      return check(
        [
          route(
            'mesh-grpc-request-header-modifier',
            {
              rules: [
                rule('set', { set: pairs({ 'x-header-set': 'set-overwrites-values' }) }),
                rule('add', { add: pairs({ 'x-header-add': 'add-appends-values' }) }),
                rule('remove', { remove: ['x-header-remove'] }),
                rule(
                  'multi',
                  {
                    set: pairs({ 'x-header-set-1': 'header-set-1', 'x-header-set-2': 'header-set-2' }),
                    add: pairs({ 'x-header-add-1': 'header-add-1', 'x-header-add-2': 'header-add-2' }),
                    remove: ['x-header-remove-1', 'x-header-remove-2'],
                  },
                  'echo-v2',
                ),
              ],
            },
            'GRPCRoute',
            [parent('echo', 7070)],
          ),
        ],
        [
          {
            url,
            headers: {
              'x-test-case': 'set',
              'some-other-header': 'this-header-should-be-set',
              'x-header-set': 'this-value-should-be-overwritten',
            },
            want: from('echo-v1', {
              grpcStatus: 0,
              seen: { 'x-test-case': 'set', 'some-other-header': 'this-header-should-be-set', 'x-header-set': 'set-overwrites-values' },
            }),
          },
          {
            url,
            headers: { 'x-test-case': 'add', 'x-header-add': 'this-value-should-be-appended' },
            want: from('echo-v1', { grpcStatus: 0, seen: { 'x-header-add': 'this-value-should-be-appended,add-appends-values' } }),
          },
          {
            url,
            headers: { 'x-test-case': 'remove', 'x-header-remove': 'this-should-be-removed' },
            want: from('echo-v1', { grpcStatus: 0, seen: { 'x-header-remove': undefined } }),
          },
          {
            url,
            from: 'V2',
            headers: {
              'x-test-case': 'multi',
              'x-header-set-2': 'set-header-2',
              'x-header-add-2': 'add-header-2',
              'x-header-remove-2': 'should-be-removed-2',
            },
            want: from('echo-v2', {
              grpcStatus: 0,
              seen: {
                'x-header-set-1': 'header-set-1',
                'x-header-set-2': 'header-set-2',
                'x-header-add-1': 'header-add-1',
                'x-header-add-2': 'add-header-2,header-add-2',
                'x-header-remove-1': undefined,
                'x-header-remove-2': undefined,
              },
            }),
          },
        ],
      );
    });
  });

  describe('extended', () => {
    test('MeshHTTPRouteQueryParamMatching', () =>
      check(
        [
          route('mesh-query-param-matching', {
            rules: [
              { matches: [query('animal', 'whale')], backendRefs: [v1] },
              { matches: [query('animal', 'dolphin')], backendRefs: [v2] },
              { matches: [{ ...prefix('/path1'), ...query('animal', 'whale') }], backendRefs: [v1] },
              { matches: [{ ...header('version', 'one'), ...query('animal', 'whale') }], backendRefs: [v2] },
              {
                matches: [
                  { ...prefix('/path3'), ...query('animal', 'shark') },
                  { ...prefix('/path4'), ...header('version', 'three'), ...query('animal', 'kraken') },
                ],
                backendRefs: [v1],
              },
              { matches: [prefix('/path5')], backendRefs: [v1] },
              { matches: [query('animal', 'hydra')], backendRefs: [v2] },
            ],
          }),
        ],
        [
          ...[
            '/?animal=whale',
            '/?animal=whale&otherparam=irrelevant',
            '/path1?animal=whale',
            '/path3?animal=shark',
            '/path5?animal=hydra',
          ].map((path): Case => ({ url: `http://echo${path}`, want: from('echo-v1', { path }) })),
          { url: 'http://echo/path4?animal=kraken', headers: { version: 'three' }, want: from('echo-v1') },
          ...['/?animal=dolphin', '/?animal=dolphin&color=yellow'].map(
            (path): Case => ({ url: `http://echo${path}`, want: from('echo-v2') }),
          ),
          { url: 'http://echo/?animal=whale', headers: { version: 'one' }, want: from('echo-v2') },
          ...['/?color=blue', '/?animal=dog', '/?animal=whaledolphin', '/', '/?animal=shark', '/path4?animal=kraken'].map(
            (path): Case => ({ url: `http://echo${path}`, want: { status: 404 } }),
          ),
        ],
      ));

    const rule = (path: string, change: Part): Part => ({ matches: [prefix(path)], filters: [redirect(change)] });
    const byPrefix = (replacePrefixMatch: string): Part => ({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch } });
    const byPath = (replaceFullPath: string): Part => ({ path: { type: 'ReplaceFullPath', replaceFullPath } });

    test('MeshHTTPRouteRedirectPath', () =>
      check(
        [
          route('mesh-redirect-path', {
            rules: [
              rule('/original-prefix', byPrefix('/replacement-prefix')),
              rule('/full', byPath('/full-path-replacement')),
              rule('/path-and-host', { hostname: 'example.org', ...byPrefix('/replacement-prefix') }),
              rule('/path-and-status', { ...byPrefix('/replacement-prefix'), statusCode: 301 }),
              rule('/full-path-and-host', { hostname: 'example.org', ...byPath('/replacement-full') }),
              rule('/full-path-and-status', { ...byPath('/replacement-full'), statusCode: 301 }),
            ],
          }),
        ],
        [
          { url: 'http://echo/original-prefix/lemon', want: { status: 302, location: 'http://echo/replacement-prefix/lemon' } },
          { url: 'http://echo/full/path/original', want: { status: 302, location: 'http://echo/full-path-replacement' } },
          { url: 'http://echo/path-and-host', want: { status: 302, location: 'http://example.org/replacement-prefix' } },
          { url: 'http://echo/path-and-status', want: { status: 301, location: 'http://echo/replacement-prefix' } },
          { url: 'http://echo/full-path-and-host', want: { status: 302, location: 'http://example.org/replacement-full' } },
          { url: 'http://echo/full-path-and-status', want: { status: 301, location: 'http://echo/replacement-full' } },
        ],
      ));

    test('MeshHTTPRouteRedirectPort', () =>
      check(
        [
          route('mesh-redirect-port', {
            rules: [
              rule('/port', { port: 8083 }),
              rule('/port-and-host', { hostname: 'example.org', port: 8083 }),
              rule('/port-and-status', { port: 8083, statusCode: 301 }),
              rule('/port-and-host-and-status', { hostname: 'example.org', port: 8083, statusCode: 302 }),
            ],
          }),
        ],
        [
          { url: 'http://echo/port', want: { status: 302, location: 'http://echo:8083/port' } },
          { url: 'http://echo/port-and-host', want: { status: 302, location: 'http://example.org:8083/port-and-host' } },
          { url: 'http://echo/port-and-status', want: { status: 301, location: 'http://echo:8083/port-and-status' } },
          {
            url: 'http://echo/port-and-host-and-status',
            want: { status: 302, location: 'http://example.org:8083/port-and-host-and-status' },
          },
        ],
      ));

    test('MeshHTTPRouteSchemeRedirect: the port follows from the scheme', () =>
      check(
        [
          route('mesh-redirect-scheme', {
            rules: [
              rule('/scheme', { scheme: 'https' }),
              rule('/scheme-and-host', { hostname: 'example.org', scheme: 'https' }),
              rule('/scheme-and-status', { scheme: 'https', statusCode: 301 }),
              rule('/scheme-and-host-and-status', { scheme: 'https', hostname: 'example.org', statusCode: 302 }),
            ],
          }),
        ],
        [
          { url: 'http://echo/scheme', want: { status: 302, location: 'https://echo/scheme' } },
          { url: 'http://echo/scheme-and-host', want: { status: 302, location: 'https://example.org/scheme-and-host' } },
          { url: 'http://echo/scheme-and-status', want: { status: 301, location: 'https://echo/scheme-and-status' } },
          {
            url: 'http://echo/scheme-and-host-and-status',
            want: { status: 302, location: 'https://example.org/scheme-and-host-and-status' },
          },
        ],
      ));

    test('MeshHTTPRouteRewritePath', () => {
      const h = requestHeaders({
        set: pairs({ 'X-Header-Set': 'set-overwrites-values' }),
        add: pairs({ 'X-Header-Add': 'header-val-1', 'X-Header-Add-Append': 'header-val-2' }),
        remove: ['X-Header-Remove'],
      });
      const sent = { 'X-Header-Remove': 'remove-val', 'X-Header-Add-Append': 'append-val-1', 'X-Header-Set': 'set-val' };
      const seen = {
        'X-Header-Add': 'header-val-1',
        'X-Header-Add-Append': 'append-val-1,header-val-2',
        'X-Header-Set': 'set-overwrites-values',
        'X-Header-Remove': undefined,
      };
      const rewriting = (path: string, filters: readonly Part[]): Part => ({
        matches: [prefix(path)],
        filters,
        backendRefs: [to('echo-v1', 80)],
      });
      const cutting = (replacePrefixMatch: string): Part => rewrite({ type: 'ReplacePrefixMatch', replacePrefixMatch });
      const replacing = (replaceFullPath: string): Part => rewrite({ type: 'ReplaceFullPath', replaceFullPath });
      return check(
        [
          route('mesh-rewrite-path', {
            rules: [
              rewriting('/prefix/one', [cutting('/one')]),
              rewriting('/strip-prefix', [cutting('/')]),
              rewriting('/full/one', [replacing('/one')]),
              rewriting('/full/rewrite-path-and-modify-headers', [replacing('/test'), h]),
              rewriting('/prefix/rewrite-path-and-modify-headers', [cutting('/prefix'), h]),
            ],
          }),
        ],
        [
          { url: 'http://echo/prefix/one/two', want: from('echo-v1', { path: '/one/two', host: 'echo' }) },
          { url: 'http://echo/prefix/one/two?kept=yes', want: from('echo-v1', { path: '/one/two?kept=yes' }) },
          { url: 'http://echo/strip-prefix/three', want: from('echo-v1', { path: '/three' }) },
          { url: 'http://echo/strip-prefix', want: from('echo-v1', { path: '/' }) },
          { url: 'http://echo/full/one/two', want: from('echo-v1', { path: '/one' }) },
          { url: 'http://echo/full/rewrite-path-and-modify-headers/test', headers: sent, want: from('echo-v1', { path: '/test', seen }) },
          {
            url: 'http://echo/prefix/rewrite-path-and-modify-headers/one',
            headers: sent,
            want: from('echo-v1', { path: '/prefix/one', seen }),
          },
        ],
      );
    });

    test('MeshHTTPRouteNamedRule', () =>
      check(
        [
          route('mesh-named-rule', {
            rules: [
              { name: 'named-rule', matches: [prefix('/named')], backendRefs: [v1] },
              { matches: [prefix('/unnamed')], backendRefs: [v2] },
            ],
          }),
        ],
        [
          { url: 'http://echo/named', want: from('echo-v1') },
          { url: 'http://echo/unnamed', want: from('echo-v2') },
        ],
      ));
  });

  describe('run, but counted in no profile', () => {
    const frontend = (): Manifest =>
      route('mesh-split-v1', { rules: [{ filters: [responseHeader('set')], backendRefs: [to('echo-v2', 80)] }] }, 'HTTPRoute', [
        parent('echo-v2'),
      ]);
    const set = (value: string | undefined): Partial<Want> => ({ answer: { 'X-Header-Set': value } });

    test('MeshFrontend: a route is of the Service, not of its pods', async () => {
      const { ip } = stage.pod('V2');
      await check(
        [frontend()],
        [
          { url: 'http://echo-v2', want: from('echo-v2', set('set')) },
          { url: `http://${ip}:8080`, want: from('echo-v2', set(undefined)) },
        ],
      );
    });

    test('MeshFrontendHostname: the address decides, not the Host header', () =>
      check(
        [frontend()],
        [
          { url: 'http://echo-v2', headers: { Host: 'echo-v1' }, want: from('echo-v2', { ...set('set'), host: 'echo-v1' }) },
          { url: 'http://echo-v1', headers: { Host: 'echo-v2' }, want: from('echo-v1', { ...set(undefined), host: 'echo-v2' }) },
        ],
      ));

    test('MeshPorts: a route for one port leaves the others alone', () =>
      check(
        [
          route('mesh-ports', { rules: [{ filters: [responseHeader('v1')], backendRefs: [to('echo-v1', 80)] }] }, 'HTTPRoute', [
            parent('echo-v1', 80),
          ]),
          route('mesh-split-v1', { rules: [{ filters: [responseHeader('v2')], backendRefs: [to('echo-v2', 80)] }] }, 'HTTPRoute', [
            parent('echo-v2'),
          ]),
        ],
        [
          { url: 'http://echo-v1', want: from('echo-v1', set('v1')) },
          { url: 'http://echo-v1:8080', want: from('echo-v1', set(undefined)) },
          { url: 'http://echo-v2', want: from('echo-v2', set('v2')) },
          { url: 'http://echo-v2:8080', want: from('echo-v2', set('v2')) },
        ],
      ));

    test('MeshConsumerRoute: a route of another namespace is for the clients of that namespace', () =>
      check(
        [
          {
            apiVersion: group,
            kind: 'HTTPRoute',
            metadata: { name: 'mesh-split-v1', namespace: consumer },
            spec: {
              parentRefs: [{ ...parent('echo-v1'), namespace: mesh }],
              rules: [{ filters: [responseHeader('set')], backendRefs: [{ ...to('echo-v1', 80), namespace: mesh }] }],
            },
          },
        ],
        [
          { from: 'CC', url: `http://echo-v1.${mesh}/`, want: from('echo-v1', set('set')) },
          { from: 'V1', url: `http://echo-v1.${mesh}/`, want: from('echo-v1', set(undefined)) },
        ],
      ));

    for (const [name, path, statusCode] of [
      ['303', '/redirect', 303],
      ['307', '/temporary', 307],
      ['308', '/permanent', 308],
    ] as const)
      test(`MeshHTTPRoute${name}Redirect`, () =>
        check(
          [route('mesh-redirect', { rules: [{ matches: [prefix(path)], filters: [redirect({ statusCode })] }] })],
          [{ url: `http://echo${path}`, want: { status: statusCode, location: `http://echo${path}` } }],
        ));
  });
});
