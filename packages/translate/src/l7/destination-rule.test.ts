// DestinationRules, field by field: what a waypoint is told, and what it is told that it cannot do.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { destinationRuleKind } from '../kinds/destination-rule.ts';
import { routeLookUp, routeTargetOf } from '../testing/routes.ts';
import { plainSettings } from '../testing/services.ts';
import { destinationRule } from './destination-rule.ts';

const web = 'ns/web.ns.svc.cluster.local';
const look = routeLookUp({
  services: { 'ns/web': routeTargetOf('ns/web'), 'other/web': routeTargetOf('other/web') },
  workloads: {
    [web]: [
      { uid: 'b', labels: { version: 'v1' } },
      { uid: 'a', labels: { version: 'v1', app: 'web' } },
      { uid: 'c', labels: { version: 'v2' } },
    ],
    'other/web.other.svc.cluster.local': [{ uid: 'd', labels: { version: 'v1' } }],
  },
});

function translated(spec: object) {
  const object = destinationRuleKind.narrow({ metadata: { namespace: 'ns', name: 'dr' }, spec: { host: 'web', ...spec } });
  return object ? destinationRule(object, look, plainSettings) : { problems: ['no object'] };
}

test('what it is', () =>
  expect(translated({})).toEqual({
    settings: {
      ...{ namespace: 'ns', name: 'dr', createdAt: 0, host: 'web.ns.svc.cluster.local', exportTo: [] },
      ...{ policy: { ports: [] }, subsets: [] },
    },
    problems: [],
  }));

type Row = readonly [rule: string, written: object, told: object];
function rows(what: string, field: string, all: readonly Row[]): void {
  describe(what, () => {
    for (const [rule, written, told] of all)
      test(rule, () => {
        const { settings, problems } = translated({ trafficPolicy: { [field]: written } });
        expect(settings?.policy).toEqual({ ...told, ports: [] });
        expect(problems).toEqual([]);
      });
  });
}

const balanced = (written: object, balance: object): Row => [JSON.stringify(written), written, { balance }];
rows('load balancing', 'loadBalancer', [
  balanced({}, { by: 'least-request' }),
  balanced({ simple: 'UNSPECIFIED' }, { by: 'least-request' }),
  balanced({ simple: 'LEAST_CONN' }, { by: 'least-request' }),
  balanced({ simple: 'LEAST_REQUEST' }, { by: 'least-request' }),
  balanced({ simple: 'ROUND_ROBIN' }, { by: 'round-robin' }),
  balanced({ simple: 'RANDOM' }, { by: 'random' }),
  balanced({ simple: 'PASSTHROUGH' }, { by: 'passthrough' }),
  balanced({ consistentHash: { httpHeaderName: 'X-User' } }, { by: 'hash', hash: { header: 'x-user' } }),
  balanced(
    { consistentHash: { httpCookie: { name: 'c', ttl: '0s', path: '/p' } } },
    { by: 'hash', hash: { cookie: 'c', ttl: 0, path: '/p' } },
  ),
  balanced({ consistentHash: { httpCookie: { name: 'c' } } }, { by: 'hash', hash: { cookie: 'c' } }),
  balanced({ consistentHash: { useSourceIp: true } }, { by: 'hash', hash: { sourceIp: true } }),
  balanced({ consistentHash: { httpQueryParameterName: 'Q' } }, { by: 'hash', hash: { query: 'Q' } }),
  balanced({ simple: 'ROUND_ROBIN', warmupDurationSecs: '30s' }, { by: 'round-robin', warmup: 30_000 }),
  balanced({ warmup: { duration: '1m' } }, { by: 'least-request', warmup: 60_000 }),
  balanced(
    { localityLbSetting: { distribute: [{ from: 'a/b/*', to: { 'a/b/*': 80, 'a/c/*': 20 } }] } },
    {
      by: 'least-request',
      locality: {
        ...{ enabled: true, failover: [] },
        distribute: [
          {
            from: 'a/b/*',
            to: [
              ['a/b/*', 80],
              ['a/c/*', 20],
            ],
          },
        ],
      },
    },
  ),
  balanced(
    { localityLbSetting: { enabled: false, failover: [{ from: 'a', to: 'b' }] } },
    { by: 'least-request', locality: { enabled: false, failover: [{ from: 'a', to: 'b' }], distribute: [] } },
  ),
]);

rows('connections', 'connectionPool', [
  ['nothing said', {}, { pool: {} }],
  [
    'of TCP',
    { tcp: { maxConnections: 5, connectTimeout: '30ms', idleTimeout: '1m' } },
    { pool: { maxConnections: 5, connectTimeout: 30, idleTimeout: 60_000 } },
  ],
  [
    'of HTTP',
    {
      http: {
        http1MaxPendingRequests: 1,
        http2MaxRequests: 2,
        maxRequestsPerConnection: 3,
        maxRetries: 4,
        idleTimeout: '5s',
        useClientProtocol: true,
      },
    },
    {
      pool: {
        maxPendingRequests: 1,
        maxRequests: 2,
        maxRequestsPerConnection: 3,
        maxRetries: 4,
        idleTimeout: 5_000,
        useClientProtocol: true,
      },
    },
  ],
  ['0 is no limit', { http: { maxRequestsPerConnection: 0 }, tcp: { maxConnections: 0 } }, { pool: {} }],
  ['HTTP/2 always', { http: { h2UpgradePolicy: 'UPGRADE' } }, { pool: { h2Upgrade: true } }],
  ['HTTP/2 never', { http: { h2UpgradePolicy: 'DO_NOT_UPGRADE' } }, { pool: { h2Upgrade: false } }],
  ['HTTP/2 as usual', { http: { h2UpgradePolicy: 'DEFAULT' } }, { pool: {} }],
]);

const usual = { consecutive5xx: 5, consecutiveGatewayErrors: 0, interval: 10_000, baseEjection: 30_000, maxEjected: 10, minHealthy: 0 };
rows('outliers', 'outlierDetection', [
  ['as usual', {}, { outliers: usual }],
  [
    'everything',
    {
      ...{ consecutive5xxErrors: 7, consecutiveGatewayErrors: 3, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 },
      ...{ interval: '5m', baseEjectionTime: '15m', maxEjectionPercent: 100, minHealthPercent: 50 },
    },
    {
      outliers: {
        ...{ consecutive5xx: 7, consecutiveGatewayErrors: 3, consecutiveLocalFailures: 2, interval: 300_000, baseEjection: 900_000 },
        ...{ maxEjected: 100, minHealthy: 50 },
      },
    },
  ],
  ['switched off', { consecutive5xxErrors: 0 }, { outliers: { ...usual, consecutive5xx: 0 } }],
  ['the older name', { consecutiveErrors: 4 }, { outliers: { ...usual, consecutiveGatewayErrors: 4 } }],
  ['local failures count only apart', { consecutiveLocalOriginFailures: 2 }, { outliers: usual }],
]);

const tls = { subjectAltNames: [], insecureSkipVerify: false };
rows('TLS', 'tls', [
  ['none', { mode: 'DISABLE' }, { tls: { mode: 'disable', ...tls } }],
  ['of the mesh: the tunnel is that', { mode: 'ISTIO_MUTUAL' }, { tls: { mode: 'disable', ...tls } }],
  [
    'of the server',
    { mode: 'SIMPLE', sni: 'a.b', subjectAltNames: ['c.d'], insecureSkipVerify: true },
    { tls: { mode: 'simple', sni: 'a.b', subjectAltNames: ['c.d'], insecureSkipVerify: true } },
  ],
  ['of both', { mode: 'MUTUAL' }, { tls: { mode: 'mutual', ...tls } }],
]);

rows('the budget of retries', 'retryBudget', [
  ['as usual', {}, { retryBudget: { percent: 20, minRetries: 3 } }],
  ['said', { percent: 12.5, minRetryConcurrency: 1 }, { retryBudget: { percent: 12.5, minRetries: 1 } }],
]);

describe('ports and subsets', () => {
  const simple = (word: string) => ({ loadBalancer: { simple: word } });
  const by = (word: string) => ({ balance: { by: word } });

  test('a port has settings of its own, in the order of numbers', () => {
    const portLevelSettings = [{ port: { number: 90 }, ...simple('RANDOM') }, { port: { number: 80 } }, simple('RANDOM')];
    expect(translated({ trafficPolicy: { portLevelSettings } }).settings?.policy.ports).toEqual([
      { port: 80 },
      { port: 90, ...by('random') },
    ]);
  });

  test('a subset is the workloads that have its labels now, of every service that the host means', () => {
    const subsets = [
      { name: 'v1', labels: { version: 'v1' } },
      { name: 'none', labels: { version: 'v9' } },
    ];
    expect(translated({ subsets }).settings?.subsets).toMatchObject([
      { name: 'v1', workloads: ['a', 'b'] },
      { name: 'none', workloads: [] },
    ]);
    expect(translated({ subsets, host: '*.svc.cluster.local' }).settings?.subsets[0]?.workloads).toEqual(['a', 'b', 'd']);
  });

  test('a subset lies over its rule, at every port', () => {
    const written = {
      trafficPolicy: {
        ...{ ...simple('RANDOM'), tls: { mode: 'SIMPLE' } },
        portLevelSettings: [{ port: { number: 80 }, ...simple('PASSTHROUGH'), outlierDetection: {} }],
      },
      subsets: [
        { name: 'same' },
        {
          name: 'other',
          trafficPolicy: {
            ...simple('ROUND_ROBIN'),
            tls: { mode: 'ISTIO_MUTUAL' },
            portLevelSettings: [{ port: { number: 90 }, ...simple('LEAST_CONN') }],
          },
        },
      ],
    };
    const [same, other] = translated(written).settings?.subsets ?? [];
    expect(same?.policy).toEqual(translated(written).settings?.policy);
    const disabled = { tls: { mode: 'disable', ...tls } };
    expect(other?.policy).toEqual({
      ...{ ...by('round-robin'), ...disabled },
      ports: [
        { port: 80, ...by('round-robin'), outliers: usual, ...disabled },
        { port: 90, ...by('least-request'), ...disabled },
      ],
    });
  });
});

describe('for whom', () => {
  const rules: readonly (readonly [rule: string, spec: object, told: object | undefined])[] = [
    ['a whole name', { host: 'Web.other.svc.cluster.local' }, { host: 'web.other.svc.cluster.local' }],
    ['names below a suffix', { host: '*.example.com' }, { host: '*.example.com' }],
    ['all', { exportTo: ['*', 'a'] }, { exportTo: [] }],
    ['some namespaces', { exportTo: ['b', '.', 'ns'] }, { exportTo: ['b', 'ns'] }],
    ['nobody', { exportTo: ['~'] }, undefined],
    ['no host', { host: '' }, undefined],
    ['sidecars with labels', { workloadSelector: { matchLabels: { a: 'b' } } }, undefined],
  ];
  for (const [rule, spec, told] of rules)
    test(rule, () => {
      const { settings } = translated(spec);
      if (told === undefined) expect(settings).toBeUndefined();
      else expect(settings).toMatchObject(told);
    });

  test('of another revision: nothing', () => {
    const metadata = { namespace: 'ns', name: 'dr', labels: { 'istio.io/rev': 'b' } };
    const object = destinationRuleKind.narrow({ metadata, spec: { host: 'web' } });
    expect(object && destinationRule(object, look, { ...plainSettings, revision: 'a' })).toEqual({ problems: [] });
  });
});

describe('what is not done as written is said', () => {
  const said: readonly (readonly [policy: object, problems: readonly string[]])[] = [
    [{ tunnel: {} }, ['trafficPolicy: tunnel is not carried out by waypoints']],
    [{ proxyProtocol: {} }, ['trafficPolicy: proxyProtocol is not carried out by waypoints']],
    [{ loadBalancer: { simple: 'BEST' } }, ['trafficPolicy: loadBalancer BEST is not known']],
    [{ loadBalancer: { consistentHash: {} } }, ['trafficPolicy: consistentHash names nothing to hash']],
    [
      { loadBalancer: { localityLbSetting: { failoverPriority: ['a'] } } },
      ['trafficPolicy: failoverPriority is not carried out by waypoints'],
    ],
    [{ tls: { mode: 'X' } }, ['trafficPolicy: tls mode X is not known, and taken for SIMPLE']],
    [
      { tls: { mode: 'MUTUAL', credentialName: 'x' } },
      ['trafficPolicy: tls credentialName names a file or a Secret, which waypoints cannot read'],
    ],
    [
      { portLevelSettings: [{ port: { number: 80 }, connectionPool: { tcp: { connectTimeout: 'x' } } }] },
      ['trafficPolicy, port 80: connectTimeout x is no duration'],
    ],
  ];
  for (const [policy, problems] of said)
    test(problems.join(), () => expect(translated({ trafficPolicy: policy }).problems).toEqual(problems));
});

test('whatever the object holds, there is an answer', () => {
  const name = fc.constantFrom(
    'loadBalancer',
    'simple',
    'consistentHash',
    'httpCookie',
    'connectionPool',
    'tcp',
    'http',
    'outlierDetection',
    'tls',
    'portLevelSettings',
    'port',
    'number',
    'labels',
    'trafficPolicy',
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(tree, tree, (trafficPolicy, subsets) => {
      expect(translated({ trafficPolicy, subsets: [subsets, { trafficPolicy }] }).settings).toBeDefined();
    }),
    { numRuns: 300 },
  );
});
