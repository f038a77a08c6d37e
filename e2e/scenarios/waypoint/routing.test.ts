// What routes do beyond the mesh tests of the Gateway API: its tests for gateways with a Service as parent (facts: gateway-api-mesh §7), routes for raw
// connections, and the VirtualServices and DestinationRules of those who have them (facts: control-plane §6.5, §6.6).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RequestOrder, RequestResult } from '../../lab/cluster/apps/request-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { type Case, holds, type Manifest, MeshStage, mesh, patience } from './mesh-stage.ts';

type Part = Readonly<Record<string, unknown>>;
const parent = (name = 'echo', port?: number): Part => ({ group: '', kind: 'Service', name, ...(port !== undefined && { port }) });
const route = (rules: readonly Part[], kind = 'HTTPRoute', parentRef: Part = parent('echo', 80)): Manifest => ({
  apiVersion: `gateway.networking.k8s.io/${kind === 'TCPRoute' ? 'v1alpha2' : 'v1'}`,
  kind,
  metadata: { name: 'routing', namespace: mesh },
  spec: { parentRefs: [parentRef], rules, ...(kind === 'TLSRoute' && { hostnames: ['one.example', '*.wild.example'] }) },
});
const istio = (kind: string, spec: Part): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name: 'routing', namespace: mesh },
  spec,
});
const to = (name: string, port = 8080, more: Part = {}): Part => ({ name, port, ...more });
const path = (type: string, value: string): Part => ({ path: { type, value } });
const v1: Part = { backendRefs: [to('echo-v1')] };
const v2: Part = { backendRefs: [to('echo-v2')] };
const url = 'http://echo';

describe.skipIf(!hasKubectl())('routing by a waypoint (needs kubectl)', () => {
  let stage: MeshStage;
  let ids = 0;
  beforeAll(async () => {
    stage = await MeshStage.start();
  }, 120_000);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  const check = async (objects: readonly Manifest[], cases: readonly Case[]): Promise<void> => {
    await using _objects = await stage.applied(...objects);
    await holds(stage, cases);
  };
  /** Until one try gives what is wanted; each try asks with an id of its own, so that counted failures begin anew. */
  const comes = async (want: object, order: (id: string) => RequestOrder): Promise<void> => {
    let last: RequestResult = {};
    const once = async (): Promise<true | undefined> => {
      last = await stage.request('V2', order(`id-${ids++}`));
      try {
        expect(last).toMatchObject(want);
        return true;
      } catch {
        return undefined;
      }
    };
    await eventually(once, { ...patience, what: 'the answer' }).catch(() => expect(last).toMatchObject(want));
  };
  /** What `get` says in the end. */
  const says = async (get: string, want: string): Promise<void> => {
    let said = '';
    const as = async (): Promise<true | undefined> => {
      said = await stage.k(get);
      return said === want ? true : undefined;
    };
    await eventually(as, { ...patience, what: get }).catch(() => expect(said).toBe(want));
  };

  describe('backends', () => {
    const resolved = `get httproute routing -o jsonpath={.status.parents[0].conditions[?(@.type=="ResolvedRefs")].reason}`;
    test('one that does not exist is 500 for its share, and the status says so', async () => {
      await using _route = await stage.applied(route([{ backendRefs: [to('missing')] }]));
      await holds(stage, [{ url, want: { status: 500 } }]);
      await says(resolved, 'BackendNotFound');
    });
    test('one of an unknown kind is 500', async () => {
      await using _route = await stage.applied(route([{ backendRefs: [{ group: 'example.org', kind: 'Thing', name: 'x', port: 80 }] }]));
      await holds(stage, [{ url, want: { status: 500 } }]);
      await says(resolved, 'InvalidKind');
    });
    test('none at all is 500', () => check([route([{}])], [{ url, want: { status: 500 } }]));
    test('one without endpoints is 503', async () => {
      await using _service = await stage.applied({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'empty', namespace: mesh },
        spec: { selector: { app: 'nobody' }, ports: [{ port: 80 }] },
      });
      await check([route([{ backendRefs: [to('empty', 80)] }])], [{ url, want: { status: 503 } }]);
    });
    test('a port that the Service lacks is told', async () => {
      await using _route = await stage.applied(route([v1], 'HTTPRoute', parent('echo', 81)));
      await says('get httproute routing -o jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].reason}', 'NoMatchingParent');
    });
    test('of two kinds on one port one is in force, the other says Conflicted', async () => {
      const tcp = { ...route([{ backendRefs: [to('echo-v2', 8080)] }], 'TCPRoute'), metadata: { name: 'loser', namespace: mesh } };
      await using _routes = await stage.applied(route([v1]), tcp);
      await holds(stage, [{ url, want: { backend: 'echo-v1' } }]);
      await says('get tcproute loser -o jsonpath={.status.parents[0].conditions[?(@.type=="Accepted")].reason}', 'Conflicted');
    });
  });

  test('the order of paths', () =>
    check(
      [
        route([
          { matches: [path('Exact', '/match')], ...v1 },
          { matches: [path('PathPrefix', '/match/')], ...v2 },
          { matches: [path('Exact', '/match/exact')], ...v1 },
          { matches: [path('PathPrefix', '/match/prefix/')], ...v1 },
          { matches: [path('PathPrefix', '/match/prefix/one')], ...v2 },
          { matches: [path('RegularExpression', '/re/[0-9]+')], ...v1 },
        ]),
      ],
      [
        ...['/match', '/match/exact', '/match/prefix/any', '/re/77'].map(
          (p): Case => ({ url: `${url}${p}`, want: { backend: 'echo-v1' } }),
        ),
        ...['/match/any', '/match/prefix/one/any', '/match/'].map((p): Case => ({ url: `${url}${p}`, want: { backend: 'echo-v2' } })),
        ...['/matching', '/re/x', '/re/7/8'].map((p): Case => ({ url: `${url}${p}`, want: { status: 404 } })),
      ],
    ));

  test('methods', () =>
    check(
      [
        route([
          { matches: [{ method: 'POST' }], ...v1 },
          { matches: [{ method: 'GET' }], ...v2 },
          { matches: [{ ...path('PathPrefix', '/path5') }], ...v1 },
        ]),
      ],
      [
        { url: `${url}/`, method: 'POST', body: 'x', want: { backend: 'echo-v1' } },
        { url: `${url}/`, want: { backend: 'echo-v2' } },
        { url: `${url}/`, method: 'HEAD', want: { status: 404 } },
        { url: `${url}/path5`, method: 'PATCH', body: '', want: { backend: 'echo-v1' } },
      ],
    ));

  test('the host towards the backend', () =>
    check(
      [route([{ filters: [{ type: 'URLRewrite', urlRewrite: { hostname: 'other.example' } }], ...v1 }])],
      [{ url: `${url}/p?q=1`, want: { backend: 'echo-v1', host: 'other.example', path: '/p?q=1' } }],
    ));

  test('limits of time', () =>
    check(
      [
        route([
          { matches: [path('PathPrefix', '/request')], timeouts: { request: '500ms' }, ...v1 },
          { matches: [path('PathPrefix', '/backend')], timeouts: { backendRequest: '500ms' }, ...v1 },
          { matches: [path('PathPrefix', '/off')], timeouts: { request: '0s' }, ...v1 },
        ]),
      ],
      [
        { url: `${url}/request?delay=1s`, want: { status: 504 } },
        { url: `${url}/backend?delay=1s`, want: { status: 504 } },
        { url: `${url}/request`, want: { backend: 'echo-v1' } },
        { url: `${url}/off?delay=600ms`, want: { backend: 'echo-v1' } },
      ],
    ));

  describe('retries', () => {
    const retry = (more: Part, timeouts?: Part): Manifest =>
      route([{ retry: { backoff: '10ms', ...more }, ...(timeouts && { timeouts }), ...v1 }]);
    const rows: readonly (readonly [rule: string, Manifest, query: string, want: object])[] = [
      ['two failures of a status that is named', retry({ codes: [500], attempts: 3 }), 'fail=2&code=500', { status: 200 }],
      ['more failures than attempts', retry({ codes: [500], attempts: 3 }), 'fail=5&code=500', { status: 500 }],
      ['a status that is not named', retry({ codes: [500], attempts: 3 }), 'fail=1&code=503', { status: 503 }],
      ['connections that are reset', retry({ attempts: 3 }), 'reset=2', { status: 200 }],
      ['more resets than attempts', retry({ attempts: 3 }), 'reset=9', { status: 503 }],
      [
        'attempts that take too long',
        retry({ codes: [500], attempts: 2 }, { backendRequest: '200ms' }),
        'delay=400ms&slow=2',
        { status: 200 },
      ],
      ['all attempts take too long', retry({ codes: [500], attempts: 2 }, { backendRequest: '200ms' }), 'delay=400ms', { status: 504 }],
      [
        'the whole time is up first',
        retry({ codes: [500], attempts: 9 }, { request: '400ms', backendRequest: '150ms' }),
        'delay=400ms',
        { status: 504 },
      ],
    ];
    for (const [rule, manifest, query, want] of rows)
      test(rule, async () => {
        await using _route = await stage.applied(manifest);
        await comes(want, (id) => ({ url: `${url}/?${query}&id=${id}` }));
      });
  });

  test('mirrors get copies, and the client never knows', async () => {
    const mirror = { type: 'RequestMirror', requestMirror: { backendRef: to('echo-v2') } };
    await using _route = await stage.applied(route([{ filters: [mirror], ...v1 }]));
    await holds(stage, [{ url: `${url}/?id=warm`, want: { backend: 'echo-v1' } }]);
    await using _direct = await stage.applied({
      ...route([v2]),
      metadata: { name: 'direct', namespace: mesh },
      spec: { parentRefs: [parent('echo-v2', 80)], rules: [v2] },
    });
    // The copy counts as the first of two failures at the second version, so that the next request to it is the second, and the third is good.
    const seen = async (): Promise<true | undefined> => {
      const id = `mirror-${ids++}`;
      await stage.request('V1', { url: `${url}/?fail=1&id=${id}`, body: 'copied', method: 'POST' });
      const { status } = await stage.request('V1', { url: `http://echo-v2/?fail=1&id=${id}` });
      return status === 200 ? true : undefined;
    };
    await eventually(seen, { ...patience, what: 'the copy at the mirror' });
  });

  test('CORS', () => {
    const cors = {
      type: 'CORS',
      cors: {
        allowOrigins: ['https://www.foo.com', 'https://*.bar.com'],
        allowMethods: ['GET', 'PUT'],
        allowHeaders: ['x-a'],
        exposeHeaders: ['x-b'],
        maxAge: 7,
        allowCredentials: true,
      },
    };
    const preflight = (origin: string): Case['headers'] => ({
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'x-a',
    });
    return check(
      [route([{ filters: [cors], ...v1 }])],
      [
        {
          url,
          method: 'OPTIONS',
          headers: preflight('https://www.foo.com') ?? {},
          want: {
            answer: {
              'access-control-allow-origin': 'https://www.foo.com',
              'access-control-allow-credentials': 'true',
              'access-control-max-age': '7',
            },
          },
        },
        {
          url,
          method: 'OPTIONS',
          headers: preflight('https://xpto.www.bar.com') ?? {},
          want: { answer: { 'access-control-allow-origin': 'https://xpto.www.bar.com' } },
        },
        {
          url,
          method: 'OPTIONS',
          headers: preflight('https://evil.com') ?? {},
          want: { answer: { 'access-control-allow-origin': undefined } },
        },
        {
          url,
          headers: { origin: 'https://www.foo.com' },
          want: {
            backend: 'echo-v1',
            answer: { 'access-control-allow-origin': 'https://www.foo.com', 'access-control-expose-headers': 'x-b' },
          },
        },
        {
          url,
          headers: { origin: 'https://evil.com' },
          want: { backend: 'echo-v1', answer: { 'access-control-allow-origin': undefined } },
        },
      ],
    );
  });

  describe('gRPC', () => {
    const grpc = (rules: readonly Part[]): Manifest => route(rules, 'GRPCRoute', parent('echo', 7070));
    const b1: Part = { backendRefs: [to('echo-v1', 7070)] };
    const b2: Part = { backendRefs: [to('echo-v2', 7070)] };
    const call = 'grpc://echo:7070';
    test('by service and method; what matches nothing is UNIMPLEMENTED', () =>
      check(
        [
          grpc([
            { matches: [{ method: { service: 'a.B', method: 'One' } }], ...b1 },
            { matches: [{ method: { service: 'a.B' } }], ...b2 },
          ]),
        ],
        [
          { url: `${call}/a.B/One`, want: { backend: 'echo-v1', grpcStatus: 0 } },
          { url: `${call}/a.B/Two`, want: { backend: 'echo-v2', grpcStatus: 0 } },
          { url: `${call}/a.C/One`, want: { grpcStatus: 12 } },
        ],
      ));
    test('an invalid backend is UNAVAILABLE', () =>
      check([grpc([{ backendRefs: [to('missing', 7070)] }])], [{ url: `${call}/a.B/One`, want: { grpcStatus: 14 } }]));
  });

  describe('other protocols', () => {
    test('WebSocket', async () => {
      await using _route = await stage.applied(route([v1]));
      await comes({ status: 101, body: 'echoed' }, () => ({ url: `ws://echo/` }));
    });
    test('HTTP/2 with prior knowledge on a port of HTTP', () =>
      comes({ status: 200, seen: { version: 'v1' } }, () => ({ url: 'h2c://echo-v1/' })));
    test('a server that speaks first, on a port that does not say what it is', async () => {
      const result = await stage.request('V2', { url: 'tcp://echo-v1:9091', body: '' });
      expect(result.body).toMatch(/^echo-v1-/);
    });
    test('raw bytes on a port that says so', async () => {
      const result = await stage.request('V2', { url: 'tcp://echo-v1:9090' });
      expect(result.body).toMatch(/^echo-v1-[^\n]*\nhello$/);
    });
    test('a TCPRoute by weight', async () => {
      await using _route = await stage.applied(
        route(
          [{ backendRefs: [to('echo-v1', 9090, { weight: 0 }), to('echo-v2', 9090, { weight: 1 })] }],
          'TCPRoute',
          parent('echo', 9090),
        ),
      );
      const all = async (): Promise<true | undefined> => {
        const [results = []] = await stage.requests('V1', [{ url: 'tcp://echo:9090', count: 10 }]);
        return results.every(({ body }) => body?.startsWith('echo-v2-')) ? true : undefined;
      };
      await eventually(all, { ...patience, what: 'all connections at the second version' });
    });
    test('a TLSRoute by server name', async () => {
      await using _route = await stage.applied(route([{ backendRefs: [to('echo-v2', 443)] }], 'TLSRoute', parent('echo', 443)));
      for (const sni of ['one.example', 'a.wild.example'])
        await comes({ status: 200, body: expect.stringContaining('echo-v2-') }, () => ({ url: 'tls://echo:443', sni }));
      await comes({ error: expect.anything() }, () => ({ url: 'tls://echo:443', sni: 'other.example' }));
    });
  });

  describe('VirtualService and DestinationRule', () => {
    const host = `echo.${mesh}.svc.cluster.local`;
    const subset = (name: string): Part => ({ destination: { host: 'echo', subset: name, port: { number: 80 } } });
    const rule = istio('DestinationRule', {
      host,
      subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })),
    });
    test('subsets by header, rewrite, headers, redirect, direct response, faults', () =>
      check(
        [
          rule,
          istio('VirtualService', {
            hosts: ['echo'],
            http: [
              { match: [{ uri: { exact: '/gone' } }], directResponse: { status: 410, body: { string: 'no more' } } },
              { match: [{ uri: { prefix: '/old' } }], redirect: { uri: '/new', authority: 'elsewhere.example' } },
              {
                match: [{ uri: { prefix: '/broken' } }],
                fault: { abort: { percentage: { value: 100 }, httpStatus: 418 } },
                route: [subset('v1')],
              },
              {
                match: [{ uri: { prefix: '/api/' } }],
                rewrite: { uri: '/' },
                headers: { request: { set: { 'x-set': 'yes' } }, response: { add: { 'x-answer': 'here' } } },
                route: [subset('v1')],
              },
              { match: [{ headers: { 'x-version': { exact: '2' } } }], route: [subset('v2')] },
              { route: [subset('v1')] },
            ],
          }),
        ],
        [
          { url: `${url}/gone`, want: { status: 410 } },
          { url: `${url}/old`, want: { status: 301, location: 'http://elsewhere.example/new' } },
          { url: `${url}/broken`, want: { status: 418 } },
          {
            url: `${url}/api/a?b=1`,
            want: { backend: 'echo-v1', path: '/a?b=1', seen: { 'x-set': 'yes' }, answer: { 'x-answer': 'here' } },
          },
          { url, headers: { 'x-version': '2' }, want: { backend: 'echo-v2' } },
          { url, want: { backend: 'echo-v1' } },
        ],
      ));
    test('consistent hashing keeps a user at one pod, and users spread', async () => {
      await using _rule = await stage.applied(
        istio('DestinationRule', { host, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: 'x-user' } } } }),
      );
      const sticks = async (): Promise<true | undefined> => {
        const orders = Array.from({ length: 8 }, (_, user): RequestOrder => ({ url, count: 5, headers: [['x-user', `u${user}`]] }));
        const results = await stage.requests('V1', orders);
        const pods = results.map((each) => new Set(each.map(({ seen }) => seen?.pod)));
        return pods.every(({ size }) => size === 1) && new Set(pods.flatMap((each) => [...each])).size === 2 ? true : undefined;
      };
      await eventually(sticks, { ...patience, what: 'users at one pod each' });
    });
    test('an endpoint that keeps failing is put aside', async () => {
      await using _rule = await stage.applied(
        istio('DestinationRule', {
          host,
          trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3, interval: '1s', baseEjectionTime: '30s', maxEjectionPercent: 50 } },
        }),
      );
      await using _route = await stage.applied(route([{ matches: [path('PathPrefix', '/')], backendRefs: [to('echo', 80)] }]));
      await holds(stage, [{ url, want: {} }]);
      // Only the first version fails: it is told so by name.
      const aside = async (): Promise<true | undefined> => {
        await stage.requests('V2', [{ url: `${url}/?code=503&only=echo-v1`, count: 20 }]);
        const [results = []] = await stage.requests('V2', [{ url, count: 12 }]);
        return results.every(({ seen }) => seen?.version === 'v2') ? true : undefined;
      };
      await eventually(aside, { ...patience, what: 'the failing one to be left out' });
    });
  });

  test('a session stays at its pod, whatever the weights', async () => {
    const backendRefs = [to('echo-v1', 8080, { weight: 50 }), to('echo-v2', 8080, { weight: 50 })];
    await using _route = await stage.applied(route([{ sessionPersistence: { sessionName: 'sid', type: 'Cookie' }, backendRefs }]));
    let cookie = '';
    let pod: string | undefined;
    const begun = async (): Promise<true | undefined> => {
      const result = await stage.request('V1', { url });
      cookie = result.headers?.find(([name]) => name === 'set-cookie')?.[1].split(';')[0] ?? '';
      pod = result.seen?.pod;
      return cookie.startsWith('sid=') ? true : undefined;
    };
    await eventually(begun, { ...patience, what: 'a cookie' });
    const [results = []] = await stage.requests('V1', [{ url, count: 12, headers: [['cookie', cookie]] }]);
    expect(new Set(results.map(({ seen }) => seen?.pod))).toEqual(new Set([pod]));
  });

  test('a large body goes through whole, both ways of framing', async () => {
    const body = 'x'.repeat(3_000_000);
    const result = await stage.request('V2', { url: 'http://echo-v1/', method: 'POST', body, timeoutMs: 20_000 });
    expect(result.seen?.bodyBytes).toBe(body.length);
  });
});
