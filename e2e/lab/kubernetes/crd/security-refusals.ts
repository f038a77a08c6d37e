// What the definitions of Istio's security and telemetry kinds refuse, one row per rule: the first object obeys it, the second breaks it.
// Read by refusals.test.ts, which asks the lab's API and, where there is one, a real API server.
import type { JsonObject } from '../patch/json.ts';
import type { Refusal, RefusalTable } from './refusals.ts';

const selector = { matchLabels: { app: 'web' } };
const service = { group: '', kind: 'Service', name: 'web' };
const rule = (content: JsonObject): JsonObject => ({ rules: [content] });
const from = (source: JsonObject): JsonObject => rule({ from: [{ source }] });
const to = (operation: JsonObject): JsonObject => rule({ to: [{ operation }] });

const attachment: readonly Refusal[] = [
  [
    'selector and targetRefs exclude each other',
    { selector },
    { selector, targetRefs: [service] },
    'only one of targetRefs or selector can be set',
  ],
  [
    'targetRef and targetRefs exclude each other',
    { targetRef: service },
    { targetRef: service, targetRefs: [service] },
    'only one of targetRefs or selector can be set',
  ],
  [
    'a target is a Service, ServiceEntry, Gateway or GatewayClass',
    { targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'waypoint' }, service, { kind: 'Service', name: 'web' }] },
    { targetRefs: [{ group: 'apps', kind: 'Deployment', name: 'web' }] },
    'supported kinds are core/Service',
  ],
  [
    'a target is in the same namespace',
    { targetRefs: [service] },
    { targetRefs: [{ ...service, namespace: 'other' }] },
    'cross namespace referencing is not currently supported',
  ],
  ['a target has a name', { targetRefs: [service] }, { targetRefs: [{ kind: 'Service' }] }, 'spec.targetRefs[0].name: Required value'],
  [
    'there are at most 16 targets',
    { targetRefs: Array(16).fill(service) },
    { targetRefs: Array(17).fill(service) },
    'spec.targetRefs: Too many: 17: must have at most 16 items',
  ],
  [
    'labels of a selector have no wildcard in the value',
    { selector },
    { selector: { matchLabels: { app: 'w*' } } },
    'wildcard not allowed in label value match',
  ],
  [
    'labels of a selector have no wildcard in the key',
    { selector },
    { selector: { matchLabels: { 'a*': 'web' } } },
    'wildcard not allowed in label key match',
  ],
  ['labels of a selector have a key', { selector }, { selector: { matchLabels: { '': 'web' } } }, 'key must not be empty'],
];

const authorizationPolicy: readonly Refusal[] = [
  ...attachment,
  [
    'the action is one of four',
    { action: 'DENY', rules: [{}] },
    { action: 'REFUSE' },
    'spec.action: Unsupported value: "REFUSE": supported values: "ALLOW", "DENY", "AUDIT", "CUSTOM"',
  ],
  [
    'action CUSTOM has a provider',
    { action: 'CUSTOM', provider: { name: 'x' }, rules: [{}] },
    { action: 'CUSTOM', rules: [{}] },
    'provider must be set with action CUSTOM, and with no other',
  ],
  ['no other action has one', { action: 'ALLOW' }, { provider: { name: 'x' } }, 'provider must be set with action CUSTOM'],
  [
    'action CUSTOM has rules',
    { action: 'CUSTOM', provider: { name: 'x' }, rules: [{}] },
    { action: 'CUSTOM', provider: { name: 'x' } },
    'action CUSTOM needs at least one rule',
  ],
  ['a from has a source', from({ principals: ['*'] }), rule({ from: [{}] }), 'spec.rules[0].from[0].source: Required value'],
  ['a source says something', from({ namespaces: ['a'] }), from({}), 'should have at least 1 properties'],
  ['a DENY has rules', { action: 'DENY', rules: [{}] }, { action: 'DENY' }, 'DENY action without rules is meaningless'],
  ['a to has an operation', to({ ports: ['80'] }), rule({ to: [{}] }), 'spec.rules[0].to[0].operation: Required value'],
  ['an operation says something', to({ paths: ['/a'] }), to({}), 'should have at least 1 properties'],
  [
    'service accounts go alone',
    from({ serviceAccounts: ['ns/a', 'b'] }),
    from({ serviceAccounts: ['a'], namespaces: ['b'] }),
    'Cannot set serviceAccounts with namespaces or principals',
  ],
  ['service accounts are exact', from({ serviceAccounts: ['a'] }), from({ serviceAccounts: ['a*'] }), 'should match'],
  ['service accounts have one slash at most', from({ serviceAccounts: ['a/b'] }), from({ serviceAccounts: ['a/b/c'] }), 'should match'],
  ['lists hold no empty strings', from({ principals: ['a'] }), from({ principals: [''] }), 'should be at least 1 chars long'],
  ['an IP block is an address or CIDR', from({ ipBlocks: ['10.0.0.0/8', '::1'] }), from({ ipBlocks: ['host'] }), 'should match'],
  ['a port is a number up to 65535', to({ ports: ['0', '65535'] }), to({ ports: ['65536'] }), 'should match'],
  ['a port is a text', to({ ports: ['80'] }), to({ ports: [80] }), 'must be of type string: "integer"'],
  [
    'a condition has a key',
    rule({ when: [{ key: 'source.ip', values: ['1.2.3.4'] }] }),
    rule({ when: [{ values: ['1.2.3.4'] }] }),
    'key: Required value',
  ],
  [
    'a condition has values or notValues',
    rule({ when: [{ key: 'source.ip', notValues: ['1.2.3.4'] }] }),
    rule({ when: [{ key: 'source.ip' }] }),
    'must validate at least one schema (anyOf)',
  ],
];

const peerAuthentication: readonly Refusal[] = [
  [
    'the mode is one of four',
    { mtls: { mode: 'STRICT' } },
    { mtls: { mode: 'MUTUAL' } },
    'spec.mtls.mode: Unsupported value: "MUTUAL": supported values: "UNSET", "DISABLE", "PERMISSIVE", "STRICT"',
  ],
  [
    'modes of ports need a selector',
    { selector, portLevelMtls: { 80: { mode: 'DISABLE' } } },
    { portLevelMtls: { 80: { mode: 'DISABLE' } } },
    'portLevelMtls requires selector',
  ],
  [
    'modes of ports need a selector with labels',
    { selector, portLevelMtls: { 80: {} } },
    { selector: { matchLabels: {} }, portLevelMtls: { 80: {} } },
    'portLevelMtls requires selector',
  ],
  ['a port is above 0', { selector, portLevelMtls: { 1: {} } }, { selector, portLevelMtls: { 0: {} } }, 'port must be between 1-65535'],
  [
    'a port is at most 65535',
    { selector, portLevelMtls: { 65535: {} } },
    { selector, portLevelMtls: { 65536: {} } },
    'port must be between 1-65535',
  ],
  [
    'a port is a number',
    { selector, portLevelMtls: { 80: {} } },
    { selector, portLevelMtls: { http: {} } },
    'port must be between 1-65535',
  ],
  ['modes of ports are not empty', { selector }, { selector, portLevelMtls: {} }, 'should have at least 1 properties'],
];

const jwt = (content: JsonObject): JsonObject => ({ jwtRules: [{ issuer: 'me', ...content }] });

const requestAuthentication: readonly Refusal[] = [
  ...attachment,
  ['a rule has an issuer', jwt({}), { jwtRules: [{}] }, 'spec.jwtRules[0].issuer: Required value'],
  ['keys come from one place', jwt({ jwks: '{}' }), jwt({ jwks: '{}', jwksUri: 'https://a' }), 'only one of jwks or jwksUri can be set'],
  ['keys are fetched by HTTP', jwt({ jwksUri: 'https://a/b' }), jwt({ jwksUri: 'ftp://a' }), 'url must have scheme http:// or https://'],
  ['a header has a name', jwt({ fromHeaders: [{ name: 'x' }] }), jwt({ fromHeaders: [{ prefix: 'x' }] }), 'name: Required value'],
  [
    'a claim goes to a header',
    jwt({ outputClaimToHeaders: [{ header: 'x-a', claim: 'b' }] }),
    jwt({ outputClaimToHeaders: [{ header: 'x a', claim: 'b' }] }),
    "should match '^[-_A-Za-z0-9]+$'",
  ],
  ['the timeout is a duration', jwt({ timeout: '5s' }), jwt({ timeout: 'soon' }), 'must be a valid duration greater than 1ms'],
  ['the timeout is 1 ms at least', jwt({ timeout: '1ms' }), jwt({ timeout: '1us' }), 'must be a valid duration greater than 1ms'],
];

const metrics = (override: JsonObject): JsonObject => ({ metrics: [{ overrides: [override] }] });

const telemetry: readonly Refusal[] = [
  ...attachment,
  [
    'a metric is a known one',
    metrics({ match: { metric: 'REQUEST_COUNT' } }),
    metrics({ match: { metric: 'REQUESTS' } }),
    'Unsupported value: "REQUESTS"',
  ],
  [
    'an upsert has a value',
    metrics({ tagOverrides: { a: { value: 'b' } } }),
    metrics({ tagOverrides: { a: { operation: 'UPSERT' } } }),
    'value must be set when operation is UPSERT',
  ],
  [
    'a removal has none',
    metrics({ tagOverrides: { a: { operation: 'REMOVE' } } }),
    metrics({ tagOverrides: { a: { operation: 'REMOVE', value: 'b' } } }),
    'value must not be set when operation is REMOVE',
  ],
  [
    'sampling is a percentage',
    { tracing: [{ randomSamplingPercentage: 0.5 }] },
    { tracing: [{ randomSamplingPercentage: 101 }] },
    'less than or equal to 100',
  ],
];

export const securityRefusals: readonly RefusalTable[] = [
  ['security.istio.io/v1', 'AuthorizationPolicy', authorizationPolicy],
  ['security.istio.io/v1', 'PeerAuthentication', peerAuthentication],
  ['security.istio.io/v1beta1', 'PeerAuthentication', peerAuthentication],
  ['security.istio.io/v1', 'RequestAuthentication', requestAuthentication],
  ['telemetry.istio.io/v1', 'Telemetry', telemetry],
];
