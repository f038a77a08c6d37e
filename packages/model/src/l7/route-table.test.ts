// Which routes count for whom, and in which order they are tried. Rows: gateway-api-mesh §3.1 to §3.3, control-plane §6.5.
import { describe, expect, test } from 'vitest';
import { backend, echo, request, route, rule } from '../testing/routes.ts';
import type { MatchInput } from './request-view.ts';
import type { HttpMatch, Route, RouteKind } from './route.ts';
import { RouteTables, winningKind } from './route-table.ts';

const home = { waypointNamespace: 'waypoints', rootNamespace: 'istio-system' };

function tables(...routes: readonly Route[]): RouteTables {
  const all = new RouteTables(home);
  for (const each of routes) all.put(`route/${each.kind}/${each.namespace}/${each.name}`, each);
  return all;
}

/** Name of the backend, `404` when nothing matches, `itself` when the service has no routes. */
function taken(all: RouteTables, asked: MatchInput, { port = 80, client = 'elsewhere' } = {}): string {
  const routes = all.forService(echo, port, { namespace: client });
  if (routes === undefined) return 'itself';
  if (routes.kind === 'tcp' || routes.kind === 'tls') return routes.kind;
  const to = routes.match(asked)?.rule.backends[0]?.to;
  return to === undefined ? '404' : 'service' in to ? to.service : to.invalid;
}

describe('precedence', () => {
  const [get, header, two] = [{ exact: 'GET' }, [{ name: 'x', match: { exact: '1' } }], { exact: '2' }];
  const twoHeaders = [...header, { name: 'y', match: two }];
  const all: MatchInput = request('/abc/d?q=1&p=2', { x: '1', y: '2' });
  const rows: readonly (readonly [rule: string, first: HttpMatch, second: HttpMatch])[] = [
    ['an exact path before a longer prefix', { path: { exact: '/abc/d' } }, { path: { prefix: '/abc/d' } }],
    ['an exact path before all else', { path: { exact: '/abc/d' } }, { path: { regex: '/abc/d.*' }, method: get, headers: twoHeaders }],
    ['a regular expression before a prefix', { path: { regex: '.*' } }, { path: { prefix: '/abc/d' } }],
    ['the longer regular expression', { path: { regex: '/abc/.*' } }, { path: { regex: '/.*' }, method: get }],
    ['the longer prefix', { path: { prefix: '/abc/d' } }, { path: { prefix: '/abc' }, method: get, headers: header }],
    ['any prefix before none', { path: { prefix: '/abc' } }, { headers: twoHeaders }],
    ['a method before headers', { method: get }, { headers: twoHeaders }],
    ['more headers', { headers: twoHeaders }, { headers: header, query: [{ name: 'q', match: { exact: '1' } }] }],
    ['a header twice counts once', { headers: twoHeaders }, { headers: [...header, ...header, ...header] }],
    ['a header before query parameters', { headers: header }, { query: [{ name: 'q', match: { exact: '1' } }] }],
    [
      'more query parameters',
      {
        query: [
          { name: 'q', match: { exact: '1' } },
          { name: 'p', match: two },
        ],
      },
      { query: [{ name: 'q', match: { exact: '1' } }] },
    ],
  ];
  for (const [name, first, second] of rows)
    test(`${name}, whatever the order`, () => {
      for (const rules of [
        [rule([first], 'first'), rule([second], 'second')],
        [rule([second], 'second'), rule([first], 'first')],
      ]) {
        expect(taken(tables(route('r', rules)), all)).toBe('first');
        expect(taken(tables(...rules.map((each, at) => route(`r${at}`, [each]))), all)).toBe('first');
      }
    });

  test('among equals the oldest route, then the name, then the order in the route', () => {
    const [a, b] = [rule([], 'a'), rule([], 'b')];
    expect(taken(tables(route('z', [a], { createdAt: 1 }), route('a', [b], { createdAt: 2 })), all)).toBe('a');
    expect(taken(tables(route('z', [a]), route('a', [b])), all)).toBe('b');
    expect(taken(tables(route('z', [a, b])), all)).toBe('a');
  });

  test('of gRPC: the longest service, then the longest method, then headers; exact before patterns', () => {
    const grpc = (service?: string, method?: string): HttpMatch => ({
      path: { grpc: { ...(service && { service: { exact: service } }), ...(method && { method: { exact: method } }) } },
    });
    const rules = [
      rule([{ headers: header }], 'headers'),
      rule([grpc(undefined, 'Echo')], 'method'),
      rule([{ path: { grpc: { service: { regex: 'proto[.].*' } } } }], 'pattern'),
      rule([grpc('proto.Test')], 'service'),
      rule([grpc('proto.Test', 'Echo')], 'both'),
      rule([{ ...grpc('proto.Test', 'Echo'), headers: header }], 'both and header'),
    ];
    const all = tables(route('g', rules, { kind: 'GRPCRoute' }));
    expect(all.forService(echo, 80, undefined)?.kind).toBe('grpc');
    const rows = [
      ['/proto.Test/Echo', { x: '1' }, 'both and header'],
      ['/proto.Test/Echo', {}, 'both'],
      ['/proto.Test/Other', { x: '1' }, 'service'],
      ['/proto.Testing/Echo', {}, 'pattern'],
      ['/other.Test/Echo', { x: '1' }, 'method'],
      ['/other.Test/Other', { x: '1' }, 'headers'],
      ['/other.Test/Other', {}, '404'],
      ['/proto.Test/Echo/more', {}, '404'],
      ['/proto.Test/', {}, '404'],
    ] as const;
    for (const [path, headers, to] of rows) expect([path, taken(all, request(path, headers))]).toEqual([path, to]);
  });
});

describe('paths', () => {
  const rows: readonly (readonly [match: HttpMatch['path'], path: string, holds: boolean])[] = [
    [{ exact: '/abc' }, '/abc/', false],
    [{ exact: '/abc' }, '/ABC', false],
    [{ exact: '/abc', ignoreCase: true }, '/aBc', true],
    [{ exact: '/abc' }, '/abc?x=1', true],
    [{ prefix: '/abc' }, '/abc', true],
    [{ prefix: '/abc' }, '/abc/', true],
    [{ prefix: '/abc' }, '/abc/def', true],
    [{ prefix: '/abc' }, '/abcd', false],
    [{ prefix: '/abc/' }, '/abc', true],
    [{ prefix: '/' }, '/anything', true],
    [{ prefix: '/' }, '*', false],
    [undefined, '*', true],
    [{ start: '/abc' }, '/abcd', true],
    [{ start: '/ABC', ignoreCase: true }, '/abcd', true],
    [{ regex: '/a' }, '/ab', false],
  ];
  for (const [match, path, holds] of rows)
    test(`${JSON.stringify(match)} ${holds ? 'takes' : 'does not take'} ${path}`, () =>
      expect(taken(tables(route('r', [rule([match === undefined ? {} : { path: match }], 'a')])), request(path))).toBe(
        holds ? 'a' : '404',
      ));
});

describe('what is compared', () => {
  const on = (match: HttpMatch, asked: MatchInput): string => taken(tables(route('r', [rule([match], 'yes')])), asked);
  const rows: readonly (readonly [rule: string, match: HttpMatch, asked: MatchInput, holds: boolean])[] = [
    [
      'repeated headers are joined with a comma',
      { headers: [{ name: 'x', match: { exact: 'a,b' } }] },
      {
        ...request('/'),
        headers: [
          ['x', 'a'],
          ['x', 'b'],
        ],
      },
      true,
    ],
    ['Host is the authority', { headers: [{ name: 'host', match: { exact: 'echo' } }] }, request('/'), true],
    [
      'of several entries for a header the first counts',
      { headers: ['1', '2'].map((exact) => ({ name: 'x', match: { exact } })) },
      request('/', { x: '1' }),
      true,
    ],
    ['the first value of a parameter counts', { query: [{ name: 'q', match: { exact: '1' } }] }, request('/?q=1&q=2'), true],
    ['not the second', { query: [{ name: 'q', match: { exact: '2' } }] }, request('/?q=1&q=2'), false],
    ['parameters are decoded', { query: [{ name: 'a b', match: { exact: 'ü+' } }] }, request('/?a%20b=%C3%BC+'), true],
    ['unless they cannot be', { query: [{ name: 'q', match: { exact: '%zz' } }] }, request('/?q=%zz'), true],
    ['a parameter without value', { query: [{ name: 'q', match: { exact: '' } }] }, request('/?q'), true],
    ['a header that must not be there', { withoutHeaders: [{ name: 'x', match: { present: true } }] }, request('/', { x: '' }), false],
    ['and is not', { withoutHeaders: [{ name: 'x', match: { present: true } }] }, request('/'), true],
    ['the scheme', { scheme: { exact: 'https' } }, request('/'), false],
    ['the authority', { authority: { prefix: 'ECHO', ignoreCase: true } }, request('/'), true],
    ['a suffix', { headers: [{ name: 'x', match: { suffix: 'z' } }] }, request('/', { x: 'yz' }), true],
    ['the service port', { port: 81 }, request('/'), false],
  ];
  for (const [name, match, asked, holds] of rows) test(name, () => expect(on(match, asked)).toBe(holds ? 'yes' : '404'));
});

describe('whose routes', () => {
  const producer = route('p', [rule([], 'producer')]);
  const consumer = route('c', [rule([{ path: { prefix: '/c' } }], 'consumer')], { namespace: 'team' });
  const ofWaypoint = route('w', [rule([], 'waypoint')], { namespace: 'waypoints' });
  const virtual = (namespace: string): Route => route('v', [rule([], `virtual ${namespace}`)], { namespace, kind: 'VirtualService' });
  const rows: readonly (readonly [rule: string, routes: readonly Route[], client: string, to: string])[] = [
    ['none: the service itself', [], 'team', 'itself'],
    ['a producer route is for everyone', [producer], 'team', 'producer'],
    ["a consumer route is for its own namespace's clients", [producer, consumer], 'team', 'consumer'],
    ['and for nobody else', [producer, consumer], 'other', 'producer'],
    ['not even where there is no producer route', [consumer], 'other', 'itself'],
    ['the waypoint namespace counts as producer', [ofWaypoint], 'team', 'waypoint'],
    ['VirtualServices count in the service namespace', [virtual('mesh')], 'team', 'virtual mesh'],
    ['in the root namespace', [virtual('istio-system')], 'team', 'virtual istio-system'],
    ['in the waypoint namespace', [virtual('waypoints')], 'team', 'virtual waypoints'],
    ['and nowhere else', [virtual('team')], 'team', 'itself'],
    ['routes of the Gateway API go first', [virtual('mesh'), producer], 'team', 'producer'],
  ];
  for (const [name, routes, client, to] of rows) test(name, () => expect(taken(tables(...routes), request('/c'), { client })).toBe(to));

  test('groups are never merged: what the consumer routes do not match is not found', () => {
    expect(taken(tables(producer, consumer), request('/other'), { client: 'team' })).toBe('404');
  });

  test('a consumer route on another port leaves this one to the producer', () => {
    const on81 = { ...consumer, parents: [{ service: echo, port: 81 }] };
    expect(taken(tables(producer, on81), request('/c'), { client: 'team' })).toBe('producer');
    expect(taken(tables(producer, on81), request('/c'), { client: 'team', port: 81 })).toBe('consumer');
  });

  test('without a client there are producer routes only', () => {
    const routes = tables(consumer, producer).forService(echo, 80, undefined);
    expect(routes?.kind === 'http' && routes.match(request('/c'))?.route).toBe('mesh.p.0');
  });

  test('VirtualServices: the oldest first, and each as it is written', () => {
    const rules = [rule([{ path: { start: '/c' } }], 'first'), rule([{ path: { exact: '/c' } }], 'second')];
    const young = route('a', [rule([{ path: { exact: '/c' } }], 'young')], { kind: 'VirtualService', createdAt: 2 });
    const old = route('z', rules, { kind: 'VirtualService', createdAt: 1 });
    expect(taken(tables(young, old), request('/c'))).toBe('first');
  });
});

describe('kinds', () => {
  const raw = (kind: RouteKind, to: string, hostnames: readonly string[] = []): Route =>
    route(kind.toLowerCase(), [], { kind, tcp: [{ hostnames, backends: [backend(to)] }] });
  const rows: readonly (readonly [kinds: readonly RouteKind[], winner: RouteKind | undefined])[] = [
    [['TCPRoute', 'HTTPRoute', 'GRPCRoute', 'TLSRoute'], 'GRPCRoute'],
    [['TCPRoute', 'TLSRoute', 'HTTPRoute'], 'HTTPRoute'],
    [['TCPRoute', 'TLSRoute'], 'TLSRoute'],
    [['TCPRoute', 'VirtualService'], 'TCPRoute'],
    [['VirtualService'], undefined],
  ];
  for (const [kinds, winner] of rows) test(`${kinds.join(', ')}: ${winner}`, () => expect(winningKind(kinds)).toBe(winner));

  test('only the winner is in force', () => {
    const http = route('h', [rule([], 'http')]);
    const grpc = route('g', [rule([{ path: { exact: '/g' } }], 'grpc')], { kind: 'GRPCRoute' });
    expect(taken(tables(http, grpc), request('/'))).toBe('404');
    expect(taken(tables(http, raw('TCPRoute', 'tcp')), request('/'))).toBe('http');
    expect(taken(tables(raw('TLSRoute', 'tls'), raw('TCPRoute', 'tcp')), request('/'))).toBe('tls');
  });

  test('the closest server name, then rules for any; nobody: refused', () => {
    const tls = route('t', [], {
      kind: 'TLSRoute',
      tcp: [
        { hostnames: ['*.example.com'], backends: [backend('wild')] },
        { hostnames: ['*.b.example.com'], backends: [backend('wilder')] },
        { hostnames: ['a.example.com', 'c'], backends: [backend('exact')] },
      ],
    });
    const routes = tables(tls).forService(echo, 443, undefined);
    const names = ['a.example.com', 'A.Example.com', 'x.example.com', 'a.b.example.com', 'example.com', 'c', ''];
    const found = names.map((name) => routes?.kind === 'tls' && routes.match(name)?.map(({ to }) => 'service' in to && to.service));
    expect(found).toEqual([['exact'], ['exact'], ['wild'], ['wilder'], undefined, ['exact'], undefined]);
  });

  test('rules of VirtualServices for connections come after those of TCPRoutes, and stand beside HTTP rules', () => {
    const virtual = { ...raw('VirtualService', 'virtual'), http: [rule([], 'http')] };
    const both = tables(virtual, raw('TLSRoute', 'tls', ['a'])).forService(echo, 80, undefined);
    expect(both?.kind).toBe('http');
    const to = (name: string) => both?.kind === 'http' && both.raw?.(name)?.map((each) => 'service' in each.to && each.to.service);
    expect([to('a'), to('b')]).toEqual([['tls'], ['virtual']]);
  });
});

describe('changes', () => {
  test('a route that is removed or attached elsewhere is gone', () => {
    const all = tables(route('r', [rule([], 'a')]));
    expect(taken(all, request('/'))).toBe('a');
    all.put('route/HTTPRoute/mesh/r', route('r', [rule([], 'b')]));
    expect(taken(all, request('/'))).toBe('b');
    all.put('route/HTTPRoute/mesh/r', route('r', [rule([], 'b')], { parents: [{ service: 'mesh/other' }] }));
    expect(taken(all, request('/'))).toBe('itself');
    all.remove('route/HTTPRoute/mesh/r');
    all.remove('route/HTTPRoute/mesh/r');
    expect(all.forService('mesh/other', 80, undefined)).toBeUndefined();
  });

  test('another root namespace', () => {
    const all = tables(route('v', [rule([], 'a')], { kind: 'VirtualService', namespace: 'root' }));
    expect(taken(all, request('/'))).toBe('itself');
    all.rootNamespace = 'root';
    expect(taken(all, request('/'))).toBe('a');
  });

  const bad: readonly (readonly [rule: string, given: Parameters<typeof rule>[2], match: HttpMatch])[] = [
    ['a regular expression', {}, { path: { regex: '(' } }],
    ['a header name', { filters: [{ filter: 'request-headers', set: [['a b', '1']], add: [], remove: [] }] }, {}],
    ['a header value', { filters: [{ filter: 'response-headers', set: [], add: [['a', '1\r\nb: 2']], remove: [] }] }, {}],
    ['a hostname', { filters: [{ filter: 'rewrite', hostname: 'a/b' }] }, {}],
    ['a path', { filters: [{ filter: 'redirect', path: { full: '/a b' }, status: 302 }] }, {}],
    ['a path pattern', { filters: [{ filter: 'rewrite', path: { regex: '(', by: '/' } }] }, {}],
    [
      'an origin',
      { filters: [{ filter: 'cors', origins: [{ regex: '(' }], credentials: false, methods: [], headers: [], expose: [] }] },
      {},
    ],
  ];
  for (const [name, given, match] of bad)
    test(`a route that cannot be used for ${name} is refused, and its last good version stays`, () => {
      const all = tables(route('r', [rule([], 'good')]));
      expect(() => all.put('route/HTTPRoute/mesh/r', route('r', [rule([match], 'bad', given)]))).toThrow();
      expect(taken(all, request('/'))).toBe('good');
    });
});
