// Random policies and requests: the evaluator and the slow reference, written from the fact sheet, never disagree.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSpiffeId } from '../spiffe.ts';
import { ip } from '../testing/index.ts';
import { type ReferenceRequest, referenceVerdict } from '../testing/reference-request-policy.ts';
import { authorizeRequest, compileRequestPolicies } from './authorize-request.ts';
import type { ConditionMatch, OperationMatch, RequestPolicy, RequestRule, SourceMatch } from './policy.ts';
import { ConnectionFacts, RequestFacts } from './request-facts.ts';

const trustDomain = 'mesh.example';

/** Small vocabularies, so that patterns hit about half of the time. */
const vocabulary = {
  principals: ['*', `${trustDomain}/ns/a/sa/x`, 'cluster.local/ns/a/sa/x', 'other/ns/b/sa/y', '*/sa/y', `${trustDomain}/ns/a*`],
  namespaces: ['a', 'b', 'a*', '*b', '*', 'a*b', 'ns'],
  serviceAccounts: ['x', 'a/x', 'b/y', 'y'],
  trustDomains: ['*', trustDomain, 'mesh.*', '*other', 'other', 'm*e'],
  ips: ['10.0.0.1', '10.0.0.0/8', '192.168.1.0/24', '0.0.0.0/0', '10.0.0.2/31', '10.128.0.0/9'],
  requestPrincipals: ['*', 'iss/sub', 'https://i.example/a/sub', '*sub', '*example/a/sub', 'iss/s*', 'https*', 'iss/other', '*/sub'],
  hosts: ['example.com', 'EXAMPLE.com', '*.com', 'example*', '*', 'example.com:80'],
  ports: ['80', '443', '0', '8080'],
  methods: ['GET', 'POST', 'P*', '*', '*T', 'get'],
  paths: ['/', '/admin', '/admin*', '*/x', '*', '/a/{*}/c', '/a/{**}', '/{*}/{**}/c', '/{**}', '/a/{**}/'],
  texts: ['one', 'two', 'o*', '*o', '*'],
} as const;

const list = (values: readonly string[]) => fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });

const sourceFields = {
  principals: list(vocabulary.principals),
  notPrincipals: list(vocabulary.principals),
  namespaces: list(vocabulary.namespaces),
  notNamespaces: list(vocabulary.namespaces),
  serviceAccounts: list(vocabulary.serviceAccounts),
  notServiceAccounts: list(vocabulary.serviceAccounts),
  trustDomains: list(vocabulary.trustDomains),
  notTrustDomains: list(vocabulary.trustDomains),
  ipBlocks: list(vocabulary.ips),
  notIpBlocks: list(vocabulary.ips),
  remoteIpBlocks: list(vocabulary.ips),
  notRemoteIpBlocks: list(vocabulary.ips),
  requestPrincipals: list(vocabulary.requestPrincipals),
  notRequestPrincipals: list(vocabulary.requestPrincipals),
};
const operationFields = {
  hosts: list(vocabulary.hosts),
  notHosts: list(vocabulary.hosts),
  ports: list(vocabulary.ports),
  notPorts: list(vocabulary.ports),
  methods: list(vocabulary.methods),
  notMethods: list(vocabulary.methods),
  paths: list(vocabulary.paths),
  notPaths: list(vocabulary.paths),
};

/** One to three of the fields: with all of them next to nothing would ever match. */
function someOf<F extends Record<string, fc.Arbitrary<readonly string[]>>>(fields: F): fc.Arbitrary<Record<string, readonly string[]>> {
  return fc
    .subarray(Object.keys(fields), { minLength: 1, maxLength: 3 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, fields[name] ?? fc.constant([])]))));
}

const conditionKeys: readonly (readonly [key: string, values: readonly string[]])[] = [
  ['source.principal', vocabulary.principals],
  ['source.namespace', vocabulary.namespaces],
  ['source.serviceAccount', vocabulary.serviceAccounts],
  ['source.trustDomain', vocabulary.trustDomains],
  ['source.ip', vocabulary.ips],
  ['remote.ip', vocabulary.ips],
  ['destination.ip', vocabulary.ips],
  ['destination.port', vocabulary.ports],
  ['connection.sni', vocabulary.hosts],
  ['request.headers[X-Test]', vocabulary.texts],
  ['request.headers[absent]', vocabulary.texts],
  ['request.auth.principal', vocabulary.requestPrincipals],
  ['request.auth.audiences', vocabulary.texts],
  ['request.auth.presenter', vocabulary.texts],
  ['request.auth.claims[groups]', vocabulary.texts],
  ['request.auth.claims[nested][name]', vocabulary.texts],
];

const condition: fc.Arbitrary<ConditionMatch> = fc
  .constantFrom(...conditionKeys)
  .chain(([key, values]) =>
    fc.oneof(
      fc.record({ key: fc.constant(key), values: list(values), notValues: fc.constant<readonly string[]>([]) }),
      fc.record({ key: fc.constant(key), values: fc.constant<readonly string[]>([]), notValues: list(values) }),
      fc.record({ key: fc.constant(key), values: list(values), notValues: list(values) }),
    ),
  );

const rule: fc.Arbitrary<RequestRule> = fc.record({
  from: fc.array(someOf(sourceFields) as fc.Arbitrary<SourceMatch>, { maxLength: 2 }),
  to: fc.array(someOf(operationFields) as fc.Arbitrary<OperationMatch>, { maxLength: 2 }),
  when: fc.array(condition, { maxLength: 2 }),
});

const policies = fc.array(
  fc.record({
    namespace: fc.constantFrom('a', 'b'),
    name: fc.constantFrom('p', 'q'),
    createdAt: fc.constant(0),
    targets: fc.constant([]),
    action: fc.constantFrom('ALLOW', 'ALLOW', 'DENY', 'AUDIT'),
    dryRun: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    rules: fc.array(rule, { maxLength: 3 }),
  }) satisfies fc.Arbitrary<RequestPolicy>,
  { maxLength: 4 },
);

const address = fc.constantFrom('10.0.0.1', '10.0.0.3', '10.200.0.1', '192.168.1.7', '172.16.0.1');
const textClaim = fc.oneof(fc.constantFrom('one', 'two', 'owo', ''), fc.constant(['two', 'one']), fc.constant(7));

const request: fc.Arbitrary<ReferenceRequest> = fc.record(
  {
    http: fc.boolean(),
    spiffe: fc.constantFrom(
      `spiffe://${trustDomain}/ns/a/sa/x`,
      `spiffe://${trustDomain}/ns/ab/sa/y`,
      'spiffe://other/ns/b/sa/y',
      'spiffe://cluster.local/ns/a/sa/x',
    ),
    sourceIp: address,
    destinationIp: address,
    port: fc.constantFrom(80, 443, 8080),
    sni: fc.constantFrom('', 'example.com', 'a.com'),
    host: fc.constantFrom('example.com', 'Example.Com', 'a.com', 'example.com:80', ''),
    method: fc.constantFrom('GET', 'POST', 'PUT', 'get'),
    path: fc.constantFrom('/', '/admin', '/admin?x=/', '/administrator', '/a/b/c', '/a/', '/a', '/a//c', '/a/b/x?', '/a/b/'),
    headers: fc
      .record(
        { 'x-test': fc.constantFrom('one', 'two', 'owo', ''), 'x-forwarded-for': fc.constantFrom('10.0.0.1', '192.168.1.7, 10.0.0.3') },
        { requiredKeys: [] },
      )
      .map((headers) => Object.entries(headers)),
    claims: fc.record(
      {
        iss: fc.constantFrom('iss', 'https://i.example/a'),
        sub: fc.constantFrom('sub', 'other', 'a/sub'),
        aud: textClaim,
        azp: textClaim,
        groups: textClaim,
        nested: fc.record({ name: textClaim }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['http', 'sourceIp', 'destinationIp', 'port', 'sni', 'host', 'method', 'path', 'headers'] },
);

function verdict(given: readonly RequestPolicy[], asked: ReferenceRequest): string {
  const connection = new ConnectionFacts(
    ip(asked.sourceIp),
    { ip: ip(asked.destinationIp), port: asked.port },
    asked.spiffe === undefined ? undefined : parseSpiffeId(asked.spiffe),
    asked.sni,
  );
  const facts = asked.http ? new RequestFacts(connection, asked, asked.claims) : new RequestFacts(connection);
  const answer = authorizeRequest(compileRequestPolicies(given, { http: asked.http, trustDomains: [trustDomain] }), facts);
  if (!answer.allow) return `deny ${answer.rule ?? 'none'}`;
  return answer.rule === undefined ? 'allow' : `allow ${answer.rule}`;
}

test('20,000 random policies and requests are judged as the reference judges them', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(policies, request, (given, asked) => {
      const want = referenceVerdict(given, asked, trustDomain);
      const kind = want.replace(/ns\[.*/, 'rule');
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      expect(verdict(given, asked)).toBe(want);
    }),
    { numRuns: 20_000 },
  );
  for (const kind of ['allow', 'allow rule', 'deny rule', 'deny none']) expect(seen.get(kind), kind).toBeGreaterThan(200);
}, 60_000);
