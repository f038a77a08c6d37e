// The environment and the mesh configuration become one configuration, or every mistake in words.
import { expect, test } from 'vitest';
import { configure } from './config.ts';

const read = (env: Record<string, string> = {}, mesh?: string) => configure({ env, textOf: () => mesh });
const good = (env?: Record<string, string>, mesh?: string) => {
  const configured = read(env, mesh);
  if ('mistakes' in configured) throw new Error(configured.mistakes.join(' '));
  return configured.ok;
};

test('nothing given: what the original does', () => {
  expect(good()).toMatchObject({
    clusterId: 'Kubernetes',
    podNamespace: 'istio-system',
    rootNamespace: 'istio-system',
    trustDomain: 'cluster.local',
    debounceAfter: 100,
    debounceMax: 10_000,
    tokenAudiences: ['istio-ca'],
    trustedNodeAccounts: ['istio-system/ztunnel'],
    listen: { secure: { port: 15012 }, plain: undefined, debug: { ip: '127.0.0.1', port: 15000 } },
  });
});

test('the mesh configuration names trust domain, root namespace, selectors and more roots; what others read is passed over', () => {
  const mesh = [
    'trustDomain: mesh.example',
    'rootNamespace: policies',
    'defaultConfig: { proxyMetadata: { A: b } }',
    'discoverySelectors:',
    '- matchLabels: { mesh: "on" }',
    '- matchExpressions: [{ key: env, operator: In, values: [prod] }]',
    'caCertificates:',
    '- pem: "  PEM  "',
  ].join('\n');
  const config = good({}, mesh);
  expect(config).toMatchObject({ trustDomain: 'mesh.example', rootNamespace: 'policies' });
  expect(config.mesh.discoverySelectors).toHaveLength(2);
  expect(config.mesh.extraRootsPem).toBe('PEM\n');
});

test('the variable wins over the mesh configuration', () => {
  expect(good({ TRUST_DOMAIN: 'mine' }, 'trustDomain: theirs').trustDomain).toBe('mine');
});

test('tunnels are trusted in the namespace of the control plane', () => {
  expect(good({ POD_NAMESPACE: 'mesh' }).trustedNodeAccounts).toEqual(['mesh/ztunnel']);
  expect(good({ CA_TRUSTED_NODE_ACCOUNTS: 'a/b, c/d,' }).trustedNodeAccounts).toEqual(['a/b', 'c/d']);
});

test('the resources of waypoints are JSON', () => {
  expect(good().waypointResources).toMatchObject({ requests: { cpu: '100m' }, limits: { memory: '1Gi' } });
  expect(good({ WAYPOINT_RESOURCES: '{}' }).waypointResources).toEqual({});
});

test('changes may go out at once', () => {
  expect(good({ PILOT_DEBOUNCE_AFTER: '0', PILOT_DEBOUNCE_MAX: '0s' })).toMatchObject({ debounceAfter: 0, debounceMax: 0 });
});

test('addresses as Go programs are told them mean every address', () => {
  expect(good({ GRPC_ADDR: ':15010' }).listen.plain).toEqual({ ip: '::', port: 15010 });
});

const mistaken: readonly (readonly [string, Record<string, string>, string | undefined, RegExp])[] = [
  ['a bad address', { SECURE_GRPC_ADDR: '15012' }, undefined, /SECURE_GRPC_ADDR is "15012" but must be an address and a port/],
  ['debug pages for everyone', { DEBUG_ADDR: '0.0.0.0:15000' }, undefined, /loopback/],
  ['resources that are no object', { WAYPOINT_RESOURCES: '[1]' }, undefined, /WAYPOINT_RESOURCES .* must be a JSON object/],
  ['a quiet time over the longest', { PILOT_DEBOUNCE_AFTER: '20s' }, undefined, /shorter/],
  ['a mesh configuration that is not YAML', {}, 'a: [', /not YAML/],
  ['a mesh configuration that is a list', {}, '- a', /not a mapping/],
  ['a trust domain that is a number', {}, 'trustDomain: 5', /trustDomain in the mesh configuration must be text/],
  [
    'a selector with an unknown operator',
    {},
    'discoverySelectors: [{matchExpressions: [{key: a, operator: Gt}]}]',
    /discoverySelectors\[0\]/,
  ],
];
test.each(mistaken)('refused: %s', (_, env, mesh, why) => {
  expect(read(env, mesh)).toEqual({ mistakes: [expect.stringMatching(why)] });
});
