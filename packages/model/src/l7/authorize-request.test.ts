// What a waypoint lets through: actions in their order, each field of a rule, and what becomes of parts that nobody can judge.
import { describe, expect, test } from 'vitest';
import { parseSpiffeId } from '../spiffe.ts';
import { ip } from '../testing/index.ts';
import { authorizeRequest, compileRequestPolicies, providersFor } from './authorize-request.ts';
import type { Claims } from './claims.ts';
import type { ConditionMatch, OperationMatch, RequestPolicy, RequestRule, SourceMatch } from './policy.ts';
import { ConnectionFacts, RequestFacts, type RequestLine } from './request-facts.ts';

interface Sketch extends Partial<RequestLine> {
  /** `null`: clear text. */
  readonly from?: string | null;
  readonly source?: string;
  readonly sni?: string;
  readonly claims?: Claims;
}

function facts({ from = 'td/ns/ns/sa/client', source = '10.0.0.1', sni, claims, ...line }: Sketch = {}): RequestFacts {
  const identity = from === null ? undefined : parseSpiffeId(`spiffe://${from}`);
  const connection = new ConnectionFacts(ip(source), { ip: ip('10.9.0.1'), port: 80 }, identity, sni);
  return new RequestFacts(connection, { host: 'app', method: 'GET', path: '/', headers: [], ...line }, claims);
}

const rule = (given: Partial<RequestRule> = {}): RequestRule => ({ from: [], to: [], when: [], ...given });
const policy = (action: RequestPolicy['action'], rules: readonly RequestRule[], given: Partial<RequestPolicy> = {}): RequestPolicy => ({
  namespace: 'ns',
  name: action.toLowerCase(),
  createdAt: 0,
  targets: [],
  dryRun: false,
  action,
  rules,
  ...given,
});
const http = { http: true, trustDomains: ['td', 'old'] };
const tcp = { ...http, http: false };
const decide = (policies: readonly RequestPolicy[], asked = facts(), chain = http) =>
  authorizeRequest(compileRequestPolicies(policies, chain), asked);

const get = rule({ to: [{ methods: ['GET'] }] });
const post = rule({ to: [{ methods: ['POST'] }] });

describe('actions', () => {
  const rows: readonly (readonly [rule: string, policies: readonly RequestPolicy[], want: object])[] = [
    ['no policies: allowed', [], { allow: true }],
    ['a DENY that matches', [policy('DENY', [get])], { allow: false, rule: 'ns[ns]-policy[deny]-rule[0]' }],
    ['a DENY that does not', [policy('DENY', [post])], { allow: true }],
    ['the rule is named', [policy('DENY', [post, get])], { details: 'rbac_access_denied_matched_policy[ns[ns]-policy[deny]-rule[1]]' }],
    ['an ALLOW that matches', [policy('ALLOW', [get])], { allow: true, rule: 'ns[ns]-policy[allow]-rule[0]' }],
    ['an ALLOW that does not', [policy('ALLOW', [post])], { allow: false, details: 'rbac_access_denied_matched_policy[none]' }],
    ['DENY goes before ALLOW', [policy('ALLOW', [get]), policy('DENY', [get])], { allow: false }],
    ['an ALLOW without rules allows nobody', [policy('ALLOW', [])], { allow: false }],
    ['a DENY without rules denies nobody', [policy('DENY', [])], { allow: true }],
    ['an empty rule holds for all', [policy('DENY', [rule()])], { allow: false }],
    ['AUDIT only marks', [policy('AUDIT', [get])], { allow: true, audit: true }],
    ['and marks what is denied, too', [policy('AUDIT', [get]), policy('DENY', [get])], { allow: false, audit: true }],
    ['CUSTOM decides nothing here', [policy('CUSTOM', [get], { provider: 'p' })], { allow: true }],
    [
      'a DENY that is only tried is noted',
      [policy('DENY', [get], { dryRun: true })],
      { allow: true, shadow: [{ action: 'DENY', allow: false }] },
    ],
    [
      'an ALLOW that is only tried denies nobody',
      [policy('ALLOW', [post], { dryRun: true })],
      { allow: true, shadow: [{ action: 'ALLOW', allow: false }] },
    ],
    ['nor allows', [policy('ALLOW', [get], { dryRun: true }), policy('ALLOW', [post])], { allow: false, shadow: [{ allow: true }] }],
  ];
  test.each(rows)('%s', (_, policies, want) => expect(decide(policies)).toMatchObject(want));
});

describe('CUSTOM', () => {
  const asked = (policies: readonly RequestPolicy[], given = facts(), chain = http) =>
    providersFor(compileRequestPolicies(policies, chain), given).map(({ rule: id, dryRun }) => `${dryRun ? 'dry ' : ''}${id}`);
  const custom = (name: string, provider: string, rules: readonly RequestRule[], dryRun = false) =>
    policy('CUSTOM', rules, { name, provider, dryRun });

  test('each provider is asked once, under the first rule that matches', () =>
    expect(asked([custom('a', 'p', [post]), custom('b', 'p', [post, get]), custom('c', 'p', [get]), custom('d', 'q', [get])])).toEqual([
      'istio-ext-authz-p-ns[ns]-policy[b]-rule[1]',
      'istio-ext-authz-q-ns[ns]-policy[d]-rule[0]',
    ]));
  test('a dry run does not take the place of a real one', () =>
    expect(asked([custom('a', 'p', [get], true), custom('b', 'p', [get])])).toEqual([
      'dry istio-ext-authz-p-ns[ns]-policy[a]-rule[0]',
      'istio-ext-authz-p-ns[ns]-policy[b]-rule[0]',
    ]));
  test('tokens are not known yet: rules about them are taken to hold', () =>
    expect(asked([custom('a', 'p', [rule({ from: [{ requestPrincipals: ['*'] }] })])])).toHaveLength(1));
  test('nobody is asked where nothing matches', () => expect(asked([custom('a', 'p', [post])])).toEqual([]));
});

describe('sources', () => {
  const rows: readonly (readonly [name: string, source: SourceMatch, yes: readonly Sketch[], no: readonly Sketch[]])[] = [
    [
      'principals',
      { principals: ['td/ns/ns/sa/client'] },
      [{}, { from: 'old/ns/ns/sa/client' }],
      [{ from: 'td/ns/ns/sa/other' }, { from: null }],
    ],
    ['cluster.local means the mesh', { principals: ['cluster.local/ns/ns/sa/client'] }, [{}], [{ from: 'cluster.local/ns/ns/sa/client' }]],
    ['any principal', { principals: ['*'] }, [{}], [{ from: null }]],
    ['no principal', { notPrincipals: ['*'] }, [{ from: null }], [{}]],
    ['namespaces', { namespaces: ['n*'] }, [{}], [{ from: 'td/ns/other/sa/client' }, { from: null }]],
    ['a namespace is not a part of a name', { namespaces: ['s'] }, [], [{}]],
    ['other namespaces', { notNamespaces: ['ns'] }, [{ from: 'td/ns/other/sa/client' }, { from: null }], [{}]],
    [
      'service accounts of the policy’s namespace',
      { serviceAccounts: ['client'] },
      [{}, { from: 'else/ns/ns/sa/client' }],
      [{ from: 'td/ns/o/sa/client' }],
    ],
    ['service accounts', { serviceAccounts: ['o/x'] }, [{ from: 'td/ns/o/sa/x' }], [{ from: 'td/ns/o/sa/xx' }]],
    ['trust domains', { trustDomains: ['t*'] }, [{}], [{ from: 'old/ns/ns/sa/client' }, { from: null }]],
    ['addresses', { ipBlocks: ['10.0.0.0/31', '::1'] }, [{}, { source: '::1' }], [{ source: '10.0.0.2' }]],
    ['addresses do not come from headers', { ipBlocks: ['1.2.3.4'] }, [], [{ headers: [['x-forwarded-for', '1.2.3.4']] }]],
    [
      'remote addresses are the last forwarded',
      { remoteIpBlocks: ['1.2.3.4'] },
      [
        { headers: [['x-forwarded-for', '9.9.9.9, 1.2.3.4']] },
        {
          headers: [
            ['x-forwarded-for', '9.9.9.9'],
            ['x-forwarded-for', '1.2.3.4'],
          ],
        },
      ],
      [{}, { headers: [['x-forwarded-for', '1.2.3.4, 9.9.9.9']] }],
    ],
    ['without one, the client’s own', { remoteIpBlocks: ['10.0.0.1'] }, [{}, { headers: [['x-forwarded-for', 'unknown']] }], []],
    [
      'request principals',
      { requestPrincipals: ['iss/sub'] },
      [{ claims: { iss: 'iss', sub: 'sub' } }],
      [{}, { claims: { iss: 'iss', sub: 'x' } }],
    ],
    ['no token', { notRequestPrincipals: ['*'] }, [{}], [{ claims: {} }]],
  ];
  const cases = rows.flatMap(([name, source, yes, no]) => [
    ...yes.map((sketch) => [name, source, sketch, true] as const),
    ...no.map((sketch) => [name, source, sketch, false] as const),
  ]);
  test.each(cases)('%s: %j for %j: %s', (_, source, sketch, want) =>
    expect(decide([policy('ALLOW', [rule({ from: [source] })])], facts(sketch)).allow).toBe(want),
  );
});

describe('operations and conditions', () => {
  const to = (operation: OperationMatch) => rule({ to: [operation] });
  const when = (key: string, values: readonly string[], notValues: readonly string[] = []): RequestRule =>
    rule({ when: [{ key, values, notValues } satisfies ConditionMatch] });
  const rows: readonly (readonly [name: string, rule: RequestRule, yes: readonly Sketch[], no: readonly Sketch[]])[] = [
    ['hosts have no case', to({ hosts: ['App'] }), [{ host: 'aPP' }], [{ host: 'app:80' }, { host: 'app.x' }]],
    ['methods have', to({ methods: ['GET'] }), [{}], [{ method: 'get' }]],
    ['paths without query', to({ paths: ['/a'] }), [{ path: '/a' }, { path: '/a?b' }], [{ path: '/a/' }, { path: '/?/a' }]],
    ['percent-encoding has no case', to({ paths: ['/%c3%a9'] }), [{ path: '/%C3%A9' }], [{ path: '/é' }]],
    ['templates', to({ paths: ['/a/{*}/c'] }), [{ path: '/a/b/c?d' }], [{ path: '/a/c' }]],
    ['ports', to({ ports: ['80'] }), [{}], []],
    [
      'no operation but those',
      to({ notPaths: ['/admin*'], methods: ['GET'] }),
      [{ path: '/x' }],
      [{ path: '/admin/x' }, { method: 'PUT' }],
    ],
    ['headers', when('request.headers[X-A]', ['v*']), [{ headers: [['x-a', 'vw']] }], [{}, { headers: [['x-a', 'w']] }]],
    ['a header at all', when('request.headers[x-a]', ['*']), [{ headers: [['x-a', '']] }], [{}]],
    ['no such header', when('request.headers[x-a]', [], ['*']), [{}], [{ headers: [['x-a', '']] }]],
    [
      'to allow, every value must match',
      when('request.headers[x-a]', ['v']),
      [],
      [
        {
          headers: [
            ['x-a', 'v'],
            ['x-a', 'w'],
          ],
        },
      ],
    ],
    ['the host is a header, too', when('request.headers[host]', ['app']), [{}], [{ host: 'b' }]],
    ['so is the path, query and all', when('request.headers[:path]', ['/a?b']), [{ path: '/a?b' }], [{ path: '/a' }]],
    [
      'audiences',
      when('request.auth.audiences', ['a']),
      [{ claims: { aud: 'a' } }, { claims: { aud: ['b', 'a'] } }],
      [{}, { claims: { aud: 'b' } }],
    ],
    ['presenter', when('request.auth.presenter', ['a']), [{ claims: { azp: 'a' } }], [{ claims: { aud: 'a' } }]],
    [
      'nested claims',
      when('request.auth.claims[a][b]', ['x']),
      [{ claims: { a: { b: 'x' } } }, { claims: { a: { b: ['y', 'x'] } } }],
      [{}, { claims: { a: 'x' } }, { claims: { a: { b: { x: 'x' } } } }, { claims: { a: [{ b: 'x' }] } }],
    ],
    ['claims are not what objects inherit', when('request.auth.claims[constructor][name]', ['*']), [], [{ claims: {} }]],
    ['sni', when('connection.sni', ['*.com']), [{ sni: 'a.com' }], [{}]],
    ['destination', when('destination.ip', ['10.9.0.0/16']), [{}], []],
  ];
  const cases = rows.flatMap(([name, given, yes, no]) => [
    ...yes.map((sketch) => [name, given, sketch, true] as const),
    ...no.map((sketch) => [name, given, sketch, false] as const),
  ]);
  test.each(cases)('%s', (_, given, sketch, want) => {
    expect(decide([policy('ALLOW', [given])], facts(sketch)).allow).toBe(want);
  });

  test('to deny, any value of a header will do, and so will all of them as one', () => {
    const deny = (value: string) =>
      decide(
        [policy('DENY', [when('request.headers[x-a]', [value])])],
        facts({
          headers: [
            ['x-a', 'v'],
            ['x-a', 'w'],
          ],
        }),
      );
    expect([deny('w').allow, deny('v,w').allow, deny('x').allow]).toEqual([false, false, true]);
  });

  test('any source, any operation, all conditions', () => {
    const given: RequestRule = {
      from: [{ namespaces: ['x'] }, { namespaces: ['ns'] }],
      to: [{ methods: ['GET'] }, { methods: ['PUT'] }],
      when: when('source.ip', ['10.0.0.1']).when,
    };
    const allowed = (sketch: Sketch) => decide([policy('ALLOW', [given])], facts(sketch)).allow;
    expect([allowed({ method: 'PUT' }), allowed({ method: 'POST' }), allowed({ source: '10.0.0.2' })]).toEqual([true, false, false]);
  });
});

describe('what nobody can judge leans to the stricter side', () => {
  const doubtful: readonly (readonly [name: string, rule: RequestRule])[] = [
    ['a condition that nobody knows', rule({ when: [{ key: 'request.moon', values: ['full'], notValues: [] }] })],
    ['a condition that names no value', rule({ when: [{ key: 'source.ip', values: [], notValues: [] }] })],
    ['a source that names nothing', rule({ from: [{}] })],
    ['a block that is none', rule({ from: [{ ipBlocks: ['10.0.0.0/99'] }] })],
    ['all but a block that is none', rule({ from: [{ notIpBlocks: ['10.0.0.0/99'] }] })],
    ['a port that is none', rule({ to: [{ ports: ['http'] }] })],
    ['a template that is none', rule({ to: [{ paths: ['/{**}/{*}'] }] })],
    ['an account that is none', rule({ from: [{ serviceAccounts: ['a/b/c'] }] })],
    ['a trust domain with two stars', rule({ from: [{ trustDomains: ['*a*'] }] })],
    ['a request principal without a subject', rule({ from: [{ requestPrincipals: ['iss'] }] })],
  ];
  test.each(doubtful)('%s', (_, given) => {
    expect(decide([policy('ALLOW', [given])]).allow).toBe(false);
    expect(decide([policy('DENY', [given])]).allow).toBe(false);
    expect(decide([policy('AUDIT', [given])]).audit).toBe(false);
  });

  const needsHttp: readonly RequestRule[] = [get, rule({ to: [{ notPaths: ['/x'] }] }), rule({ from: [{ requestPrincipals: ['*'] }] })];
  test.each(needsHttp.map((given) => [given]))('on TCP: %j', (given) => {
    expect(decide([policy('ALLOW', [given])], facts(), tcp).allow).toBe(false);
    expect(decide([policy('DENY', [given])], facts(), tcp).allow).toBe(false);
  });
  test('on TCP a DENY keeps what TCP has', () => {
    const given = { ...get, from: [{ namespaces: ['other'] }] };
    expect(decide([policy('DENY', [given])], facts(), tcp).allow).toBe(true);
  });
});
