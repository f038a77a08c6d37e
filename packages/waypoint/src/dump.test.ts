// The dump shows what the waypoint was told, and none of the secrets in it.
import type { TrafficPolicy } from '@ambient-mesh/model/l7/destination';
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import type { ExternalAuthorization, MeshSettings, WaypointSettings } from '@ambient-mesh/model/l7/settings';
import type { Workload } from '@ambient-mesh/model/workload';
import { expect, test } from 'vitest';
import { configDump, hidden } from './dump.ts';

const named = { namespace: 'shop', name: 'x', createdAt: 1, targets: [] };
const waypoint: WaypointSettings = { namespace: 'shop', name: 'x', class: 'istio-waypoint', includeClientIdentity: false };
const authorization: ExternalAuthorization = {
  service: 'shop/authz',
  port: 80,
  timeout: 1_000,
  failOpen: false,
  statusOnError: 403,
  pathPrefix: '',
  includeRequestHeaders: [],
  includeAdditionalHeaders: [['x-key', 'SECRET-5']],
  includeBodyBytes: 0,
  allowPartialBody: false,
  headersToUpstreamOnAllow: [],
  headersToDownstreamOnDeny: [],
  headersToDownstreamOnAllow: [],
};
const tls: TrafficPolicy = {
  tls: { mode: 'mutual', subjectAltNames: [], insecureSkipVerify: false, certificatePem: 'public', keyPem: 'SECRET-1' },
  ports: [{ port: 1, tls: { mode: 'mutual', subjectAltNames: [], insecureSkipVerify: false, keyPem: 'SECRET-2' } }],
};
const rule = {
  issuer: 'i',
  audiences: [],
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  forwardOriginalToken: false,
  outputClaimToHeaders: [],
  spaceDelimitedClaims: [],
};
const publicKeys = '{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}';
const resources = new Map<string, L7Resource>([
  ['route/HTTPRoute/shop/x', { is: 'route', route: { kind: 'HTTPRoute', ...named, parents: [], http: [], tcp: [] } }],
  [
    'destination/shop/x',
    {
      is: 'destination',
      settings: { ...named, host: 'a', exportTo: [], policy: tls, subsets: [{ name: 's', workloads: [], policy: tls }] },
    },
  ],
  [
    'wasm/shop/x',
    {
      is: 'wasm',
      plugin: {
        ...named,
        phase: 'AUTHN',
        priority: 0,
        url: 'https://x/y.wasm',
        pluginConfig: '{"password":"SECRET-3"}',
        pluginName: '',
        failOpen: false,
        ports: [],
        env: [['TOKEN', 'SECRET-4']],
      },
    },
  ],
  [
    'authentication/shop/x',
    {
      is: 'authentication',
      authentication: {
        ...named,
        rules: [
          { ...rule, jwks: publicKeys },
          { ...rule, jwks: '{"keys":[{"kty":"oct","k":"SECRET-6"}]}' },
        ],
      },
    },
  ],
]);

test('private keys, environments and configurations of plugins are hidden; everything else is shown as it came', () => {
  const settings: MeshSettings = {
    trustDomain: 'td',
    trustDomainAliases: [],
    rootNamespace: 'istio-system',
    pathNormalization: 'BASE',
    providers: [{ kind: 'ext-authz-http', name: 'authz', ...authorization }],
    defaultProviders: { accessLogging: [], tracing: [], metrics: [] },
  };
  const text = configDump({
    world: { waypoint, settings, self: { uid: 'me' } as Workload, resources },
    book: { states: () => [] },
    destinations: { all: () => [{ name: { service: 'shop/a', port: 80 }, active: 1, settings: tls, endpoints: [] }] } as never,
    listener: { tunnels: 2 },
  });
  expect(text).not.toContain('SECRET');
  const dump = JSON.parse(text);
  expect(dump.resources.map(({ name }: { name: string }) => name)).toEqual([...resources.keys()]);
  expect(dump.resources[0].route.kind).toBe('HTTPRoute');
  expect(dump.resources[1].settings.policy.tls).toMatchObject({ certificatePem: 'public', keyPem: hidden });
  expect(dump.resources[2].plugin.env).toEqual([['TOKEN', hidden]]);
  expect(dump.resources[3].authentication.rules.map(({ jwks }: { jwks: string }) => jwks)).toEqual([publicKeys, hidden]);
  expect(dump.settings.providers[0].includeAdditionalHeaders).toEqual([['x-key', hidden]]);
  expect(dump.destinations[0]).toMatchObject({ name: 'shop/a port 80', active: 1 });
});
