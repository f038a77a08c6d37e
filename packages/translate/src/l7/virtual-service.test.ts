// VirtualServices, field by field: what a waypoint is told, and what it is told that it cannot do.
import { describe, expect, test } from 'vitest';
import { virtualServiceKind } from '../kinds/virtual-service.ts';
import { plainSettings } from '../testing/services.ts';
import { many, reviews, translatedVirtual, virtualMesh } from '../testing/virtual-services.ts';
import { virtualService } from './virtual-service.ts';

describe('for whom', () => {
  const rows: readonly (readonly [rule: string, spec: object, services: readonly string[]])[] = [
    ['a short name is of its own namespace', { hosts: ['reviews'] }, ['ns/reviews.ns.svc.cluster.local']],
    ['a whole name, in any case', { hosts: ['Reviews.other.svc.cluster.local'] }, ['other/reviews.other.svc.cluster.local']],
    ['a name with a dot is whole', { hosts: ['reviews.other'] }, []],
    ['all names below a suffix', { hosts: ['*.example.com'] }, ['ns/api.example.com', 'other/www.example.com']],
    ['each service once', { hosts: ['api.example.com', '*.example.com'], exportTo: ['.'] }, ['ns/api.example.com']],
    ['an alias is no service of the mesh', { hosts: ['alias'] }, []],
    ['of the mesh among gateways', { gateways: ['a/b', 'mesh'] }, ['ns/reviews.ns.svc.cluster.local']],
    ['not of a gateway alone', { gateways: ['a/b'] }, []],
    ['exported to a namespace', { hosts: ['*.example.com'], exportTo: ['other'] }, ['other/www.example.com']],
    ['exported to nobody', { exportTo: ['~'] }, []],
    ['exported to all', { exportTo: ['*'] }, ['ns/reviews.ns.svc.cluster.local']],
  ];
  for (const [rule, spec, services] of rows)
    test(rule, () => expect((translatedVirtual(spec).route?.parents ?? []).map(({ service }) => service)).toEqual(services));

  test('of another revision: nothing', () => {
    const metadata = { namespace: 'ns', name: 'vs', labels: { 'istio.io/rev': 'b' } };
    const object = virtualServiceKind.narrow({ metadata, spec: { hosts: ['reviews'] } });
    expect(object && virtualService(object, virtualMesh, { ...plainSettings, revision: 'a' })).toEqual({ problems: [] });
  });
});

const route = [{ destination: { host: 'reviews' } }];
const toReviews = [{ weight: 1, to: reviews, filters: [] }];

type Row = readonly [rule: string, written: object, told: object];
function rows(what: string, all: readonly Row[]): void {
  describe(what, () => {
    for (const [rule, written, told] of all)
      test(rule, () => {
        const { route: made, problems } = translatedVirtual({ http: [{ route, ...written }] });
        expect(made?.http).toEqual([expect.objectContaining(told)]);
        expect(problems).toEqual([]);
      });
  });
}

const match = (...all: readonly object[]) => ({ match: all });
rows('matches', [
  ['none: any request', {}, { matches: [{}], filters: [], backends: toReviews }],
  ['exact', match({ uri: { exact: '/a' } }), { matches: [{ path: { exact: '/a' } }] }],
  ['a prefix, by characters', match({ uri: { prefix: '/a' } }), { matches: [{ path: { start: '/a' } }] }],
  [
    'whatever the case',
    match({ uri: { prefix: '/a' }, ignoreUriCase: true }, { uri: { exact: '/B' }, ignoreUriCase: true }),
    { matches: [{ path: { start: '/a', ignoreCase: true } }, { path: { exact: '/B', ignoreCase: true } }] },
  ],
  ['a regular expression', match({ uri: { regex: '/a.*' } }), { matches: [{ path: { regex: '/a.*' } }] }],
  [
    'method, scheme and authority',
    match({ method: { exact: 'GET' }, scheme: { exact: 'http' }, authority: { prefix: 'rev' } }),
    { matches: [{ method: { exact: 'GET' }, scheme: { exact: 'http' }, authority: { prefix: 'rev' } }] },
  ],
  [
    'headers; an empty match means that it is there',
    match({ headers: { 'End-User': { exact: 'jason' }, x: {} }, withoutHeaders: { Y: { regex: 'a+' } } }),
    {
      matches: [
        {
          headers: [
            { name: 'end-user', match: { exact: 'jason' } },
            { name: 'x', match: { present: true } },
          ],
          withoutHeaders: [{ name: 'y', match: { regex: 'a+' } }],
        },
      ],
    },
  ],
  ['query parameters', match({ queryParams: { A: { exact: 'b' } } }), { matches: [{ query: [{ name: 'A', match: { exact: 'b' } }] }] }],
  ['a port', match({ port: 9080 }), { matches: [{ port: 9080 }] }],
  ['those of a gateway are not ours', match({ gateways: ['a/b'], port: 1 }, { gateways: ['mesh'], port: 2 }), { matches: [{ port: 2 }] }],
  ['a name', { name: 'mine' }, { name: 'mine' }],
]);

const redirected = (redirect: object, told: object): Row => [
  JSON.stringify(redirect),
  { route: [], redirect },
  { filters: [{ filter: 'redirect', status: 301, ...told }], backends: [] },
];
rows('redirects', [
  redirected({ uri: '/x' }, { path: { full: '/x' }, portFrom: 'request' }),
  redirected({ authority: 'a.b', redirectCode: 308 }, { hostname: 'a.b', portFrom: 'scheme', status: 308 }),
  redirected({ authority: 'a.b:81' }, { hostname: 'a.b', port: 81 }),
  redirected({ scheme: 'https', port: 8443 }, { scheme: 'https', port: 8443 }),
  redirected({ scheme: 'https', derivePort: 'FROM_PROTOCOL_DEFAULT' }, { scheme: 'https', portFrom: 'scheme' }),
  redirected({ derivePort: 'FROM_PROTOCOL_DEFAULT' }, { portFrom: 'scheme' }),
  redirected({ derivePort: 'FROM_REQUEST_PORT' }, {}),
  redirected({ scheme: 'https', derivePort: 'FROM_REQUEST_PORT' }, { scheme: 'https', port: 9080 }),
]);

const rewritten = (uri: object | undefined, rewrite: object, told: object): Row => [
  JSON.stringify([uri, rewrite]),
  { ...(uri && match({ uri })), rewrite },
  { filters: [{ filter: 'rewrite', ...told }], backends: toReviews },
];
rows('rewrites', [
  rewritten({ prefix: '/a' }, { uri: '/b' }, { path: { prefix: '/a', by: '/b', whole: 'characters' } }),
  rewritten({ exact: '/a' }, { uri: '/b' }, { path: { full: '/b' } }),
  rewritten({ regex: '/a+' }, { uri: '/b' }, { path: { full: '/b' } }),
  rewritten(undefined, { uri: '/b' }, { path: { prefix: '/', by: '/b', whole: 'characters' } }),
  rewritten(undefined, { authority: 'a.b' }, { hostname: 'a.b' }),
  rewritten(undefined, { uriRegexRewrite: { match: '/(a)', rewrite: '/\\1' } }, { path: { regex: '/(a)', by: '/\\1' } }),
]);

const share = (value: number) => ({ value });
rows('what else happens on the way', [
  [
    'an answer',
    { route: [], directResponse: { status: 503, body: { string: 'no' } } },
    { filters: [{ filter: 'respond', status: 503, body: 'no', why: 'directResponse' }], backends: [] },
  ],
  [
    'an answer in base64',
    { route: [], directResponse: { status: 200, body: { bytes: 'w6Q=' } } },
    { filters: [{ filter: 'respond', status: 200, body: 'ä', why: 'directResponse' }] },
  ],
  [
    'an answer without a body',
    { route: [], directResponse: { status: 204 } },
    { filters: [{ filter: 'respond', status: 204, why: 'directResponse' }] },
  ],
  [
    'headers of the rule and of a destination',
    {
      headers: { request: { set: { 'X-A': '1' } }, response: { remove: ['X-B'] } },
      route: [{ destination: { host: 'reviews' }, headers: { request: { add: { y: '2' } } } }],
    },
    {
      filters: [
        { filter: 'request-headers', set: [['x-a', '1']], add: [], remove: [] },
        { filter: 'response-headers', set: [], add: [], remove: ['x-b'] },
      ],
      backends: [{ weight: 1, to: reviews, filters: [{ filter: 'request-headers', set: [], add: [['y', '2']], remove: [] }] }],
    },
  ],
  [
    'a delay, and an abort',
    { fault: { delay: { fixedDelay: '5s', percentage: share(10) }, abort: { httpStatus: 503, percentage: share(0.5) } } },
    { filters: [{ filter: 'fault', delay: { share: 0.1, ms: 5_000 }, abort: { share: 0.005, status: 503 } }] },
  ],
  [
    'an abort of gRPC',
    { fault: { abort: { grpcStatus: 'UNAVAILABLE', percentage: share(100) } } },
    { filters: [{ filter: 'fault', abort: { share: 1, status: 200, grpcStatus: 14 } }] },
  ],
  [
    'the older percentage',
    { fault: { delay: { fixedDelay: '1s', percent: 50 } } },
    { filters: [{ filter: 'fault', delay: { share: 0.5, ms: 1_000 } }] },
  ],
  [
    'mirrors, of either field',
    {
      mirror: { host: 'reviews', subset: 'v2' },
      mirrorPercentage: share(20),
      mirrors: [{ destination: { host: 'reviews', port: { number: 9080 } } }],
    },
    {
      filters: [
        { filter: 'mirror', to: { ...reviews, subset: 'v2' }, share: 0.2 },
        { filter: 'mirror', to: reviews, share: 1 },
      ],
    },
  ],
  [
    'CORS',
    {
      corsPolicy: {
        allowOrigins: [{ exact: '*' }, { prefix: 'http://a' }],
        ...{ allowOrigin: ['http://b'], allowMethods: ['GET'], allowHeaders: ['x'], exposeHeaders: ['y'] },
        ...{ maxAge: '24h', allowCredentials: true },
      },
    },
    {
      filters: [
        {
          ...{ filter: 'cors', origins: ['*', { prefix: 'http://a' }, { exact: 'http://b' }], credentials: true },
          ...{ methods: ['GET'], headers: ['x'], expose: ['y'], maxAge: 86_400 },
        },
      ],
    },
  ],
  [
    'everything in its order',
    {
      fault: { abort: { httpStatus: 400, percentage: share(1) } },
      corsPolicy: {},
      headers: { request: { remove: ['a'] } },
      rewrite: { authority: 'h' },
      mirror: { host: 'reviews' },
    },
    {
      filters: ['fault', 'cors', 'request-headers', 'rewrite', 'mirror'].map((filter) => expect.objectContaining({ filter })),
    },
  ],
  ['a time-out', { timeout: '1.5s' }, { requestTimeout: 1_500 }],
  ['no time-out', { timeout: '0s' }, { requestTimeout: 0 }],
  [
    'retries',
    { retries: { attempts: 3, perTryTimeout: '2s', retryOn: 'gateway-error, 503,retriable-status-codes', backoff: '10ms' } },
    { retry: { attempts: 3, codes: [503], on: ['gateway-error'], backoff: 10, perTryTimeout: 2_000 } },
  ],
  [
    'retries in the usual cases',
    { retries: { attempts: 1 } },
    { retry: { attempts: 1, codes: [], on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled'] } },
  ],
  ['retries switched off', { retries: { attempts: 0 } }, { retry: { attempts: 0, codes: [], on: expect.anything() } }],
  [
    'weights of several; subsets',
    {
      route: [
        { destination: { host: 'reviews', subset: 'v1' }, weight: 90 },
        { destination: { host: 'reviews', subset: 'v2' }, weight: 10 },
        { destination: { host: 'reviews', subset: 'v3' } },
      ],
    },
    {
      backends: [
        { weight: 90, to: { ...reviews, subset: 'v1' }, filters: [] },
        { weight: 10, to: { ...reviews, subset: 'v2' }, filters: [] },
        { weight: 0, to: { ...reviews, subset: 'v3' }, filters: [] },
      ],
    },
  ],
  ['the weight of one alone does not matter', { route: [{ destination: { host: 'reviews' }, weight: 0 }] }, { backends: toReviews }],
]);

describe('one rule that becomes several', () => {
  test('a rewrite of prefixes: one for each', () => {
    const http = [{ ...match({ uri: { prefix: '/a' } }, { uri: { prefix: '/bb' } }), rewrite: { uri: '/' }, route }];
    expect(translatedVirtual({ http }).route?.http.map(({ matches, filters }) => [matches, filters])).toEqual([
      [[{ path: { start: '/a' } }], [{ filter: 'rewrite', path: { prefix: '/a', by: '/', whole: 'characters' } }]],
      [[{ path: { start: '/bb' } }], [{ filter: 'rewrite', path: { prefix: '/bb', by: '/', whole: 'characters' } }]],
    ]);
  });

  test('a destination of several ports, without a number: the port that was dialled', () => {
    const { route: made, problems } = translatedVirtual({
      hosts: ['many'],
      http: [{ ...match({ port: 80 }, { method: { exact: 'PUT' } }), route: [{ destination: { host: 'many' } }] }],
    });
    expect(made?.http.map(({ matches, backends }) => [matches, backends[0]?.to])).toEqual([
      [[{ port: 80 }, { method: { exact: 'PUT' }, port: 80 }], { service: many, port: 80 }],
      [[{ method: { exact: 'PUT' }, port: 8080 }], { service: many, port: 8080 }],
    ]);
    expect(problems).toEqual([]);
  });

  test('with a number: once', () => {
    const http = [{ route: [{ destination: { host: 'many', port: { number: 80 } } }] }];
    expect(translatedVirtual({ hosts: ['many'], http }).route?.http).toHaveLength(1);
  });
});

describe('TCP and TLS', () => {
  test('by port', () =>
    expect(translatedVirtual({ tcp: [{ match: [{ port: 9080 }], route }] }).route?.tcp).toEqual([
      { hostnames: [], port: 9080, backends: toReviews },
    ]));
  test('every connection', () =>
    expect(translatedVirtual({ tcp: [{ route }] }).route?.tcp).toEqual([{ hostnames: [], backends: toReviews }]));
  test('by the name that is asked for; before TCP', () =>
    expect(translatedVirtual({ tcp: [{ route }], tls: [{ match: [{ sniHosts: ['A.com'], port: 9080 }], route }] }).route?.tcp).toEqual([
      { hostnames: ['a.com'], port: 9080, backends: toReviews },
      { hostnames: [], backends: toReviews },
    ]));
  test('the port that was dialled', () =>
    expect(translatedVirtual({ hosts: ['many'], tcp: [{ route: [{ destination: { host: 'many' } }] }] }).route?.tcp).toMatchObject([
      { port: 80, backends: [{ to: { service: many, port: 80 } }] },
      { port: 8080, backends: [{ to: { service: many, port: 8080 } }] },
    ]));
  test('a match of gateways alone leaves no rule', () =>
    expect(translatedVirtual({ tcp: [{ match: [{ gateways: ['a/b'] }], route }] })).toMatchObject({ route: { tcp: [] }, problems: [] }));
});
