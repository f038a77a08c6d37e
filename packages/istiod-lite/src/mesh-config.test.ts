// What of the mesh configuration is for waypoints, field by field, and what is a mistake.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readMeshConfig } from './mesh-config.ts';

const read = (mesh: unknown) => readMeshConfig(stringify(mesh));

function waypoints(mesh: unknown) {
  const config = read(mesh);
  if ('mistakes' in config) throw new Error(config.mistakes.join('\n'));
  return config.ok.waypoints;
}

test('a mesh that says nothing', () => {
  expect(waypoints({})).toEqual({
    trustDomainAliases: [],
    pathNormalization: 'BASE',
    providers: [
      { name: 'prometheus', kind: 'prometheus' },
      { name: 'envoy', kind: 'access-log', path: '/dev/stdout', encoding: 'TEXT' },
    ],
    defaultProviders: { accessLogging: [], tracing: [], metrics: ['prometheus'] },
  });
});

describe('fields', () => {
  const rows: readonly (readonly [rule: string, mesh: object, said: object])[] = [
    ['aliases of the trust domain', { trustDomainAliases: ['old', 'older'] }, { trustDomainAliases: ['old', 'older'] }],
    ['a normalisation', { pathNormalization: { normalization: 'MERGE_SLASHES' } }, { pathNormalization: 'MERGE_SLASHES' }],
    ['the default one is the basic one', { pathNormalization: { normalization: 'DEFAULT' } }, { pathNormalization: 'BASE' }],
    ['a log of accesses', { accessLogFile: '/dev/stdout' }, { accessLog: { encoding: 'TEXT' } }],
    [
      'in words of their own',
      { accessLogFile: '/dev/stdout', accessLogEncoding: 'JSON', accessLogFormat: '{"a": "%PROTOCOL%"}' },
      { accessLog: { encoding: 'JSON', format: '{"a": "%PROTOCOL%"}' } },
    ],
    [
      'retries',
      { defaultHttpRetryPolicy: { attempts: 3, retryOn: 'reset, 503,retriable-status-codes', perTryTimeout: '2s', backoff: '10ms' } },
      { defaultRetry: { attempts: 3, codes: [503], on: ['reset'], perTryTimeout: 2_000, backoff: 10 } },
    ],
    ['no retries', { defaultHttpRetryPolicy: { attempts: 0 } }, { defaultRetry: { attempts: 0, codes: [], on: [] } }],
    [
      'providers by default',
      { defaultProviders: { accessLogging: ['a'], tracing: ['t'], metrics: ['m'] } },
      { defaultProviders: { accessLogging: ['a'], tracing: ['t'], metrics: ['m'] } },
    ],
    [
      'no tracing at all',
      { enableTracing: false, defaultProviders: { tracing: ['t'] } },
      { defaultProviders: { accessLogging: [], tracing: [], metrics: ['prometheus'] } },
    ],
  ];
  for (const [rule, mesh, said] of rows) test(rule, () => expect(waypoints(mesh)).toMatchObject(said));
  test('no log of accesses, told so', () => expect(waypoints({ accessLogFile: '' })).not.toHaveProperty('accessLog'));
});

describe('providers', () => {
  const plain = {
    ...{ timeout: 600_000, failOpen: false, statusOnError: 403, pathPrefix: '', includeRequestHeaders: [], includeAdditionalHeaders: [] },
    ...{ includeBodyBytes: 0, allowPartialBody: false, headersToUpstreamOnAllow: [], headersToDownstreamOnDeny: [] },
    headersToDownstreamOnAllow: [],
  };
  const at = { service: 'authz.ns.svc.cluster.local', port: 9000 };
  const rows: readonly (readonly [rule: string, written: object, provider: object])[] = [
    ['asked over gRPC', { envoyExtAuthzGrpc: at }, { kind: 'ext-authz-grpc', ...at, ...plain }],
    ['asked over HTTP', { envoyExtAuthzHttp: at }, { kind: 'ext-authz-http', ...at, ...plain }],
    [
      'every field of that',
      {
        envoyExtAuthzHttp: {
          ...{ ...at, timeout: '1.5s', failOpen: true, statusOnError: '503', pathPrefix: '/check', headersToUpstreamOnAllow: ['X-User'] },
          ...{ includeRequestHeadersInCheck: ['Cookie', 'X-Ext-*'], includeAdditionalHeadersInCheck: { 'x-a': 'b' } },
          includeRequestBodyInCheck: { maxRequestBytes: 100, allowPartialMessage: true },
          ...{ headersToDownstreamOnDeny: ['Set-Cookie'], headersToDownstreamOnAllow: ['X-Seen'] },
        },
      },
      {
        ...{ kind: 'ext-authz-http', ...at, timeout: 1_500, failOpen: true, statusOnError: 503, pathPrefix: '/check' },
        ...{ includeRequestHeaders: ['cookie', 'x-ext-*'], includeAdditionalHeaders: [['x-a', 'b']], includeBodyBytes: 100 },
        ...{ allowPartialBody: true, headersToUpstreamOnAllow: ['x-user'], headersToDownstreamOnDeny: ['set-cookie'] },
        headersToDownstreamOnAllow: ['x-seen'],
      },
    ],
    ['limits', { rateLimit: { ...at, domain: 'd', timeout: '20ms' } }, { kind: 'rate-limit', ...at, domain: 'd', timeout: 20 }],
    ['limits, whose domain is the name', { rateLimit: at }, { kind: 'rate-limit', ...at, domain: 'p', timeout: 100 }],
    ['spans, over gRPC', { opentelemetry: at }, { kind: 'otlp', ...at, sampling: 25 }],
    [
      'spans, over HTTP',
      { opentelemetry: { ...at, http: { path: '/v1/traces' } } },
      { kind: 'otlp', ...at, http: { path: '/v1/traces' }, sampling: 25 },
    ],
    [
      'a log, in a text',
      { envoyFileAccessLog: { path: '/dev/stdout', logFormat: { text: '%PROTOCOL%' } } },
      { kind: 'access-log', path: '/dev/stdout', encoding: 'TEXT', format: '%PROTOCOL%' },
    ],
    [
      'a log, as JSON',
      { envoyFileAccessLog: { logFormat: { labels: { p: '%PROTOCOL%' } } } },
      { kind: 'access-log', path: '/dev/stdout', encoding: 'JSON', format: '{"p":"%PROTOCOL%"}' },
    ],
    ['metrics', { prometheus: {} }, { kind: 'prometheus' }],
    ['what waypoints do not know', { zipkin: at }, { kind: 'unsupported', what: 'zipkin' }],
  ];
  const mesh = { defaultConfig: { tracing: { sampling: 25 } } };
  for (const [rule, written, provider] of rows)
    test(rule, () => {
      expect(waypoints({ ...mesh, extensionProviders: [{ name: 'p', ...written }] }).providers[0]).toEqual({ name: 'p', ...provider });
    });

  test('one that is written takes the place of the one that is there anyway', () => {
    const { providers } = waypoints({ extensionProviders: [{ name: 'envoy', envoyFileAccessLog: { path: '/dev/stderr' } }] });
    expect(providers.map(({ name }) => name)).toEqual(['envoy', 'prometheus']);
  });
});

describe('mistakes', () => {
  const rows: readonly (readonly [rule: string, mesh: unknown, mistakes: RegExp])[] = [
    ['aliases that are no list', { trustDomainAliases: 'old' }, /trustDomainAliases .* list of texts/],
    [
      'a normalisation that nobody knows',
      { pathNormalization: { normalization: 'SOME' } },
      /pathNormalization.normalization .* one of DEFAULT/,
    ],
    ['an encoding that nobody knows', { accessLogEncoding: 'XML' }, /accessLogEncoding .* one of TEXT, JSON/],
    ['a provider without a name', { extensionProviders: [{ prometheus: {} }] }, /extensionProviders\[0\] .* name/],
    ['a provider that is no mapping', { extensionProviders: ['p'] }, /extensionProviders\[0\] .* mapping/],
    [
      'a provider without a port',
      { extensionProviders: [{ name: 'p', rateLimit: { service: 's' } }] },
      /extensionProviders\[0\].rateLimit .* port/,
    ],
    [
      'a status that is none',
      { extensionProviders: [{ name: 'p', envoyExtAuthzGrpc: { service: 's', port: 1, statusOnError: 'Forbidden' } }] },
      /statusOnError must be a status/,
    ],
    ['a time that is none', { defaultHttpRetryPolicy: { perTryTimeout: 'soon' } }, /defaultHttpRetryPolicy.perTryTimeout .* duration/],
    ['a share that is no number', { defaultConfig: { tracing: { sampling: 'all' } } }, /defaultConfig.tracing.sampling .* number/],
  ];
  for (const [rule, mesh, mistakes] of rows) test(rule, () => expect(read(mesh)).toEqual({ mistakes: [expect.stringMatching(mistakes)] }));
});

test('whatever is written, it is read or refused in words', () => {
  const field = fc.constantFrom('extensionProviders', 'defaultProviders', 'pathNormalization', 'defaultHttpRetryPolicy', 'defaultConfig');
  fc.assert(
    fc.property(fc.dictionary(field, fc.jsonValue()), (mesh) => {
      const config = read(mesh);
      expect('ok' in config || config.mistakes.length > 0).toBe(true);
    }),
  );
});
