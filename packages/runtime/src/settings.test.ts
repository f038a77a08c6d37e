// The table of settings: reading, every kind of mistake, documentation.
import { expect, expectTypeOf, test } from 'vitest';
import { describeSettings, duration, flag, oneOf, parser, readSettings, someText, text, whole } from './settings.ts';
import { type Ms, ms } from './time.ts';

const table = {
  proxy: { env: 'ENABLE_PROXY', parse: flag, otherwise: true, about: 'Carry traffic.' },
  mode: { env: 'PROXY_MODE', parse: oneOf('shared', 'dedicated'), otherwise: 'shared', about: 'One per node or one per pod.' },
  cluster: { env: ['ISTIO_META_CLUSTER_ID', 'CLUSTER_ID'], parse: text, otherwise: '', about: 'Own cluster.' },
  node: { env: 'NODE_NAME', parse: someText, otherwise: undefined, about: 'Own node.' },
  ttl: { env: 'SECRET_TTL', parse: duration, otherwise: ms(86_400_000), about: 'Validity asked for.' },
  streams: { env: 'POOL_MAX_STREAMS', parse: whole(1, 1_000), otherwise: 100, about: 'Streams | tunnel.' },
  token: {
    env: 'TOKEN',
    parse: parser('a token', (given) => (given.startsWith('t') ? given : undefined)),
    otherwise: undefined,
    about: 'Secret.',
    secret: true,
  },
} as const;

const defaults = { proxy: true, mode: 'shared', cluster: '', node: undefined, ttl: 86_400_000, streams: 100, token: undefined };

const good: readonly (readonly [rule: string, env: Readonly<Record<string, string>>, want: object])[] = [
  ['what is not set has its default', {}, {}],
  [
    'what is set is read',
    { ENABLE_PROXY: 'false', PROXY_MODE: 'dedicated', SECRET_TTL: '1m30s', POOL_MAX_STREAMS: '7' },
    { proxy: false, mode: 'dedicated', ttl: 90_000, streams: 7 },
  ],
  ['of several variables the first that is set counts', { CLUSTER_ID: 'b', ISTIO_META_CLUSTER_ID: 'a' }, { cluster: 'a' }],
  ['and the next counts when the first is not set', { CLUSTER_ID: 'b' }, { cluster: 'b' }],
  ['text may be empty', { CLUSTER_ID: '' }, { cluster: '' }],
];
for (const [rule, env, want] of good) {
  test(rule, () => {
    expect(readSettings(table, env)).toEqual({ ok: { ...defaults, ...want } });
  });
}

const bad: readonly (readonly [name: string, value: string, want: string])[] = [
  ['ENABLE_PROXY', 'True', 'ENABLE_PROXY is "True" but must be true or false.'],
  ['ENABLE_PROXY', '', 'ENABLE_PROXY is "" but must be true or false.'],
  ['PROXY_MODE', 'sidecar\n', 'PROXY_MODE is "sidecar\\n" but must be "shared" or "dedicated".'],
  ['NODE_NAME', '', 'NODE_NAME is "" but must be text that is not empty.'],
  ['SECRET_TTL', '5', 'SECRET_TTL is "5" but must be a duration such as 5s, 1m30s or 100ms.'],
  ['POOL_MAX_STREAMS', '0', 'POOL_MAX_STREAMS is "0" but must be a whole number from 1 to 1000.'],
  ['POOL_MAX_STREAMS', '1e2', 'POOL_MAX_STREAMS is "1e2" but must be a whole number from 1 to 1000.'],
  ['POOL_MAX_STREAMS', 'x'.repeat(200), `POOL_MAX_STREAMS is "${'x'.repeat(80)}…" but must be a whole number from 1 to 1000.`],
  ['TOKEN', 'hunter2', 'TOKEN has a value that is not shown but must be a token.'],
];
for (const [name, value, want] of bad) {
  test(`a mistake says what is wrong: ${want}`, () => {
    expect(readSettings(table, { [name]: value })).toEqual({ mistakes: [want] });
  });
}

test('all mistakes are reported together', () => {
  expect(readSettings(table, { ENABLE_PROXY: 'x', PROXY_MODE: 'y' })).toMatchObject({ mistakes: [expect.any(String), expect.any(String)] });
});

test('values are frozen and typed by their parser and their default', () => {
  const read = readSettings(table, {});
  if (!('ok' in read)) throw new Error('unexpected');
  expect(Object.isFrozen(read.ok)).toBe(true);
  expectTypeOf(read.ok).toEqualTypeOf<{
    readonly proxy: boolean;
    readonly mode: 'shared' | 'dedicated';
    readonly cluster: string;
    readonly node: string | undefined;
    readonly ttl: Ms;
    readonly streams: number;
    readonly token: string | undefined;
  }>();
});

test('the table documents itself', () => {
  const lines = describeSettings(table).split('\n');
  expect(lines[0]).toBe('| Variable | Default | Accepts | Meaning |');
  expect(lines[4]).toBe('| `ISTIO_META_CLUSTER_ID` or `CLUSTER_ID` | empty | text | Own cluster. |');
  expect(lines[6]).toBe('| `SECRET_TTL` | `86400s` | a duration such as 5s, 1m30s or 100ms | Validity asked for. |');
  expect(lines[7]).toBe('| `POOL_MAX_STREAMS` | `100` | a whole number from 1 to 1000 | Streams \\| tunnel. |');
});
