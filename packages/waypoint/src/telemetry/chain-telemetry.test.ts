// What Telemetry objects and the mesh's defaults mean together: a row per rule. Objects are given weakest first.
import type { MeshSettings, Provider, TelemetrySettings } from '@ambient-mesh/model/l7/settings';
import { describe, expect, test } from 'vitest';
import { entry } from '../testing/entry.ts';
import { compileTelemetry } from './chain-telemetry.ts';

const providers: readonly Provider[] = [
  { name: 'tempo', kind: 'otlp', service: 'obs/tempo', port: 4317, sampling: 1 },
  { name: 'jaeger', kind: 'otlp', service: 'obs/jaeger', port: 4318, http: { path: '/v1/traces' }, sampling: 2 },
  { name: 'envoy', kind: 'access-log', path: '/dev/stdout', encoding: 'TEXT' },
  { name: 'errors', kind: 'access-log', path: '/dev/stderr', encoding: 'TEXT', format: 'E %RESPONSE_CODE%' },
  { name: 'zipkin', kind: 'unsupported', what: 'zipkin' },
];
const mesh = (given: Partial<MeshSettings> = {}, byDefault: Partial<MeshSettings['defaultProviders']> = {}): MeshSettings => ({
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
  pathNormalization: 'BASE',
  providers,
  defaultProviders: { accessLogging: [], tracing: [], metrics: [], ...byDefault },
  ...given,
});
const object = (given: Partial<TelemetrySettings>): TelemetrySettings => ({
  namespace: 'ns',
  name: 't',
  createdAt: 0,
  targets: [],
  metrics: [],
  ...given,
});
const traced = (given: Partial<NonNullable<TelemetrySettings['tracing']>>): TelemetrySettings =>
  object({ tracing: { providers: [], disabled: false, tags: [], ...given } });
const logged = (given: Partial<NonNullable<TelemetrySettings['accessLogging']>>): TelemetrySettings =>
  object({ accessLogging: { providers: [], disabled: false, ...given } });

describe('traces', () => {
  const tempo = { service: 'obs/tempo', port: 4317 };
  const byDefault = mesh({}, { tracing: ['tempo'] });
  test.each<readonly [string, readonly TelemetrySettings[], MeshSettings, object | undefined]>([
    ['nobody asks: none', [], mesh(), undefined],
    ['the mesh’s default, with its provider’s sampling', [], byDefault, { collector: tempo, sampling: 1, tags: [] }],
    ['an object’s provider', [traced({ providers: ['tempo'] })], mesh(), { collector: tempo }],
    [
      'over HTTP',
      [traced({ providers: ['jaeger'] })],
      mesh(),
      { collector: { service: 'obs/jaeger', port: 4318, http: { path: '/v1/traces' } } },
    ],
    [
      'the later object’s provider counts',
      [traced({ providers: ['jaeger'] }), traced({ providers: ['tempo'] })],
      mesh(),
      { collector: tempo },
    ],
    [
      'a later object takes over what it does not say',
      [traced({ providers: ['tempo'], sampling: 50 }), traced({})],
      mesh(),
      { collector: tempo, sampling: 50 },
    ],
    ['sampling of the later', [traced({ sampling: 50 }), traced({ sampling: 0 })], byDefault, { sampling: 0 }],
    [
      'tags of all, the later counts',
      [
        traced({
          tags: [
            ['a', '1'],
            ['b', '1'],
          ],
        }),
        traced({ tags: [['b', '2']] }),
      ],
      byDefault,
      {
        tags: [
          ['a', '1'],
          ['b', '2'],
        ],
      },
    ],
    ['switched off', [traced({ disabled: true })], byDefault, undefined],
    ['and on again', [traced({ disabled: true }), traced({})], byDefault, { collector: tempo }],
    ['a provider that cannot be used', [traced({ providers: ['zipkin'] })], byDefault, undefined],
    ['one that there is not', [traced({ providers: ['none'] })], byDefault, undefined],
    ['one that is no collector', [traced({ providers: ['envoy'] })], byDefault, undefined],
  ])('%s', (_name, objects, settings, want) => {
    const { tracing } = compileTelemetry(objects, settings);
    if (want === undefined) expect(tracing).toBeUndefined();
    else expect(tracing).toMatchObject(want);
  });
});

describe('access logs', () => {
  const own = mesh({ accessLog: { encoding: 'TEXT', format: 'OWN' } });
  test.each<readonly [string, readonly TelemetrySettings[], MeshSettings, readonly (readonly ['stdout' | 'stderr', RegExp])[]]>([
    ['nobody asks: none', [], mesh(), []],
    ['the mesh’s own', [], own, [['stdout', /^OWN\n$/]]],
    [
      'the default provider counts before it',
      [],
      mesh({ accessLog: { encoding: 'TEXT' } }, { accessLogging: ['errors'] }),
      [['stderr', /^E 200\n$/]],
    ],
    ['an object without providers: the default', [logged({})], mesh(), [['stdout', /^\[2026/]]],
    ['in the mesh’s own format', [logged({})], own, [['stdout', /^OWN\n$/]]],
    [
      'an object’s providers, all of them',
      [logged({ providers: ['envoy', 'errors'] })],
      mesh(),
      [
        ['stdout', /^\[2026/],
        ['stderr', /^E 200\n$/],
      ],
    ],
    ['switched off', [logged({ disabled: true })], own, []],
    ['for the whole mesh, but not for this service', [logged({ disabled: true }), logged({})], own, [['stdout', /^OWN\n$/]]],
    ['a provider that is no log', [logged({ providers: ['tempo'] })], own, []],
  ])('%s', (_name, objects, settings, want) => {
    const { access } = compileTelemetry(objects, settings);
    expect(access.map(({ to }) => to)).toEqual(want.map(([to]) => to));
    for (const [at, [, line]] of want.entries()) expect(access[at]?.line(entry())).toMatch(line);
  });

  test('a filter', () => {
    const { accessFilter, problems } = compileTelemetry([logged({ filter: 'response.code >= 400' })], mesh());
    expect([200, 400].map((status) => accessFilter?.(entry({ status })))).toEqual([false, true]);
    expect(problems).toEqual([]);
  });

  test('a filter that is not understood is told of, and everything is logged', () => {
    const { accessFilter, problems } = compileTelemetry([logged({ filter: 'size(x) > 1' })], mesh());
    expect(accessFilter).toBeUndefined();
    expect(problems).toEqual([expect.stringContaining('size(x) > 1')]);
  });

  test('a format that is not understood gives way to the usual one', () => {
    const { access, problems } = compileTelemetry([], mesh({ accessLog: { encoding: 'JSON', format: '{' } }));
    expect(JSON.parse(access[0]?.line(entry()) ?? '')).toMatchObject({ response_code: 200 });
    expect(problems).toHaveLength(1);
  });
});

describe('metrics', () => {
  const metrics = (...given: TelemetrySettings['metrics']) => object({ metrics: given });
  const all = { metric: 'ALL_METRICS', disabled: false, tags: [] };
  const groups = (...objects: readonly TelemetrySettings[]) => {
    const { request, tcp } = compileTelemetry(objects, mesh());
    return [...request, ...tcp].map((group) => [...group.metrics].join(' '));
  };
  const usual = [
    'REQUEST_COUNT REQUEST_DURATION REQUEST_SIZE RESPONSE_SIZE GRPC_REQUEST_MESSAGES GRPC_RESPONSE_MESSAGES',
    'TCP_OPENED_CONNECTIONS TCP_CLOSED_CONNECTIONS TCP_SENT_BYTES TCP_RECEIVED_BYTES',
  ];
  const tag = (name: string, value: string | null) => [[name, value] as const];

  test.each<readonly [string, readonly TelemetrySettings[], readonly string[]]>([
    ['all there are', [], usual],
    ['none', [metrics({ ...all, disabled: true })], []],
    ['none but one', [metrics({ ...all, disabled: true }, { ...all, metric: 'REQUEST_COUNT' })], ['REQUEST_COUNT']],
    ['the later object counts', [metrics({ ...all, disabled: true }), metrics(all)], usual],
    ['labels for all: one group each', [metrics({ ...all, tags: tag('a', '"x"') })], usual],
    [
      'labels for one: a group of its own',
      [metrics({ ...all, metric: 'RESPONSE_SIZE', tags: tag('a', '"x"') })],
      ['REQUEST_COUNT REQUEST_DURATION REQUEST_SIZE GRPC_REQUEST_MESSAGES GRPC_RESPONSE_MESSAGES', 'RESPONSE_SIZE', usual[1] ?? ''],
    ],
    [
      'labels do not bring back what was switched off',
      [metrics({ ...all, disabled: true }), metrics({ ...all, metric: 'REQUEST_COUNT', tags: tag('a', '"x"') })],
      [],
    ],
  ])('%s', (_name, objects, want) => {
    expect(groups(...objects)).toEqual(want);
  });

  test.each<readonly [string, string, string | null, string]>([
    ['a literal', 'extra', '"x"', 'x'],
    ['a fact', 'host', 'request.host', 'reviews'],
    ['another value for a label that there is', 'source_app', 'request.method', 'GET'],
    ['a label taken away is empty', 'source_app', null, ''],
    ['what is not there', 'extra', "request.headers['none']", 'unknown'],
    ['what is not understood', 'extra', 'bare words', 'unknown'],
    ['what is too long is cut', 'extra', `"${'x'.repeat(1_000)}"`, 'x'.repeat(256)],
  ])('%s', (_name, name, value, want) => {
    const [group] = compileTelemetry([metrics({ ...all, tags: tag(name, value) })], mesh()).request;
    const given = (group?.names ?? []).map((each) => `usual ${each}`);
    const values = group?.values?.(given, entry());
    expect(values?.[group?.names.indexOf(name) ?? -1]).toBe(want);
  });

  test.each(['le', '__name__', '1st', 'a-b', ''])('%s is no label', (name) => {
    const [group] = compileTelemetry([metrics({ ...all, tags: tag(name, '"x"') })], mesh()).request;
    expect(group?.names).not.toContain(name);
  });
});
