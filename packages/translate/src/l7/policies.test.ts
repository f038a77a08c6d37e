// Policies for waypoints as users write them, and what waypoints are told: one row per rule, and every field of each kind.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { authorizationPolicyKind } from '../kinds/authorization-policy.ts';
import { gatewayKind } from '../kinds/gateway.ts';
import { rateLimitKind } from '../kinds/rate-limit.ts';
import { requestAuthenticationKind } from '../kinds/request-authentication.ts';
import { telemetryKind } from '../kinds/telemetry.ts';
import { wasmPluginKind } from '../kinds/wasm-plugin.ts';
import { routeLookUp, routeTargetOf } from '../testing/routes.ts';
import { plainSettings } from '../testing/services.ts';
import type { PolicyLookUp, TranslatedPolicy } from './policy-attachment.ts';
import { rateLimit } from './rate-limit.ts';
import { requestAuthentication } from './request-authentication.ts';
import { requestPolicy } from './request-policy.ts';
import { telemetry } from './telemetry.ts';
import { wasmPlugin } from './wasm-plugin.ts';
import { waypointSettings } from './waypoint-settings.ts';

const look: PolicyLookUp = {
  ...routeLookUp({
    services: { 'ns/web': routeTargetOf('ns/web'), 'ns/alone': routeTargetOf('ns/alone', { waypoint: '' }) },
    entries: { 'ns/out': ['a.example', 'b.example'].map((hostname) => routeTargetOf('ns/out', { hostname })) },
  }),
  gateway: (namespace, name) => `${namespace}/${name}` === 'ns/waypoint',
  gatewayClass: (name) => ({ 'istio-waypoint': 'istio.io/mesh-controller' })[name],
};

const gatewayApi = 'gateway.networking.k8s.io';
const web = { kind: 'Service', name: 'web' };
const object = (spec: unknown, metadata: object = {}) => ({
  metadata: { namespace: 'ns', name: 'x', creationTimestamp: '2026-01-02T03:04:05Z', generation: 2, ...metadata },
  spec,
});

/** From an object as the API server sends it to what becomes of it. */
type Translate = (object: unknown) => TranslatedPolicy<unknown>;

function through<O, P>(
  kind: { readonly narrow: (object: unknown) => O | undefined },
  translate: (object: O, look: PolicyLookUp, settings: typeof plainSettings) => TranslatedPolicy<P>,
): (given: unknown) => TranslatedPolicy<P> {
  return (given) => {
    const narrowed = kind.narrow(given);
    return narrowed === undefined ? { problems: [] } : translate(narrowed, look, plainSettings);
  };
}

const authorize = through(authorizationPolicyKind, requestPolicy);
const authenticate = through(requestAuthenticationKind, requestAuthentication);
const limit = through(rateLimitKind, rateLimit);
const plugin = through(wasmPluginKind, wasmPlugin);
const observe = through(telemetryKind, telemetry);

describe('targets', () => {
  const rows: readonly (readonly [
    rule: string,
    targets: readonly object[],
    told: readonly object[],
    status: string,
    namespace?: string,
  ])[] = [
    ['a service', [web], [{ service: 'ns/web.ns.svc.cluster.local' }], 'True Accepted'],
    [
      'a service that has no waypoint yet: told, so that nothing passes in the first moment',
      [{ kind: 'Service', name: 'alone' }],
      [{ service: 'ns/alone.ns.svc.cluster.local' }],
      'False AncestorNotBound',
    ],
    [
      'every host of an entry',
      [{ group: 'networking.istio.io', kind: 'ServiceEntry', name: 'out' }],
      [{ service: 'ns/a.example' }, { service: 'ns/b.example' }],
      'True Accepted',
    ],
    ['a waypoint', [{ group: gatewayApi, kind: 'Gateway', name: 'waypoint' }], [{ waypoint: 'ns/waypoint' }], 'True Accepted'],
    ['a waypoint to come', [{ group: gatewayApi, kind: 'Gateway', name: 'next' }], [{ waypoint: 'ns/next' }], 'False TargetNotFound'],
    [
      'a class, of the root namespace',
      [{ group: gatewayApi, kind: 'GatewayClass', name: 'istio-waypoint' }],
      [{ waypointClass: 'istio-waypoint' }],
      'True Accepted',
      'istio-system',
    ],
    ['one that is fine', [web, { kind: 'Service', name: 'gone' }], [{ service: 'ns/web.ns.svc.cluster.local' }], 'True PartiallyInvalid'],
  ];
  for (const [rule, targetRefs, told, status, namespace = 'ns'] of rows)
    test(rule, () => {
      const { policy, condition } = authorize(object({ targetRefs }, { namespace }));
      expect(policy?.targets).toEqual(told);
      expect(condition).toMatchObject({ type: 'WaypointAccepted', observedGeneration: 2 });
      expect(`${condition?.status} ${condition?.reason}`).toBe(status);
    });

  const nowhere: readonly (readonly [rule: string, target: object])[] = [
    ['no such service', { kind: 'Service', name: 'gone' }],
    ['a service of another namespace', { ...web, namespace: 'other' }],
    ['a class, of another namespace than the root', { group: gatewayApi, kind: 'GatewayClass', name: 'istio-waypoint' }],
    ['another kind', { group: 'apps', kind: 'Deployment', name: 'web' }],
  ];
  for (const [rule, target] of nowhere)
    test(`nobody is told: ${rule}`, () => {
      const { policy, condition, unenforced } = authorize(object({ targetRefs: [target], rules: [{}] }));
      expect([policy, condition?.status, unenforced?.reason]).toEqual([undefined, 'False', 'NoWaypoint']);
    });

  test('without targets it is no affair of waypoints', () => expect(authorize(object({ rules: [{}] }))).toEqual({ problems: [] }));
  test('nor is one of another revision', () => {
    const policy = authorizationPolicyKind.narrow(object({ targetRefs: [web] }, { labels: { 'istio.io/rev': 'other' } }));
    expect(policy && requestPolicy(policy, look, { ...plainSettings, revision: 'own' })).toEqual({ problems: [] });
  });
});

describe('AuthorizationPolicy', () => {
  const spec = (fields: object) => object({ targetRefs: [web], ...fields });
  const source = {
    ...{ principals: ['a'], notPrincipals: ['b'], namespaces: ['c'], notNamespaces: ['d'], serviceAccounts: ['e'] },
    ...{ notServiceAccounts: ['f'], trustDomains: ['g'], notTrustDomains: ['h'], ipBlocks: ['10.0.0.0/8'], notIpBlocks: ['10.1.0.0/16'] },
    ...{ remoteIpBlocks: ['::1'], notRemoteIpBlocks: ['::2'], requestPrincipals: ['*'], notRequestPrincipals: ['i/s'] },
  };
  const operation = {
    ...{ hosts: ['a'], notHosts: ['b'], ports: ['80'], notPorts: ['81'], methods: ['GET'], notMethods: ['PUT'] },
    ...{ paths: ['/a'], notPaths: ['/b'] },
  };
  const when = { key: 'request.headers[x]', values: ['1'], notValues: ['2'] };

  test('every field', () => {
    const rules = [{ from: [{ source }], to: [{ operation }], when: [when] }, {}];
    expect(authorize(spec({ action: 'DENY', rules })).policy).toEqual({
      ...{ namespace: 'ns', name: 'x', createdAt: Date.UTC(2026, 0, 2, 3, 4, 5), targets: [{ service: 'ns/web.ns.svc.cluster.local' }] },
      ...{ action: 'DENY', dryRun: false },
      rules: [
        { from: [source], to: [operation], when: [when] },
        { from: [], to: [], when: [] },
      ],
    });
  });

  const rows: readonly (readonly [rule: string, fields: object, policy: object, metadata?: object])[] = [
    ['it allows when it says nothing, and nothing when it has no rules', {}, { action: 'ALLOW', rules: [] }],
    [
      'left to a provider',
      { action: 'CUSTOM', provider: { name: 'p' }, rules: [{}] },
      { action: 'CUSTOM', provider: 'p', rules: [{ from: [], to: [], when: [] }] },
    ],
    ['marks for the log', { action: 'AUDIT', rules: [{}] }, { action: 'AUDIT', rules: [{ from: [], to: [], when: [] }] }],
    ['a dry run', { rules: [{}] }, { dryRun: true }, { annotations: { 'istio.io/dry-run': 'true' } }],
    ['an action that nobody knows denies everybody', { action: 'PERMIT' }, { action: 'DENY', rules: [{ from: [], to: [], when: [] }] }],
    ['a field that nobody knows: allows nobody', { rules: [{ whom: ['a'] }] }, { action: 'ALLOW', rules: [] }],
    ['and is left out of what is denied', { action: 'DENY', rules: [{ whom: ['a'] }] }, { rules: [{ from: [], to: [], when: [] }] }],
    ['a list of which one entry is no text, too', { rules: [{ from: [{ source: { namespaces: ['a', {}] } }] }] }, { rules: [] }],
    [
      'ports as numbers',
      { rules: [{ to: [{ operation: { ports: [80] } }] }] },
      { rules: [{ from: [], to: [{ ports: ['80'] }], when: [] }] },
    ],
  ];
  for (const [rule, fields, policy, metadata] of rows)
    test(rule, () => expect(authorize(object({ targetRefs: [web], ...fields }, metadata)).policy).toMatchObject(policy));

  test('what cannot be read is in the status', () => {
    const { condition, problems } = authorize(spec({ rules: [{ whom: ['a'] }] }));
    expect(problems).toEqual(['rules[0]: whom cannot be read, so the rule matches nothing']);
    expect(condition).toMatchObject({ status: 'True', reason: 'PartiallyInvalid', message: `bound to ns/waypoint. ${problems[0]}` });
  });
});

describe('RequestAuthentication', () => {
  const of = (...jwtRules: readonly unknown[]) => authenticate(object({ targetRefs: [web], jwtRules }));
  const plain = {
    ...{ audiences: [], fromHeaders: [], fromParams: [], fromCookies: [], forwardOriginalToken: false },
    ...{ outputClaimToHeaders: [], spaceDelimitedClaims: [] },
  };

  test('every field', () => {
    const rule = {
      ...{ issuer: 'i', audiences: ['a'], jwks: '{"keys":[]}', fromParams: ['p'], fromCookies: ['c'], forwardOriginalToken: true },
      ...{ outputPayloadToHeader: 'x-payload', outputClaimToHeaders: [{ header: 'x-sub', claim: 'sub' }], spaceDelimitedClaims: ['scp'] },
    };
    const written = { ...rule, fromHeaders: [{ name: 'X-Token', prefix: 'Token ' }], timeout: '2s' };
    expect(of(written).policy?.rules).toEqual([{ ...rule, fromHeaders: [{ name: 'x-token', prefix: 'Token ' }], timeout: 2_000 }]);
  });

  test('rules are in the order of their issuers, and say no more than they must', () => {
    expect(of({ issuer: 'b', jwksUri: 'https://b/keys' }, { issuer: 'a', jwks_uri: 'https://a/keys' }).policy?.rules).toEqual([
      { issuer: 'a', jwksUri: 'https://a/keys', ...plain },
      { issuer: 'b', jwksUri: 'https://b/keys', ...plain },
    ]);
  });

  test('without targets nobody enforces it, and people hear of it', () => {
    expect(authenticate(object({ selector: {}, jwtRules: [{ issuer: 'a' }] }))).toEqual({
      problems: ['nothing enforces it: waypoints are reached by targetRefs only'],
    });
  });

  test('a rule without an issuer is none, and the status says so', () => {
    const { policy, condition } = of({ issuer: 'a' }, { jwks: '{}' });
    expect(policy?.rules).toEqual([{ issuer: 'a', ...plain }]);
    expect(condition).toMatchObject({
      status: 'True',
      reason: 'PartiallyInvalid',
      message: 'bound to ns/waypoint. jwtRules[1]: names no issuer',
    });
    expect(of({}).condition).toMatchObject({ status: 'False', reason: 'Invalid' });
    expect(of({}).policy).toBeUndefined();
  });
});

describe('RateLimit', () => {
  const of = (...limits: readonly unknown[]) => limit(object({ targetRefs: [web], limits }));
  const everything = { from: [], to: [], when: [] };
  const rows: readonly (readonly [rule: string, written: object, limits: readonly object[], problem?: RegExp])[] = [
    ['the least', { requests: 10, every: '1m' }, [{ ...everything, per: [], requests: 10, every: 60_000, scope: 'local' }]],
    [
      'every field',
      {
        ...{
          from: [{ source: { namespaces: ['a'] } }],
          to: [{ operation: { paths: ['/a'] } }],
          when: [{ key: 'source.ip', values: ['::1'] }],
        },
        ...{ per: ['source.principal', 'request.headers[x]'], requests: 1, every: '500ms', burst: 5 },
        ...{ scope: 'Global', provider: { name: 'p' }, failOpen: false },
      },
      [
        {
          ...{ from: [{ namespaces: ['a'] }], to: [{ paths: ['/a'] }], when: [{ key: 'source.ip', values: ['::1'], notValues: [] }] },
          ...{ per: ['source.principal', 'request.headers[x]'], requests: 1, every: 500, burst: 5 },
          ...{ scope: 'global', provider: 'p', failOpen: false },
        },
      ],
    ],
    ['none at all', { requests: 0, every: '1s' }, [{ ...everything, per: [], requests: 0, every: 1_000, scope: 'local' }]],
    [
      'what cannot be read counts more',
      { requests: 1, every: '1s', from: [{ whom: 'a' }] },
      [{ from: [{}], to: [], when: [], per: [], requests: 1, every: 1_000, scope: 'local' }],
      /whom cannot be read/,
    ],
    ['no number', { every: '1s' }, [], /requests/],
    ['no time', { requests: 1, every: 'hour' }, [], /every/],
    ['a scope that nobody knows', { requests: 1, every: '1s', scope: 'Some' }, [], /neither Local nor Global/],
    ['nobody to ask', { requests: 1, every: '1s', scope: 'Global' }, [], /provider/],
  ];
  const good = { requests: 7, every: '1h' };
  for (const [rule, written, limits, problem] of rows)
    test(rule, () => {
      const { policy, problems, condition } = of(written, good);
      expect(policy?.limits.slice(0, -1)).toEqual(limits);
      expect(problems.join()).toMatch(problem ?? /^$/);
      expect(condition?.reason).toBe(problem ? 'PartiallyInvalid' : 'Accepted');
    });
});

describe('WasmPlugin', () => {
  const of = (spec: object) => plugin(object({ targetRefs: [web], url: 'https://host/f.wasm', ...spec }));
  const plain = {
    ...{ phase: 'UNSPECIFIED', priority: 0, url: 'https://host/f.wasm', pluginConfig: '{}', pluginName: '', failOpen: false },
    ...{ ports: [], env: [] },
  };
  const rows: readonly (readonly [rule: string, spec: object, filter: object | undefined, problem?: RegExp])[] = [
    ['the least', {}, plain],
    [
      'every field',
      {
        ...{ url: 'file:///f.wasm', sha256: 'ab', pluginConfig: { a: [1] }, pluginName: 'p', phase: 'AUTHZ', priority: -5 },
        ...{ failStrategy: 'FAIL_OPEN', vmConfig: { env: [{ name: 'A', value: 'b' }] } },
        match: [{ mode: 'SERVER', ports: [{ number: 80 }, { number: 81 }] }, { ports: [{ number: 80 }] }],
      },
      {
        ...{ url: 'file:///f.wasm', sha256: 'ab', pluginConfig: '{"a":[1]}', pluginName: 'p', phase: 'AUTHZ', priority: -5 },
        ...{ failOpen: true, env: [['A', 'b']], ports: [80, 81] },
      },
    ],
    ['a match without ports is all of them', { match: [{ ports: [{ number: 80 }] }, { mode: 'SERVER' }] }, plain],
    ['one for clients only is for nobody here', { match: [{ mode: 'CLIENT' }] }, undefined, /servers/],
    ['not of HTTP', { type: 'NETWORK' }, undefined, /HTTP only/],
    ['an image, which fails as it was told to', { url: 'oci://host/f' }, { ...plain, url: 'oci://host/f' }, /images/],
    ["the waypoint's own environment stays there", { vmConfig: { env: [{ name: 'A', valueFrom: 'HOST' }] } }, plain, /environment/],
  ];
  for (const [rule, spec, filter, problem] of rows)
    test(rule, () => {
      const { policy, problems } = of(spec);
      if (filter === undefined) expect(policy).toBeUndefined();
      else expect(policy).toMatchObject(filter);
      expect(problems.join()).toMatch(problem ?? /^$/);
    });
});

describe('Telemetry', () => {
  const of = (spec: object, metadata?: object) => observe(object(spec, metadata));

  test('without targets it is for its namespace, and has no condition', () => {
    expect(of({})).toEqual({
      policy: { namespace: 'ns', name: 'x', createdAt: Date.UTC(2026, 0, 2, 3, 4, 5), targets: [], metrics: [] },
      problems: [],
    });
  });

  test('with a selector it is for sidecars', () => {
    expect(of({ selector: {} })).toEqual({ problems: ['nothing enforces it: waypoints are reached by targetRefs only'] });
  });

  test('with targets that lead nowhere it is not for the whole namespace', () => {
    expect(of({ targetRefs: [{ kind: 'Service', name: 'gone' }] }).policy).toBeUndefined();
  });

  test('every field', () => {
    const { policy, problems } = of({
      targetRefs: [web],
      metrics: [
        {
          overrides: [
            { match: { metric: 'REQUEST_COUNT' }, tagOverrides: { a: { value: 'request.host' }, b: { operation: 'REMOVE' } } },
            { match: { mode: 'CLIENT' }, disabled: true },
            { disabled: true },
          ],
        },
      ],
      tracing: [
        { match: { mode: 'CLIENT' }, randomSamplingPercentage: 1 },
        {
          providers: [{ name: 't' }],
          randomSamplingPercentage: 50,
          customTags: { a: { literal: { value: 'b' } }, h: { header: { name: 'x' } } },
        },
        { disableSpanReporting: true },
      ],
      accessLogging: [{ providers: [{ name: 'l' }], filter: { expression: 'response.code >= 400' } }, { disabled: false }],
    });
    expect(policy).toMatchObject({
      metrics: [
        {
          metric: 'REQUEST_COUNT',
          disabled: false,
          tags: [
            ['a', 'request.host'],
            ['b', null],
          ],
        },
        { metric: 'ALL_METRICS', disabled: true, tags: [] },
      ],
      tracing: { providers: ['t'], disabled: true, sampling: 50, tags: [['a', 'b']] },
      accessLogging: { providers: ['l'], disabled: false, filter: 'response.code >= 400' },
    });
    expect(problems).toEqual(['tag h is left out: only literals are put into spans']);
  });
});

test('a waypoint is told its class, and whether it names its clients', () => {
  const annotations = { 'ambient.istio.io/xfcc-include-client-identity': 'true' };
  const gateway = gatewayKind.narrow(object({ gatewayClassName: 'istio-waypoint' }, { annotations }));
  expect(gateway && waypointSettings(gateway)).toEqual({
    namespace: 'ns',
    name: 'x',
    class: 'istio-waypoint',
    includeClientIdentity: true,
  });
});

describe('whatever is written, something is made of it', () => {
  const words = [
    ...['targetRefs', 'targetRef', 'selector', 'rules', 'from', 'source', 'when', 'jwtRules', 'limits', 'fromHeaders', 'match', 'metrics'],
    ...['overrides', 'tracing', 'customTags', 'vmConfig', 'env', 'action', 'provider', 'accessLogging', 'kind', 'name', 'literal'],
  ];
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom('web', 'Service', 'CUSTOM', '1s', 1, -1, true, null, '__proto__'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...words), tie('tree'), { maxKeys: 4 }),
    ),
  }));
  const kinds: Readonly<Record<string, Translate>> = { authorize, authenticate, limit, plugin, observe };
  for (const [name, translate] of Object.entries(kinds))
    test(name, () => {
      fc.assert(
        fc.property(fc.dictionary(fc.constantFrom(...words), tree), fc.boolean(), (spec, attached) => {
          const { policy } = translate(object(attached ? { ...spec, targetRefs: [web] } : spec));
          expect(() => JSON.stringify(policy)).not.toThrow();
        }),
      );
    });
});
