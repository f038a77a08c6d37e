// Rules of HTTPRoutes, field by field: what a waypoint is told.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { httpRouteKind } from '../kinds/http-route.ts';
import { routeLookUp, routeTargetOf } from '../testing/routes.ts';
import { plainSettings } from '../testing/services.ts';
import { httpRoute } from './http-route.ts';

const look = routeLookUp({ services: { 'ns/web': routeTargetOf('ns/web') } });
const web = { service: 'ns/web.ns.svc.cluster.local', port: 80 };

function translated(rules: readonly object[]) {
  const metadata = { namespace: 'ns', name: 'route', creationTimestamp: '2026-01-31T23:59:58Z' };
  const object = httpRouteKind.narrow({ metadata, spec: { parentRefs: [{ group: '', kind: 'Service', name: 'web' }], rules } });
  return object ? httpRoute(object, look, plainSettings) : { parents: [] };
}

/** Why there is no route. */
const refusal = (rule: object): string => {
  const { route, parents } = translated([rule]);
  const accepted = parents[0]?.conditions[0];
  return route === undefined ? `${accepted?.reason}: ${accepted?.message}` : 'it was accepted';
};

test('what it is', () =>
  expect(translated([{}]).route).toEqual({
    ...{ kind: 'HTTPRoute', namespace: 'ns', name: 'route', createdAt: Date.parse('2026-01-31T23:59:58Z') },
    parents: [{ service: web.service }],
    http: [{ matches: [{ path: { prefix: '/' } }], filters: [], backends: [] }],
    tcp: [],
  }));

type Row = readonly [rule: string, written: object, told: object];
function rows(what: string, all: readonly Row[]): void {
  describe(what, () => {
    for (const [rule, written, told] of all) test(rule, () => expect(translated([written]).route?.http[0]).toMatchObject(told));
  });
}

const match = (...matches: readonly object[]) => ({ matches });
rows('matches', [
  ['without a path, the prefix /', match({ method: 'GET' }), { matches: [{ path: { prefix: '/' }, method: { exact: 'GET' } }] }],
  ['exact', match({ path: { type: 'Exact', value: '/a/' } }), { matches: [{ path: { exact: '/a/' } }] }],
  [
    'a prefix, the slash at its end aside',
    match({ path: { type: 'PathPrefix', value: '/a/' } }),
    { matches: [{ path: { prefix: '/a' } }] },
  ],
  ['a prefix unless it says otherwise', match({ path: { value: '/a' } }), { matches: [{ path: { prefix: '/a' } }] }],
  ['a regular expression', match({ path: { type: 'RegularExpression', value: '/a+' } }), { matches: [{ path: { regex: '/a+' } }] }],
  [
    'headers in lower case, the first of a name',
    match({
      headers: [
        { name: 'Version', value: 'a' },
        { name: 'version', value: 'b' },
        { name: 'x', type: 'RegularExpression', value: 'b+' },
      ],
    }),
    {
      matches: [
        {
          headers: [
            { name: 'version', match: { exact: 'a' } },
            { name: 'x', match: { regex: 'b+' } },
          ],
        },
      ],
    },
  ],
  [
    'query parameters as written',
    match({
      queryParams: [
        { name: 'Animal', value: 'Whale' },
        { name: 'animal', value: 'cat' },
        { name: 'animal', value: 'dog' },
      ],
    }),
    {
      matches: [
        {
          query: [
            { name: 'Animal', match: { exact: 'Whale' } },
            { name: 'animal', match: { exact: 'cat' } },
          ],
        },
      ],
    },
  ],
  [
    'any of several',
    match({}, { method: 'PUT' }),
    { matches: [{ path: { prefix: '/' } }, { path: { prefix: '/' }, method: { exact: 'PUT' } }] },
  ],
  ['a name', { name: 'mine' }, { name: 'mine' }],
]);

const filter = (type: string, field: string, value: object, more: object = {}) => ({ filters: [{ type, [field]: value }], ...more });
const withPrefix = match({ path: { value: '/a/' } });
rows('filters', [
  [
    'headers of requests: names in lower case, the first action on a name',
    filter('RequestHeaderModifier', 'requestHeaderModifier', {
      set: [
        { name: 'X-A', value: '1' },
        { name: 'x-a', value: '2' },
      ],
      add: [{ name: 'X-B', value: 'v' }],
      remove: ['X-C', 'x-c'],
    }),
    { filters: [{ filter: 'request-headers', set: [['x-a', '1']], add: [['x-b', 'v']], remove: ['x-c'] }] },
  ],
  [
    'headers of responses',
    filter('ResponseHeaderModifier', 'responseHeaderModifier', { set: [{ name: 'X', value: 'v' }] }),
    { filters: [{ filter: 'response-headers', set: [['x', 'v']], add: [], remove: [] }] },
  ],
  [
    'a redirect, 302',
    filter('RequestRedirect', 'requestRedirect', { hostname: 'a.b' }),
    { filters: [{ filter: 'redirect', hostname: 'a.b', status: 302 }] },
  ],
  [
    'a redirect with everything',
    filter('RequestRedirect', 'requestRedirect', {
      ...{ scheme: 'https', hostname: 'a.b', port: 8443, statusCode: 308 },
      path: { type: 'ReplaceFullPath', replaceFullPath: '/x' },
    }),
    { filters: [{ filter: 'redirect', scheme: 'https', hostname: 'a.b', port: 8443, path: { full: '/x' }, status: 308 }] },
  ],
  [
    'a rewritten prefix is the one of the only match',
    filter('URLRewrite', 'urlRewrite', { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' } }, withPrefix),
    { filters: [{ filter: 'rewrite', path: { prefix: '/a', by: '/b', whole: 'segments' } }] },
  ],
  [
    'without a match it is /',
    filter('URLRewrite', 'urlRewrite', { hostname: 'h', path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' } }),
    { filters: [{ filter: 'rewrite', hostname: 'h', path: { prefix: '/', by: '/b', whole: 'segments' } }] },
  ],
  [
    'a mirror gets all',
    filter('RequestMirror', 'requestMirror', { backendRef: { name: 'web', port: 80 } }),
    { filters: [{ filter: 'mirror', to: web, share: 1 }] },
  ],
  [
    'or a percentage',
    filter('RequestMirror', 'requestMirror', { backendRef: { name: 'web', port: 80 }, percent: 0 }),
    { filters: [{ filter: 'mirror', to: web, share: 0 }] },
  ],
  [
    'or a fraction, of 100 unless it says otherwise',
    filter('RequestMirror', 'requestMirror', { backendRef: { name: 'web', port: 80 }, fraction: { numerator: 5 } }),
    { filters: [{ filter: 'mirror', to: web, share: 0.05 }] },
  ],
  [
    'a mirror that leads nowhere is left out',
    filter('RequestMirror', 'requestMirror', { backendRef: { name: 'none', port: 80 } }),
    { filters: [] },
  ],
  [
    'CORS, for five seconds',
    filter('CORS', 'cors', {
      allowOrigins: ['*'],
      allowCredentials: true,
      allowMethods: ['GET'],
      allowHeaders: ['x'],
      exposeHeaders: ['y'],
    }),
    { filters: [{ filter: 'cors', origins: ['*'], credentials: true, methods: ['GET'], headers: ['x'], expose: ['y'], maxAge: 5 }] },
  ],
  [
    'an extension that nobody knows answers 500',
    filter('ExtensionRef', 'extensionRef', { group: 'g', kind: 'K', name: 'n' }),
    { filters: [{ filter: 'respond', status: 500, why: 'filter K.g n is of a kind that this mesh does not know' }] },
  ],
  [
    'authorization that nobody asks answers 500',
    { filters: [{ type: 'ExternalAuth' }] },
    { filters: [{ filter: 'respond', status: 500 }] },
  ],
  [
    'those of a backend are its own',
    { backendRefs: [{ name: 'web', port: 80, weight: 3, filters: [{ type: 'URLRewrite', urlRewrite: { hostname: 'h' } }] }] },
    { filters: [], backends: [{ weight: 3, to: web, filters: [{ filter: 'rewrite', hostname: 'h' }] }] },
  ],
]);

rows('time-outs, retries, sessions', [
  ['both time-outs', { timeouts: { request: '10s', backendRequest: '500ms' } }, { requestTimeout: 10_000, attemptTimeout: 500 }],
  ['switched off', { timeouts: { request: '0s', backendRequest: '1m' } }, { requestTimeout: 0, attemptTimeout: 60_000 }],
  [
    'retries, and the failures that they always are for',
    { retry: { codes: [503, 500, 503], attempts: 3, backoff: '1s' } },
    { retry: { attempts: 3, codes: [503, 500], on: ['connect-failure', 'refused-stream', 'reset'], backoff: 1_000 } },
  ],
  ['retries without a number', { retry: {} }, { retry: { attempts: 2, codes: [] } }],
  [
    'a session of version 1.6',
    { sessionPersistence: { sessionName: 's', type: 'Cookie', absoluteTimeout: '1h', cookieConfig: { lifetimeType: 'Permanent' } } },
    { persistence: { by: 'cookie', name: 's', absoluteTimeout: 3_600_000, permanent: true } },
  ],
  [
    'a session of later versions',
    { sessionPersistence: { type: 'Cookie', cookie: { name: 's', path: '/p', lifetimeType: 'Session' } } },
    { persistence: { by: 'cookie', name: 's', path: '/p', permanent: false } },
  ],
  [
    'by header',
    { sessionPersistence: { type: 'Header', header: { name: 'X-S' } } },
    { persistence: { by: 'header', name: 'x-s', permanent: false } },
  ],
  ['without a name', { sessionPersistence: {} }, { persistence: { by: 'cookie', name: 'session-ns-route-0', permanent: false } }],
]);

describe('refused', () => {
  const refusals: readonly (readonly [written: object, why: string])[] = [
    [match({ path: { type: 'Suffix', value: '/a' } }), 'UnsupportedValue: path match Suffix is not known'],
    [match({ path: { type: 'Exact', value: 'a' } }), 'UnsupportedValue: path a does not begin with a slash'],
    [match({ headers: [{ name: 'a', type: 'Like', value: 'b' }] }), 'UnsupportedValue: match Like is not known'],
    [{ filters: [{ type: 'X' }] }, 'UnsupportedValue: filter X is not known'],
    [filter('RequestRedirect', 'requestRedirect', { statusCode: 200 }), 'UnsupportedValue: status 200 is not one of a redirect'],
    [filter('RequestRedirect', 'requestRedirect', { scheme: 'ftp' }), 'UnsupportedValue: scheme ftp is not known'],
    [filter('URLRewrite', 'urlRewrite', { path: { type: 'ReplaceSuffix' } }), 'UnsupportedValue: path modifier ReplaceSuffix is not known'],
    [
      filter('URLRewrite', 'urlRewrite', { path: { type: 'ReplacePrefixMatch' } }, match({}, {})),
      'IncompatibleFilters: ReplacePrefixMatch needs a rule with exactly one match, of type PathPrefix',
    ],
    [{ filters: [{ type: 'URLRewrite' }, { type: 'URLRewrite' }] }, 'IncompatibleFilters: filter URLRewrite is there twice'],
    [
      { filters: [{ type: 'URLRewrite' }, { type: 'RequestRedirect' }] },
      'IncompatibleFilters: RequestRedirect and URLRewrite exclude each other',
    ],
    [
      { filters: [{ type: 'RequestRedirect' }], backendRefs: [{ name: 'web', port: 80 }] },
      'IncompatibleFilters: RequestRedirect and backends exclude each other',
    ],
    [{ backendRefs: [{ name: 'web', port: 80, weight: -1 }] }, 'UnsupportedValue: weight -1 is not within 0 and 1000000'],
    [{ backendRefs: [{ name: 'web', port: 80, filters: [{ type: 'X' }] }] }, 'UnsupportedValue: filter X is not known'],
    [
      filter('RequestMirror', 'requestMirror', { percent: 5, fraction: { numerator: 1 } }),
      'UnsupportedValue: a mirror takes a percent from 0 to 100, or a fraction from 0 to 1, and not both',
    ],
    [
      filter('RequestHeaderModifier', 'requestHeaderModifier', { set: [{ name: 'a b', value: 'c' }] }),
      'UnsupportedValue: invalid header name "a b"',
    ],
    [{ timeouts: { request: '1.5s' } }, 'UnsupportedValue: timeout 1.5s is no duration'],
    [
      { timeouts: { request: '1s', backendRequest: '2s' } },
      'UnsupportedValue: the timeout of one attempt, 2s, is longer than that of the request, 1s',
    ],
    [{ retry: { codes: [200] } }, 'UnsupportedValue: status 200 is not one that is tried again: 400 to 599 are'],
    [{ retry: { backoff: 'x' } }, 'UnsupportedValue: backoff x is no duration'],
    [{ sessionPersistence: { type: 'Magic' } }, 'UnsupportedValue: session persistence by Magic is not known'],
    [{ sessionPersistence: { cookie: { name: 'a;b' } } }, 'UnsupportedValue: "a;b" cannot be the name of a cookie or header'],
    [{ sessionPersistence: { cookie: { lifetimeType: 'Permanent' } } }, 'UnsupportedValue: a permanent cookie needs an absoluteTimeout'],
  ];
  for (const [written, why] of refusals) test(why, () => expect(refusal(written)).toBe(why));

  test('a regular expression that is none', () =>
    expect(refusal(match({ path: { type: 'RegularExpression', value: '(' } }))).toMatch(/^UnsupportedValue: regular expression "\("/));
});

test('whatever the rules hold, there is an answer', () => {
  const name = fc.constantFrom(
    'matches',
    'path',
    'type',
    'value',
    'filters',
    'backendRefs',
    'timeouts',
    'request',
    'retry',
    'sessionPersistence',
    'cors',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(fc.string(), fc.integer(), fc.constantFrom('Exact', 'URLRewrite', 'RequestMirror', 'RequestRedirect'), fc.constant(null)),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 3 }), (rules) => {
      const object = httpRouteKind.narrow({
        metadata: { name: 'x', namespace: 'ns' },
        spec: { parentRefs: [{ group: '', kind: 'Service', name: 'web' }], rules },
      });
      expect(object && httpRoute(object, look, plainSettings).parents).toHaveLength(1);
    }),
    { numRuns: 300 },
  );
});
