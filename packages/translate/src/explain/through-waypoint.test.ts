// What a waypoint would do, row by row: which traffic comes to it, consent, tokens, policies, routes, and where it all ends.
// That it is what really happens is shown on the lab (e2e/scenarios/explain.test.ts).
import { describe, expect, test } from 'vitest';
import type { TranslateSettings } from '../settings.ts';
import { explained, pod, service, waypoint } from '../testing/written-mesh.ts';
import { defaultSettings } from './mesh-of.ts';

const bound = { labels: 'istio.io/use-waypoint: wp' };
const shop = [
  pod('shop/web', { ip: '10.0.0.1' }),
  pod('shop/cart-1', { ip: '10.0.0.2' }),
  pod('shop/other-1', { ip: '10.0.0.3' }),
  pod('lab/tester', { ip: '10.0.9.1' }),
  service('shop/cart', '10.1.0.2', bound),
  service('shop/other', '10.1.0.3'),
  waypoint('shop/wp'),
];

const object = (apiVersion: string, kind: string, key: string, spec: string): string => {
  const [namespace, name] = key.split('/');
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { namespace: ${namespace}, name: ${name} }\nspec: ${spec}\n---\n`;
};
const policy = (name: string, spec: string): string =>
  object(
    'security.istio.io/v1',
    'AuthorizationPolicy',
    `shop/${name}`,
    `{ targetRefs: [{ group: "", kind: Service, name: cart }], ${spec} }`,
  );
const ofWaypoint = (name: string, spec: string): string =>
  object(
    'security.istio.io/v1',
    'AuthorizationPolicy',
    `shop/${name}`,
    `{ targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: wp }], ${spec} }`,
  );
const layer4 = (name: string, spec: string): string => object('security.istio.io/v1', 'AuthorizationPolicy', `shop/${name}`, `{ ${spec} }`);
const route = (key: string, rules: string): string =>
  object(
    'gateway.networking.k8s.io/v1',
    'HTTPRoute',
    key,
    `{ parentRefs: [{ group: "", kind: Service, name: cart, namespace: shop }], rules: ${rules} }`,
  );
const virtual = (http: string): string => object('networking.istio.io/v1', 'VirtualService', 'shop/vs', `{ hosts: [cart], http: ${http} }`);
const tokens = (spec: string): string =>
  object(
    'security.istio.io/v1',
    'RequestAuthentication',
    'shop/jwt',
    `{ targetRefs: [{ group: "", kind: Service, name: cart }], jwtRules: [{ ${spec} }] }`,
  );

const get = 'action: DENY, rules: [{ to: [{ operation: { methods: [GET] } }] }]';
const admin = 'action: ALLOW, rules: [{ to: [{ operation: { paths: ["/a*"] } }] }, { from: [{ source: { namespaces: [lab] } }] }]';
const token = (claims: object): string =>
  `authorization=Bearer+${['{"alg":"RS256"}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.')}`;

type Row = readonly [rule: string, objects: readonly string[], question: string, want: string];
const rows: readonly Row[] = [
  ['without policies requests pass', [], 'shop/web cart:80 GET', 'allowed'],
  ['a DENY of a method', [policy('no-get', get)], 'shop/web cart:80 GET', 'denied 403 by AuthorizationPolicy shop/no-get, rule 0'],
  ['is no DENY of another', [policy('no-get', get)], 'shop/web cart:80 POST', 'allowed'],
  ['an ALLOW names paths', [policy('admins', admin)], 'shop/web cart:80 GET /a/b', 'allowed'],
  [
    'gRPC clients see a status of their own',
    [policy('admins', admin)],
    'shop/web cart:80 POST /b content-type=application/grpc',
    'denied by no rule of AuthorizationPolicy shop/admins, which allows others',
  ],
  [
    'and whoever matches no rule stays outside',
    [policy('admins', admin)],
    'shop/web cart:80 GET /b',
    'denied 403 by no rule of AuthorizationPolicy shop/admins, which allows others',
  ],
  ['the second rule holds for another namespace', [policy('admins', admin)], 'lab/tester cart.shop:80 GET /b', 'allowed'],
  [
    'a policy for the whole waypoint',
    [ofWaypoint('none', 'action: DENY, rules: [{}]')],
    'shop/web cart:80 GET',
    'denied 403 by AuthorizationPolicy shop/none, rule 0',
  ],
  ['a policy for another service says nothing', [policy('x', get).replace('name: cart', 'name: other')], 'shop/web cart:80 GET', 'allowed'],
  [
    'on raw TCP what only HTTP has is denied to all',
    [policy('no-get', get)],
    'shop/web cart:90',
    'denied by AuthorizationPolicy shop/no-get, rule 0',
  ],
  [
    'on raw TCP what only HTTP has is allowed to nobody',
    [policy('admins', 'action: ALLOW, rules: [{ to: [{ operation: { methods: [GET] } }] }]')],
    'shop/web cart:90',
    'denied by no rule of AuthorizationPolicy shop/admins, which allows others',
  ],
  [
    'a port that is declared raw looks into no request',
    [policy('no-get', get)],
    'shop/web cart:90 POST',
    'denied by AuthorizationPolicy shop/no-get, rule 0',
  ],
  ['undeclared ports look', [policy('no-get', get)], 'shop/web cart:81 POST', 'allowed'],
  [
    'a path with two readings',
    [],
    'shop/web cart:80 GET /%zz',
    'answered 400 by 400: the path cannot be read in one way only: percent-encoding',
  ],
  [
    'nobody to ask denies',
    [policy('ask', 'action: CUSTOM, provider: { name: nobody }, rules: [{}]')],
    'shop/web cart:80 GET',
    'denied 403 by a CUSTOM policy whose provider the mesh configuration does not know: everything is denied',
  ],
  [
    'somebody outside decides',
    [policy('ask', 'action: CUSTOM, provider: { name: opa }, rules: [{}]')],
    'shop/web cart:80 GET',
    'sometimes by external authorization',
  ],
  [
    'what somebody outside cannot save',
    [policy('ask', 'action: CUSTOM, provider: { name: opa }, rules: [{}]'), policy('no-get', get)],
    'shop/web cart:80 GET',
    'denied by external authorization; AuthorizationPolicy shop/no-get, rule 0',
  ],
  [
    'a pod of the service at its own address goes past a waypoint for services',
    [policy('no-get', get)],
    'shop/web pod/cart-1:8080 GET',
    'allowed',
  ],
  [
    'tunnels see the waypoint, not the client',
    [layer4('l4', 'action: ALLOW, rules: [{ from: [{ source: { principals: ["*/sa/web"] } }] }]')],
    'shop/web cart:80 GET',
    'denied 503 by no rule of AuthorizationPolicy shop/l4, which allows others',
  ],
  [
    'and let it in by its own name',
    [layer4('l4', 'action: ALLOW, rules: [{ from: [{ source: { principals: ["*/sa/wp"] } }] }]')],
    'shop/web cart:80 GET',
    'allowed by AuthorizationPolicy shop/l4',
  ],

  [
    'of endpoints some of which refuse the waypoint, another one is tried',
    [
      layer4('l4', 'selector: { matchLabels: { pick: me } }, action: DENY, rules: [{}]'),
      pod('shop/cart-2', { ip: '10.0.0.22', labels: 'pick: me' }),
    ],
    'shop/web cart:80 GET',
    'allowed',
  ],
  [
    'raw connections are not tried again',
    [
      layer4('l4', 'selector: { matchLabels: { pick: me } }, action: DENY, rules: [{}]'),
      pod('shop/cart-2', { ip: '10.0.0.22', labels: 'pick: me' }),
    ],
    'shop/web cart:90',
    'sometimes by AuthorizationPolicy shop/l4',
  ],
  [
    'a request to a workload gets an answer, too',
    [
      layer4('l4', 'action: DENY, rules: [{}]'),
      waypoint('shop/wp', { takes: 'all' }),
      pod('shop/mine', { ip: '10.0.0.30', labels: 'istio.io/use-waypoint: wp' }),
    ],
    'shop/web pod/mine:8080 GET',
    'denied 503 by AuthorizationPolicy shop/l4',
  ],
  [
    'no rule matches',
    [route('shop/r', '[{ matches: [{ path: { value: /a } }], backendRefs: [{ name: cart, port: 80 }] }]')],
    'shop/web cart:80 GET /b',
    'answered 404 by 404: no route matches',
  ],
  [
    'a redirect',
    [route('shop/r', '[{ filters: [{ type: RequestRedirect, requestRedirect: { hostname: b.org, statusCode: 301 } }] }]')],
    'shop/web cart:80 GET',
    'answered 301 by 301: shop.r.0',
  ],
  [
    'a backend that does not exist',
    [route('shop/r', '[{ backendRefs: [{ name: gone, port: 80 }] }]')],
    'shop/web cart:80 GET',
    'answered 500 by 500: Service shop/gone was not found',
  ],
  [
    'backends none of which can be reached, each for its own reason',
    [
      route('shop/r', '[{ backendRefs: [{ name: empty, port: 80 }, { name: other, port: 80 }] }]'),
      service('shop/empty', '10.1.0.8'),
      layer4('l4', 'action: DENY, rules: [{}]'),
    ],
    'shop/web cart:80 GET',
    'refused 503 by empty.shop.svc.cluster.local port 80 has no healthy endpoint; AuthorizationPolicy shop/l4',
  ],
  [
    'no backend at all',
    [route('shop/r', '[{ name: mine, matches: [{ path: { value: / } }] }]')],
    'shop/web cart:80 GET',
    'answered 500 by 500: mine has no backend',
  ],
  [
    'a weight of nothing is nothing',
    [route('shop/r', '[{ backendRefs: [{ name: gone, port: 80, weight: 0 }, { name: other, port: 80 }] }]')],
    'shop/web cart:80 GET',
    'allowed',
  ],
  [
    'one of two backends',
    [route('shop/r', '[{ backendRefs: [{ name: gone, port: 80 }, { name: other, port: 80 }] }]')],
    'shop/web cart:80 GET',
    'sometimes by 500: Service shop/gone was not found',
  ],
  [
    "a consumer's route is for its own namespace",
    [route('lab/r', '[{ filters: [{ type: RequestRedirect, requestRedirect: { hostname: b.org } }] }]')],
    'lab/tester cart.shop:80 GET',
    'answered 302 by 302: lab.r.0',
  ],
  [
    'and for no other',
    [route('lab/r', '[{ filters: [{ type: RequestRedirect, requestRedirect: { hostname: b.org } }] }]')],
    'shop/web cart:80 GET',
    'allowed',
  ],
  [
    'an injected fault',
    [virtual('[{ fault: { abort: { percentage: { value: 100 }, httpStatus: 418 } }, route: [{ destination: { host: cart } }] }]')],
    'shop/web cart:80 GET',
    'answered 418 by 418: shop.vs.0',
  ],
  [
    'a fault at times',
    [virtual('[{ fault: { abort: { percentage: { value: 50 }, httpStatus: 418 } }, route: [{ destination: { host: cart } }] }]')],
    'shop/web cart:80 GET',
    'sometimes by 418: shop.vs.0',
  ],
  ['an answer of its own', [virtual('[{ directResponse: { status: 299 } }]')], 'shop/web cart:80 GET', 'answered 299 by 299: shop.vs.0'],
  [
    'a subset that nobody defines',
    [virtual('[{ route: [{ destination: { host: cart, subset: none } }] }]')],
    'shop/web cart:80 GET',
    'refused 503 by cart.shop.svc.cluster.local port 80, subset none, has no healthy endpoint',
  ],

  ['no token is no fault', [tokens('issuer: me, jwks: "{}"')], 'shop/web cart:80 GET', 'allowed'],
  [
    'a token of somebody unknown',
    [tokens('issuer: me, jwks: "{}"')],
    `shop/web cart:80 GET / ${token({ iss: 'you' })}`,
    'denied 401 by RequestAuthentication shop/jwt',
  ],
  ['a token that is good', [tokens('issuer: me, jwks: "{}"')], `shop/web cart:80 GET / ${token({ iss: 'me' })}`, 'allowed'],
  [
    'a token for somebody else',
    [tokens('issuer: me, audiences: [us], jwks: "{}"')],
    `shop/web cart:80 GET / ${token({ iss: 'me', aud: 'them' })}`,
    'denied 403 by RequestAuthentication shop/jwt',
  ],
  [
    'what is no token',
    [tokens('issuer: me, jwks: "{}"')],
    'shop/web cart:80 GET / authorization=Bearer+nonsense',
    'denied 401 by RequestAuthentication shop/jwt',
  ],
  ['another scheme is no token', [tokens('issuer: me, jwks: "{}"')], 'shop/web cart:80 GET / authorization=Basic+nonsense', 'allowed'],
];

const provider = {
  name: 'opa',
  kind: 'ext-authz-grpc',
  service: 'opa.shop.svc.cluster.local',
  port: 9191,
  timeout: 1_000,
  failOpen: false,
  statusOnError: 403,
  pathPrefix: '',
  includeRequestHeaders: [],
  includeAdditionalHeaders: [],
  includeBodyBytes: 0,
  allowPartialBody: false,
  headersToUpstreamOnAllow: [],
  headersToDownstreamOnDeny: [],
  headersToDownstreamOnAllow: [],
} as const;
const settings: Partial<TranslateSettings> = { meshDefaults: { ...defaultSettings.meshDefaults, providers: [provider] } };
const opa = [service('shop/opa', '10.1.0.7').replace('port: 80,', 'port: 9191,'), pod('shop/opa-1', { ip: '10.0.0.70' })];

describe('what becomes of it', () => {
  test.each(rows)('%s', (_, objects, question, want) => {
    const { outcome, status, by } = explained([...shop, ...opa, ...objects], question, settings);
    expect(`${outcome}${status === undefined ? '' : ` ${status}`}${by === '' ? '' : ` by ${by}`}`).toBe(want);
  });
});

const saidOf = (objects: readonly string[], question: string): readonly string[] =>
  explained([...shop, ...objects], question, settings).steps.map(({ at, says }) => `${at}: ${says}`);

describe('what is said on the way', () => {
  test('every hop, who is who, which rule let it pass', () => {
    expect(
      saidOf(
        [policy('admins', admin), route('shop/r', '[{ name: mine, backendRefs: [{ name: other, port: 80 }] }]')],
        'shop/web cart:80 GET /a',
      ),
    ).toEqual([
      'shop/web: cart.shop.svc.cluster.local port 80 has a waypoint: by mutual TLS to shop/wp',
      'shop/wp: allowed by AuthorizationPolicy shop/admins, rule 0 (paths /a*)',
      'shop/wp: rule mine matches',
      'shop/wp: sends to shop/other.shop.svc.cluster.local port 80',
      'shop/other-1: port 8080 lets spiffe://cluster.local/ns/shop/sa/wp in, over mutual TLS',
    ]);
  });
  test('weights, rewrites and copies', () => {
    const filters =
      '[{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: /new } } }, { type: RequestMirror, requestMirror: { backendRef: { name: other, port: 80 } } }]';
    const backends = '[{ name: cart, port: 80, weight: 3 }, { name: other, port: 80, weight: 1 }]';
    const said = saidOf([route('shop/r', `[{ filters: ${filters}, backendRefs: ${backends} }]`)], 'shop/web cart:80 GET /old');
    expect(said.filter((each) => each.startsWith('shop/wp')).map((each) => each.slice('shop/wp: '.length))).toEqual([
      'rule shop.r.0 matches',
      'rewrites it to cart/new',
      'sends a copy to shop/other.shop.svc.cluster.local port 80',
      'sends 75 % to shop/cart.shop.svc.cluster.local port 80',
      'sends 25 % to shop/other.shop.svc.cluster.local port 80',
    ]);
  });
  test('audit and dry runs', () => {
    const dry = policy('try', get).replace('name: try', 'name: try, annotations: { istio.io/dry-run: "true" }');
    const said = saidOf([dry, policy('mark', 'action: AUDIT, rules: [{}]')], 'shop/web cart:80 GET');
    expect(said.slice(1, 3)).toEqual([
      'shop/wp: dry run: AuthorizationPolicy shop/try, rule 0 would deny it',
      'shop/wp: a policy marks it for audit',
    ]);
  });
  test('a connection to an HTTP port is taken for the simplest request', () => {
    expect(saidOf([policy('no-get', get)], 'shop/web cart:80').slice(1)).toEqual([
      'shop/wp: port 80 is HTTP, and each request is judged by itself: taken to be GET / (ask with --path)',
      'shop/wp: denied by AuthorizationPolicy shop/no-get, rule 0 (methods GET)',
    ]);
  });
  test('a waypoint without a pod that is ready', () => {
    const objects = [...shop.slice(0, -1), waypoint('shop/wp', { isReady: false })];
    expect(explained(objects, 'shop/web cart:80 GET')).toMatchObject({
      outcome: 'refused',
      by: expect.stringContaining('unknown waypoint'),
    });
  });
});

describe('which traffic comes to it', () => {
  const isThrough = (takes: string, question: string): boolean => {
    const objects = [pod('shop/mine', { ip: '10.0.0.30', labels: 'istio.io/use-waypoint: wp' }), waypoint('shop/wp', { takes })];
    return explained([...shop.slice(0, -1), ...objects], question).steps.some(({ says }) => says.includes('has a waypoint'));
  };
  const kinds: readonly (readonly [takes: string, question: string, want: boolean])[] = [
    ['service', 'shop/web cart:80', true],
    ['service', 'shop/web pod/mine:8080', false],
    ['workload', 'shop/web cart:80', false],
    ['workload', 'shop/web pod/mine:8080', true],
    ['all', 'shop/web cart:80', true],
    ['all', 'shop/web pod/mine:8080', true],
    ['none', 'shop/web cart:80', false],
  ];
  test.each(kinds)('a waypoint for %s and %s: %s', (takes, question, want) => {
    expect(isThrough(takes, question)).toBe(want);
  });
});
