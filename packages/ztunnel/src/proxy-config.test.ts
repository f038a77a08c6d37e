// The mesh configuration's part of the settings: which source wins, and what is a mistake.
// Beside proxy-config.ts; what config.ts makes of it is config.test.ts.
// The texts are such as Kubernetes mounts and injects them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ProxyConfig, proxyConfig } from './proxy-config.ts';

interface Given {
  readonly mesh?: string;
  readonly proxy?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const read = ({ mesh, proxy, env = {} }: Given) => proxyConfig(mesh, proxy, env);

const good: readonly (readonly [rule: string, given: Given, want: Partial<ProxyConfig>])[] = [
  ['nothing given, nothing read', {}, {}],
  ['empty texts count as nothing', { mesh: '', proxy: ' \n' }, {}],
  ['a file of comments counts as nothing', { mesh: '# later\n' }, {}],
  ['of the file only defaultConfig counts', { mesh: 'discoveryAddress: a:1\nrootNamespace: istio-system' }, {}],
  ['an empty defaultConfig is one', { mesh: 'defaultConfig:' }, {}],
  [
    'every key that is used',
    { mesh: 'defaultConfig: {discoveryAddress: a:1, proxyAdminPort: 1500, statsPort: 1502, concurrency: 3}' },
    { discoveryAddress: 'a:1', proxyAdminPort: 1500, statsPort: 1502, concurrency: 3 },
  ],
  ['keys of others are left alone', { proxy: 'drainDuration: 45s\nstatsPort: 7' }, { statsPort: 7 }],
  [
    'PROXY_CONFIG wins, key by key',
    { mesh: 'defaultConfig: {discoveryAddress: a:1, statsPort: 1}', proxy: 'discoveryAddress: b:2' },
    { discoveryAddress: 'b:2', statsPort: 1 },
  ],
  ['PROXY_CONFIG may be JSON', { proxy: '{"concurrency":0}' }, { concurrency: 0 }],
  ['null means not set', { proxy: 'concurrency: null' }, {}],
  [
    'metadata loses its prefix, other keys stay as they are',
    { proxy: 'proxyMetadata: {ISTIO_META_DNS_CAPTURE: "false", OTHER: x}' },
    { proxyMetadata: { DNS_CAPTURE: 'false', OTHER: 'x' } },
  ],
  ['metadata is text whatever YAML makes of it', { proxy: 'proxyMetadata: {A: true, B: 1}' }, { proxyMetadata: { A: 'true', B: '1' } }],
  ['an object without metadata is fine', { proxy: 'statsPort: 1' }, { statsPort: 1 }],
  [
    'metadata is merged key by key, the environment last',
    {
      mesh: 'defaultConfig: {proxyMetadata: {A: file, B: file, C: file}}',
      proxy: 'proxyMetadata: {B: proxy, ISTIO_META_C: proxy}',
      env: { ISTIO_META_C: 'env', ISTIO_META_D: 'env', OTHER: 'x' },
    },
    { proxyMetadata: { A: 'file', B: 'proxy', C: 'env', D: 'env' } },
  ],
];
test.each(good)('%s', (_, given, want) => {
  expect(read(given)).toEqual({ ok: { proxyMetadata: {}, ...want } });
});

describe('mistakes say where they are', () => {
  const bad: readonly (readonly [rule: string, given: Given, want: readonly (string | RegExp)[]])[] = [
    ['no YAML', { proxy: '{' }, [/^PROXY_CONFIG is not YAML: .+\.$/]],
    ['no object', { mesh: '- a' }, ['The mesh configuration file is not an object.']],
    ['defaultConfig is no object', { mesh: 'defaultConfig: 5' }, ['The mesh configuration file is not an object.']],
    ['a port out of range', { proxy: 'statsPort: 65536' }, ['PROXY_CONFIG: statsPort must be a whole number from 0 to 65535.']],
    ['a port that is text', { proxy: 'proxyAdminPort: "1"' }, ['PROXY_CONFIG: proxyAdminPort must be a whole number from 0 to 65535.']],
    ['an address that is no text', { proxy: 'discoveryAddress: 5' }, ['PROXY_CONFIG: discoveryAddress must be text.']],
    ['metadata that is no object', { proxy: 'proxyMetadata: [a]' }, ['PROXY_CONFIG: proxyMetadata must be an object.']],
    ['an alias bomb', { proxy: `a: &a [x]\nb: [${'*a, '.repeat(200)}]\n` }, [/^PROXY_CONFIG is not YAML: /]],
    [
      'several at once, in both places',
      { mesh: 'defaultConfig: {concurrency: -1, statsPort: x}', proxy: '[]' },
      [/statsPort/, /concurrency/, 'PROXY_CONFIG is not an object.'],
    ],
  ];
  test.each(bad)('%s', (_, given, want) => {
    const expected = want.map((text) => (typeof text === 'string' ? text : expect.stringMatching(text)));
    expect(read(given)).toEqual({ mistakes: expected });
  });
});

test('whatever the text, an answer', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (mesh, proxy) => 'ok' in read({ mesh, proxy }) || 'mistakes' in read({ mesh, proxy })));
});
