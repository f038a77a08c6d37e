// Which tokens a waypoint would take, as far as that can be said without keys: places, issuers, audiences, times; and what the request looks like afterwards.
import type { JwtRule } from '@ambient-mesh/model/l7/policy';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AskedRequest } from './explanation.ts';
import { claimsOf, judgeTokens } from './tokens.ts';

const encoded = (text: string): string => Buffer.from(text).toString('base64url');
const token = (claims: unknown): string => `${encoded('{"alg":"RS256"}')}.${encoded(JSON.stringify(claims))}.c2ln`;
const usual: JwtRule = {
  issuer: 'me',
  audiences: [],
  jwks: '{}',
  fromHeaders: [],
  fromParams: [],
  fromCookies: [],
  forwardOriginalToken: false,
  outputClaimToHeaders: [],
  spaceDelimitedClaims: [],
};
const asked = (headers: AskedRequest['headers'], path = '/'): AskedRequest => ({ method: 'GET', host: 'h', path, headers });
const bearer = (claims: unknown): AskedRequest['headers'] => [['authorization', `Bearer ${token(claims)}`]];
const now = 1_000_000_000_000;
const judge = (rules: readonly JwtRule[], request: AskedRequest) =>
  judgeTokens([{ namespace: 'ns', name: 'jwt', createdAt: 0, targets: [], rules }], request, now);
const statusOf = (rules: readonly JwtRule[], request: AskedRequest): number => {
  const judged = judge(rules, request);
  return 'status' in judged ? judged.status : 200;
};

type Row = readonly [rule: string, rules: readonly JwtRule[], request: AskedRequest, want: number];
const rows: readonly Row[] = [
  ['no token', [usual], asked([]), 200],
  ['a good one', [usual], asked(bearer({ iss: 'me' })), 200],
  ['another issuer', [usual], asked(bearer({ iss: 'you' })), 401],
  ['one of several issuers', [usual, { ...usual, issuer: 'you' }], asked(bearer({ iss: 'you' })), 200],
  ['for us', [{ ...usual, audiences: ['shop'] }], asked(bearer({ iss: 'me', aud: ['x', 'https://shop/'] })), 200],
  ['for others', [{ ...usual, audiences: ['shop'] }], asked(bearer({ iss: 'me', aud: 'x' })), 403],
  ['expired', [usual], asked(bearer({ iss: 'me', exp: now / 1_000 - 61 })), 401],
  ['expired just now, by another clock', [usual], asked(bearer({ iss: 'me', exp: now / 1_000 - 59 })), 200],
  ['not valid yet', [usual], asked(bearer({ iss: 'me', nbf: now / 1_000 + 61 })), 401],
  ['an expiry that is none', [usual], asked(bearer({ iss: 'me', exp: 'never' })), 401],
  ['in the query', [usual], asked([], `/?access_token=${token({ iss: 'you' })}`), 401],
  ['in a place that nobody looks at', [{ ...usual, fromHeaders: [{ name: 'X-Token', prefix: '' }] }], asked(bearer({ iss: 'you' })), 200],
  ['in a cookie', [{ ...usual, fromCookies: ['t'] }], asked([['cookie', `a=b; t=${token({ iss: 'you' })}`]]), 401],
  ['a second one that is bad', [usual], asked([...bearer({ iss: 'me' }), ...bearer({ iss: 'you' })]), 401],
];

describe('whether it passes', () => {
  test.each(rows)('%s', (_, rules, request, want) => {
    expect(statusOf(rules, request)).toBe(want);
  });
  test('without a time nothing is too old', () => {
    const old = asked(bearer({ iss: 'me', exp: 1 }));
    expect(judgeTokens([{ namespace: 'ns', name: 'jwt', createdAt: 0, targets: [], rules: [usual] }], old, undefined)).toHaveProperty(
      'accepted',
    );
  });
  test('a preflight carries none', () => {
    const preflight = {
      ...asked([['origin', 'o'], ['access-control-request-method', 'GET'], ...bearer({ iss: 'you' })]),
      method: 'OPTIONS',
    };
    expect(statusOf([usual], preflight)).toBe(200);
  });
});

describe('how the request goes on', () => {
  test('without its token, with claims as headers that no client may set', () => {
    const rule = { ...usual, outputClaimToHeaders: [{ header: 'X-Who', claim: 'sub' }] };
    const judged = judge([rule], asked([['x-who', 'liar'], ['other', 'o'], ...bearer({ iss: 'me', sub: 'ann' })]));
    expect(judged).toMatchObject({
      accepted: {
        headers: [
          ['other', 'o'],
          ['x-who', 'ann'],
        ],
      },
      claims: { sub: 'ann' },
    });
  });
  test('with its token where that is to be forwarded', () => {
    const headers = bearer({ iss: 'me' });
    expect(judge([{ ...usual, forwardOriginalToken: true }], asked(headers))).toMatchObject({ accepted: { headers } });
  });
  test('headers that stand for claims go even without a token', () => {
    const rule = { ...usual, outputPayloadToHeader: 'x-payload' };
    expect(judge([rule], asked([['x-payload', 'liar']]))).toEqual({ accepted: asked([]) });
  });
});

test('whatever a token is, it is read or it is none', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(claimsOf(text)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (claims) => {
      const plain = JSON.parse(JSON.stringify(claims)) as unknown;
      expect(claimsOf(token(claims))).toEqual(plain);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      const claims = claimsOf(`e30.${Buffer.from(octets).toString('base64url')}.x`);
      expect(claims === undefined || typeof claims === 'object').toBe(true);
    }),
  );
});
