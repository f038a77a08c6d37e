// The routing part of every official mesh test of the Gateway API, with the strict values that the specification implies
// (facts: gateway-api-mesh §2.3 to §2.5): who answers, with which path and headers, and where redirects lead.
import { describe, expect, test } from 'vitest';
import { backend, request, route, rule } from '../testing/routes.ts';
import { applyEdit } from './header-edit.ts';
import { editPath } from './path-edit.ts';
import { locationOf } from './redirect.ts';
import type { MatchInput } from './request-view.ts';
import type { Filter, HttpMatch, HttpRule, PathEdit, Route } from './route.ts';
import { RouteTables } from './route-table.ts';

const prefix = (path: string): HttpMatch => ({ path: { prefix: path } });
const exact = (path: string): HttpMatch => ({ path: { exact: path } });
const query = (name: string, value: string) => ({ query: [{ name, match: { exact: value } }] });
const header = (name: string, value: string) => ({ headers: [{ name, match: { exact: value } }] });
type Pairs = readonly (readonly [string, string])[];
const edit = (set: Pairs, add: Pairs = [], remove: readonly string[] = []): Filter => ({ filter: 'request-headers', set, add, remove });
const replacePrefix = (from: string, by: string): PathEdit => ({ prefix: from, by, whole: 'segments' });

interface Seen {
  readonly status?: number;
  readonly location?: string;
  readonly to?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the client or the backend sees, as the waypoint would carry it out. */
function send(
  routes: readonly Route[],
  asked: MatchInput,
  { service = 'mesh/echo', port = 80, client = 'mesh' } = {},
): Seen & { readonly answered: Readonly<Record<string, string>> } {
  const tables = new RouteTables({ waypointNamespace: 'mesh', rootNamespace: 'istio-system' });
  for (const each of routes) tables.put(`${each.namespace}/${each.name}`, each);
  const found = tables.forService(service, port, { namespace: client });
  if (found === undefined) return { to: service, answered: {} };
  if (found.kind === 'tcp' || found.kind === 'tls') throw new Error('not HTTP');
  const taken = found.match(asked)?.rule;
  if (taken === undefined) return { status: 404, answered: {} };
  const [chosen] = taken.backends;
  let { path, headers } = asked;
  let answered: MatchInput['headers'] = [];
  for (const filter of [...taken.filters, ...(chosen?.filters ?? [])]) {
    if (filter.filter === 'redirect') return { status: filter.status, location: locationOf(asked, filter, port), answered: {} };
    if (filter.filter === 'rewrite' && filter.path) path = editPath(path, filter.path);
    if (filter.filter === 'request-headers') ({ headers } = applyEdit(headers, filter));
    if (filter.filter === 'response-headers') ({ headers: answered } = applyEdit(answered, filter));
  }
  const to = chosen && 'service' in chosen.to ? chosen.to.service : 'nobody';
  return { to, path, headers: Object.fromEntries(headers), answered: Object.fromEntries(answered) };
}

type Row = readonly [asked: string, headers: Readonly<Record<string, string>>, seen: Seen];

function suite(name: string, rules: readonly HttpRule[], rows: readonly Row[], given: Partial<Route> = {}): void {
  describe(name, () => {
    for (const [path, headers, seen] of rows)
      test(`${path} ${JSON.stringify(headers)}`, () =>
        expect(send([route('r', rules, given)], request(path, headers))).toMatchObject(seen));
  });
}

const [v1, v2, lost] = [{ to: 'echo-v1' }, { to: 'echo-v2' }, { status: 404 }];

suite('MeshHTTPRouteSimpleSameNamespace', [rule([], 'echo-v1')], [['/', {}, v1]]);

suite(
  'MeshHTTPRouteMatching',
  [rule([prefix('/'), header('version', 'one')], 'echo-v1'), rule([prefix('/v2'), header('version', 'two')], 'echo-v2')],
  [
    ['/', {}, v1],
    ['/example', {}, v1],
    ['/', { version: 'one' }, v1],
    ['/v2example', {}, v1],
    ['/foo/v2/example', {}, v1],
    ['/v2', {}, v2],
    ['/v2/example', {}, v2],
    ['/v2/', {}, v2],
    ['/', { version: 'two' }, v2],
  ],
);

suite(
  'MeshTrafficSplit',
  [rule([exact('/v1')], 'echo-v1'), rule([exact('/v2')], 'echo-v2')],
  [
    ['/v1', {}, v1],
    ['/v2', {}, v2],
    ['/v1/', {}, lost],
    ['/other', {}, lost],
  ],
);

const edits: readonly (readonly [path: string, filter: Filter])[] = [
  ['/set', edit([['X-Header-Set', 'set-overwrites-values']])],
  ['/add', edit([], [['X-Header-Add', 'add-appends-values']])],
  ['/remove', edit([], [], ['X-Header-Remove'])],
  [
    '/multiple',
    edit(
      [
        ['X-Header-Set-1', 'header-set-1'],
        ['X-Header-Set-2', 'header-set-2'],
      ],
      [
        ['X-Header-Add-1', 'header-add-1'],
        ['X-Header-Add-2', 'header-add-2'],
        ['X-Header-Add-3', 'header-add-3'],
      ],
      ['X-Header-Remove-1', 'X-Header-Remove-2'],
    ),
  ],
  ['/case-insensitivity', edit([['X-Header-Set', 'header-set']], [['X-Header-Add', 'header-add']], ['X-Header-Remove'])],
];
const other = { 'some-other-header': 'val' };
const edited: readonly Row[] = [
  ['/set', other, { headers: { ...other, 'x-header-set': 'set-overwrites-values' } }],
  ['/set', { ...other, 'x-header-set': 'some-other-value' }, { headers: { ...other, 'x-header-set': 'set-overwrites-values' } }],
  ['/add', other, { headers: { ...other, 'x-header-add': 'add-appends-values' } }],
  [
    '/add',
    { ...other, 'x-header-add': 'some-other-value' },
    { headers: { ...other, 'x-header-add': 'some-other-value,add-appends-values' } },
  ],
  ['/remove', { 'x-header-remove': 'val' }, { headers: {} }],
  [
    '/multiple',
    { 'x-header-set-2': 'set-val-2', 'x-header-add-2': 'add-val-2', 'x-header-remove-2': 'remove-val-2', 'another-header': 'another' },
    {
      headers: {
        'x-header-set-1': 'header-set-1',
        'x-header-set-2': 'header-set-2',
        'x-header-add-1': 'header-add-1',
        'x-header-add-2': 'add-val-2,header-add-2',
        'x-header-add-3': 'header-add-3',
        'another-header': 'another',
      },
    },
  ],
  [
    '/case-insensitivity',
    { 'x-header-set': 'original-val-set', 'x-header-add': 'original-val-add', 'x-header-remove': 'original-val-remove' },
    { headers: { 'x-header-set': 'header-set', 'x-header-add': 'original-val-add,header-add' } },
  ],
];
suite(
  'MeshHTTPRouteRequestHeaderModifier',
  edits.map(([path, filter]) => rule([prefix(path)], 'echo-v1', { filters: [filter] })),
  edited,
);
suite(
  'MeshHTTPRouteBackendRequestHeaderModifier',
  edits.map(([path, filter]) => rule([prefix(path)], '', { backends: [backend('echo-v1', 1, [filter])] })),
  edited,
);
test('what is removed is gone', () => {
  const removed = route(
    'r',
    edits.map(([path, filter]) => rule([prefix(path)], 'echo-v1', { filters: [filter] })),
  );
  for (const path of ['/remove', '/case-insensitivity'])
    expect(send([removed], request(path, { 'x-header-remove': 'val' })).headers).not.toHaveProperty('x-header-remove');
});

suite(
  'MeshGRPCRouteRequestHeaderModifier',
  ['set', 'add', 'remove', 'multi'].map((name, at) =>
    rule([header('x-test-case', name)], name === 'multi' ? 'echo-v2' : 'echo-v1', { filters: [edits[at]?.[1] ?? edit([])] }),
  ),
  [
    [
      '/proto.EchoTestService/Echo',
      { 'x-test-case': 'set', 'x-header-set': 'old' },
      { ...v1, headers: { 'x-header-set': 'set-overwrites-values' } },
    ],
    [
      '/proto.EchoTestService/Echo',
      { 'x-test-case': 'add', 'x-header-add': 'old' },
      { ...v1, headers: { 'x-header-add': 'old,add-appends-values' } },
    ],
    [
      '/proto.EchoTestService/Echo',
      { 'x-test-case': 'multi', 'x-header-add-2': 'old' },
      { ...v2, headers: { 'x-header-add-2': 'old,header-add-2' } },
    ],
    ['/proto.EchoTestService/Echo', { 'x-test-case': 'other' }, lost],
  ],
  { kind: 'GRPCRoute' },
);

suite(
  'MeshHTTPRouteQueryParamMatching',
  [
    rule([query('animal', 'whale')], 'echo-v1'),
    rule([query('animal', 'dolphin')], 'echo-v2'),
    rule([{ ...prefix('/path1'), ...query('animal', 'whale') }], 'echo-v1'),
    rule([{ ...header('version', 'one'), ...query('animal', 'whale') }], 'echo-v2'),
    rule(
      [
        { ...prefix('/path3'), ...query('animal', 'shark') },
        { ...prefix('/path4'), ...header('version', 'three'), ...query('animal', 'kraken') },
      ],
      'echo-v1',
    ),
    rule([prefix('/path5')], 'echo-v1'),
    rule([query('animal', 'hydra')], 'echo-v2'),
  ],
  [
    ['/?animal=whale', {}, v1],
    ['/?animal=whale&otherparam=irrelevant', {}, v1],
    ['/path1?animal=whale', {}, v1],
    ['/path3?animal=shark', {}, v1],
    ['/path4?animal=kraken', { version: 'three' }, v1],
    ['/path5?animal=hydra', {}, v1],
    ['/?animal=dolphin', {}, v2],
    ['/?animal=dolphin&color=yellow', {}, v2],
    ['/?animal=whale', { version: 'one' }, v2],
    ['/?color=blue', {}, lost],
    ['/?animal=dog', {}, lost],
    ['/?animal=whaledolphin', {}, lost],
    ['/', {}, lost],
    ['/?animal=shark', {}, lost],
    ['/path4?animal=kraken', {}, lost],
  ],
);

type Redirect = Omit<Extract<Filter, { readonly filter: 'redirect' }>, 'filter'>;
const redirects: readonly (readonly [test: string, prefix: string, filter: Redirect, asked: string, location: string])[] = [
  [
    'HostAndStatus',
    '/hostname-redirect',
    { hostname: 'example.org', status: 302 },
    '/hostname-redirect',
    'http://example.org/hostname-redirect',
  ],
  ['HostAndStatus', '/host-and-status', { hostname: 'example.org', status: 301 }, '/host-and-status', 'http://example.org/host-and-status'],
  [
    'Path',
    '/original-prefix',
    { path: replacePrefix('/original-prefix', '/replacement-prefix'), status: 302 },
    '/original-prefix/lemon',
    'http://echo/replacement-prefix/lemon',
  ],
  ['Path', '/full', { path: { full: '/full-path-replacement' }, status: 302 }, '/full/path/original', 'http://echo/full-path-replacement'],
  [
    'Path',
    '/path-and-host',
    { hostname: 'example.org', path: replacePrefix('/path-and-host', '/replacement-prefix'), status: 302 },
    '/path-and-host',
    'http://example.org/replacement-prefix',
  ],
  [
    'Path',
    '/path-and-status',
    { path: replacePrefix('/path-and-status', '/replacement-prefix'), status: 301 },
    '/path-and-status',
    'http://echo/replacement-prefix',
  ],
  [
    'Path',
    '/full-path-and-host',
    { hostname: 'example.org', path: { full: '/replacement-full' }, status: 302 },
    '/full-path-and-host',
    'http://example.org/replacement-full',
  ],
  [
    'Path',
    '/full-path-and-status',
    { path: { full: '/replacement-full' }, status: 301 },
    '/full-path-and-status',
    'http://echo/replacement-full',
  ],
  ['Port', '/port', { port: 8083, status: 302 }, '/port', 'http://echo:8083/port'],
  [
    'Port',
    '/port-and-host',
    { port: 8083, hostname: 'example.org', status: 302 },
    '/port-and-host',
    'http://example.org:8083/port-and-host',
  ],
  ['Port', '/port-and-status', { port: 8083, status: 301 }, '/port-and-status', 'http://echo:8083/port-and-status'],
  ['Scheme', '/scheme', { scheme: 'https', status: 302 }, '/scheme', 'https://echo/scheme'],
  [
    'Scheme',
    '/scheme-and-host',
    { scheme: 'https', hostname: 'example.org', status: 302 },
    '/scheme-and-host',
    'https://example.org/scheme-and-host',
  ],
  ['Scheme', '/scheme-and-status', { scheme: 'https', status: 301 }, '/scheme-and-status', 'https://echo/scheme-and-status'],
  ['303', '/redirect', { status: 303 }, '/redirect', 'http://echo/redirect'],
  ['307', '/temporary', { status: 307 }, '/temporary?a=b', 'http://echo/temporary?a=b'],
  ['308', '/permanent', { status: 308 }, '/permanent', 'http://echo/permanent'],
];
describe('MeshHTTPRouteRedirect', () => {
  const rules = redirects.map(([, path, filter]) => rule([prefix(path)], '', { filters: [{ filter: 'redirect', ...filter }] }));
  for (const [name, , { status }, asked, location] of redirects)
    test(`${name} ${asked}`, () => expect(send([route('r', rules)], request(asked))).toMatchObject({ status, location }));
});

const H = edit(
  [['X-Header-Set', 'set-overwrites-values']],
  [
    ['X-Header-Add', 'header-val-1'],
    ['X-Header-Add-Append', 'header-val-2'],
  ],
  ['X-Header-Remove'],
);
const R = { 'x-header-remove': 'remove-val', 'x-header-add-append': 'append-val-1', 'x-header-set': 'set-val' };
const E = { 'x-header-add': 'header-val-1', 'x-header-add-append': 'append-val-1,header-val-2', 'x-header-set': 'set-overwrites-values' };
suite(
  'MeshHTTPRouteRewritePath',
  (
    [
      ['/prefix/one', replacePrefix('/prefix/one', '/one')],
      ['/strip-prefix', replacePrefix('/strip-prefix', '/')],
      ['/full/one', { full: '/one' }],
      ['/full/rewrite-path-and-modify-headers', { full: '/test' }, H],
      ['/prefix/rewrite-path-and-modify-headers', replacePrefix('/prefix/rewrite-path-and-modify-headers', '/prefix'), H],
    ] as readonly (readonly [string, PathEdit, Filter?])[]
  ).map(([path, by, more]) => rule([prefix(path)], 'echo-v1', { filters: [{ filter: 'rewrite', path: by }, ...(more ? [more] : [])] })),
  [
    ['/prefix/one/two', {}, { path: '/one/two' }],
    ['/strip-prefix/three', {}, { path: '/three' }],
    ['/strip-prefix', {}, { path: '/' }],
    ['/full/one/two', {}, { path: '/one' }],
    ['/full/rewrite-path-and-modify-headers/test', R, { path: '/test', headers: E }],
    ['/prefix/rewrite-path-and-modify-headers/one?q=1', R, { path: '/prefix/one?q=1', headers: E }],
  ],
);

suite(
  'MeshHTTPRouteNamedRule',
  [rule([prefix('/named')], 'echo-v1', { name: 'named-rule' }), rule([prefix('/unnamed')], 'echo-v2')],
  [
    ['/named', {}, v1],
    ['/unnamed', {}, v2],
  ],
);

const answering = (value: string): Filter => ({ filter: 'response-headers', set: [['X-Header-Set', value]], add: [], remove: [] });

describe('MeshPorts', () => {
  const onPort = (name: string, port?: number): Route =>
    route(name, [rule([], `echo-${name}`, { filters: [answering(name)] })], {
      parents: [{ service: `mesh/echo-${name}`, ...(port !== undefined && { port }) }],
    });
  const rows = [
    ['mesh/echo-v1', 80, 'v1'],
    ['mesh/echo-v1', 8080, undefined],
    ['mesh/echo-v2', 80, 'v2'],
    ['mesh/echo-v2', 8080, 'v2'],
  ] as const;
  for (const [service, port, value] of rows)
    test(`${service}:${port}`, () =>
      expect(send([onPort('v1', 80), onPort('v2')], request('/'), { service, port }).answered['x-header-set']).toBe(value));
});

test('MeshConsumerRoute', () => {
  const consumer = route('c', [rule([], 'echo-v1', { filters: [answering('set')] })], { namespace: 'mesh-consumer' });
  expect(send([consumer], request('/'), { client: 'mesh-consumer' })).toMatchObject({ to: 'echo-v1', answered: { 'x-header-set': 'set' } });
  expect(send([consumer], request('/'), { client: 'mesh' })).toEqual({ to: 'mesh/echo', answered: {} });
});
