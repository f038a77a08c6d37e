// CORS: which origins, and which headers for preflights and other requests (facts: gateway-api-mesh §3.5).
import { describe, expect, test } from 'vitest';
import { corsAnswer, corsHeaders } from './cors.ts';
import type { Cors } from './route.ts';

const plain: Cors = { origins: ['https://a.com'], credentials: false, methods: [], headers: [], expose: [], maxAge: 5 };
const asked = { origin: 'https://a.com', 'access-control-request-method': 'PUT' };
const preflight = (cors: Partial<Cors>, headers: Readonly<Record<string, string>> = asked) => {
  const answer = corsAnswer({ ...plain, ...cors }, { method: 'OPTIONS', headers: Object.entries(headers) });
  return answer && { status: answer.status, ...Object.fromEntries(answer.headers) };
};

describe('origins', () => {
  const rows: readonly (readonly [allowed: Cors['origins'][number], origin: string, yes: boolean])[] = [
    ['*', 'https://a.com', true],
    ['https://a.com', 'https://a.com', true],
    ['https://a.com', 'http://a.com', false],
    ['https://a.com', 'https://a.com:8443', false],
    ['https://*.bar.com', 'https://www.bar.com', true],
    ['https://*.bar.com', 'https://xpto.www.bar.com', true],
    ['https://*.bar.com', 'https://bar.com', false],
    ['https://*.bar.com', 'https://evil.com/.bar.com', false],
    ['https://*.bar.com', 'https://www.bar.com.evil.com', false],
    ['https://*.bar.com', 'https://wwwxbar.com', false],
    ['https://*:8443', 'https://a.com:8443', true],
    [{ regex: 'https://[ab][.]com' }, 'https://b.com', true],
    [{ prefix: 'https://a' }, 'https://abc', true],
  ];
  for (const [allowed, origin, yes] of rows)
    test(`${JSON.stringify(allowed)} ${yes ? 'allows' : 'does not allow'} ${origin}`, () => {
      expect(corsHeaders({ ...plain, origins: [allowed] }, { method: 'GET', headers: [['origin', origin]] })).toEqual(
        yes ? [['access-control-allow-origin', allowed === '*' ? '*' : origin]] : [],
      );
    });
});

describe('preflights', () => {
  const origin = { 'access-control-allow-origin': 'https://a.com' };
  const age = { 'access-control-max-age': '5' };
  const rows: readonly (readonly [
    rule: string,
    cors: Partial<Cors>,
    headers: Readonly<Record<string, string>>,
    answer: object | undefined,
  ])[] = [
    [
      'what is configured is listed',
      { methods: ['PUT', 'GET'], headers: ['x', 'y'] },
      asked,
      { status: 200, ...origin, ...age, 'access-control-allow-methods': 'PUT, GET', 'access-control-allow-headers': 'x, y' },
    ],
    ['a foreign origin gets nothing', {}, { ...asked, origin: 'https://b.com' }, { status: 200 }],
    ['without a method it is none', {}, { origin: 'https://a.com' }, undefined],
    ['without an origin it is none', {}, { 'access-control-request-method': 'PUT' }, undefined],
    [
      '* stays * without credentials',
      { origins: ['*'], methods: ['*'], headers: ['*'] },
      asked,
      { status: 200, 'access-control-allow-origin': '*', ...age, 'access-control-allow-methods': '*', 'access-control-allow-headers': '*' },
    ],
    [
      'with credentials what was asked for is named',
      { origins: ['*'], methods: ['*'], headers: ['*'], credentials: true },
      { ...asked, 'access-control-request-headers': 'x-a, x-b' },
      {
        status: 200,
        ...origin,
        'access-control-allow-credentials': 'true',
        ...age,
        'access-control-allow-methods': 'PUT',
        'access-control-allow-headers': 'x-a, x-b',
      },
    ],
    [
      'no headers were asked for, none are named',
      { headers: ['*'], credentials: true },
      asked,
      { status: 200, ...origin, 'access-control-allow-credentials': 'true', ...age },
    ],
  ];
  for (const [name, cors, headers, answer] of rows) test(name, () => expect(preflight(cors, headers)).toEqual(answer));

  test('only OPTIONS is a preflight', () => {
    expect(corsAnswer(plain, { method: 'GET', headers: Object.entries(asked) })).toBeUndefined();
  });
});

describe('other requests', () => {
  const rows: readonly (readonly [rule: string, cors: Partial<Cors>, headers: Readonly<Record<string, string>>])[] = [
    [
      'exposed headers',
      { expose: ['x', 'y'] },
      { 'access-control-allow-origin': 'https://a.com', 'access-control-expose-headers': 'x, y' },
    ],
    [
      'credentials',
      { credentials: true, expose: ['*'] },
      { 'access-control-allow-origin': 'https://a.com', 'access-control-allow-credentials': 'true' },
    ],
  ];
  for (const [name, cors, headers] of rows)
    test(name, () =>
      expect(Object.fromEntries(corsHeaders({ ...plain, ...cors }, { method: 'GET', headers: [['origin', 'https://a.com']] }))).toEqual(
        headers,
      ),
    );

  test('no origin, no headers', () => expect(corsHeaders(plain, { method: 'GET', headers: [] })).toEqual([]));
});
