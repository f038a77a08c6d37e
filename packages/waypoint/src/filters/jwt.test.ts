// What becomes of requests with and without tokens. Keys that are fetched: jwks.test.ts.
import type { JwtRule } from '@ambient-mesh/model/l7/policy';
import { type TokenRequest, withoutParameters } from '@ambient-mesh/model/l7/token-places';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { filter, keySet, line, request, rule, type TokenSketch, token } from '../testing/tokens.ts';
import { KeySet } from './keys.ts';

describe('a token', () => {
  type Row = readonly [name: string, sketch: TokenSketch, want: string];
  const minute = 60;
  const now = () => fakeClock().now() / 1_000;
  const rows: readonly Row[] = [
    ['RS256', {}, 'accepted alice'],
    ['ES256', { by: 'ec' }, 'accepted alice'],
    ['EdDSA', { by: 'ed' }, 'accepted alice'],
    ['that names no key is tried with all that fit', { kid: undefined }, 'accepted alice'],
    ['that names another key than it is signed with', { by: 'rsa2', kid: 'rsa' }, '401 Jwt verification fails'],
    ['that names an unknown key', { kid: 'other' }, "401 Jwks doesn't have key to match kid or alg from Jwt"],
    ['of another issuer', { claims: { iss: 'else' } }, '401 Jwt issuer is not configured'],
    ['without an issuer', { claims: { iss: undefined } }, '401 Jwt issuer is not configured'],
    ['expired a minute ago', { claims: { exp: now() - minute } }, '401 Jwt is expired'],
    ['expired, but clocks may differ', { claims: { exp: now() - minute + 1 } }, 'accepted alice'],
    ['valid in a minute, as clocks may differ', { claims: { nbf: now() + minute } }, 'accepted alice'],
    ['valid later', { claims: { nbf: now() + minute + 1 } }, '401 Jwt not yet valid'],
    ['with an expiry that is no number', { claims: { exp: 'never' } }, '401 Jwt is expired'],
    ['without an expiry', { claims: { exp: undefined } }, 'accepted alice'],
  ];
  test.each(rows)('%s', async (_, sketch, want) => {
    const jwks = await keySet('rsa', 'rsa2', 'ec', 'ed');
    const bearer = await token(sketch);
    expect(line(await filter([rule({ jwks })]).check(request({ bearer })))).toBe(want);
  });

  test('that is unsigned, or signed with the public key as a secret, is refused', async () => {
    const jwks = await keySet('rsa');
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const none = `${part({ alg: 'none' })}.${part({ iss: 'issuer' })}.x`;
    expect(line(await filter([rule({ jwks })]).check(request({ bearer: none })))).toBe('401 Jwt header [alg] is not supported');
    const confused = await new SignJWT({ iss: 'issuer' }).setProtectedHeader({ alg: 'HS256', kid: 'rsa' }).sign(Buffer.from(jwks));
    expect(line(await filter([rule({ jwks })]).check(request({ bearer: confused })))).toContain('401 ');
  });

  test('signed with a shared secret is accepted only when the secret is written down', async () => {
    const secret = Buffer.alloc(32, 7);
    const jwks = JSON.stringify({ keys: [{ kty: 'oct', kid: 's', k: secret.toString('base64url') }] });
    const bearer = await new SignJWT({ iss: 'issuer', sub: 'bob' }).setProtectedHeader({ alg: 'HS256', kid: 's' }).sign(secret);
    expect(line(await filter([rule({ jwks })]).check(request({ bearer })))).toBe('accepted bob');
    const fetched = filter([rule({ jwksUri: 'http://keys' })], { fetch: async () => jwks });
    expect(line(await fetched.check(request({ bearer })))).toContain("401 Jwks doesn't have key");
  });

  test.each([
    ['nothing', '401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'],
    ['a.b', '401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'],
    ['a.b.c', '401 Jwt payload is an invalid JSON'],
    ['a.e30.c', '401 Jwt header is an invalid JSON'],
    ['a'.repeat(20_000), '401 Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'],
  ])('that reads %.10s', async (bearer, want) => {
    const jwks = await keySet('rsa');
    expect(line(await filter([rule({ jwks })]).check(request({ bearer })))).toBe(want);
  });

  test.each([
    ['none wanted', [], 'x', 'accepted alice'],
    ['one of those wanted', ['a', 'b'], 'b', 'accepted alice'],
    ['one of several of the token', ['a'], ['z', 'a'], 'accepted alice'],
    ['scheme and final slash do not count', ['https://a'], 'a/', 'accepted alice'],
    ['others: it is good, but not here', ['a'], 'z', '403 Audiences in Jwt are not allowed'],
    ['none said', ['a'], 1, '403 Audiences in Jwt are not allowed'],
  ])('audiences: %s', async (_, audiences, aud, want) => {
    const jwks = await keySet('rsa');
    const bearer = await token({ claims: { aud } });
    expect(line(await filter([rule({ jwks, audiences })]).check(request({ bearer })))).toBe(want);
  });
});

describe('where tokens are', () => {
  const places: readonly (readonly [
    name: string,
    given: Partial<JwtRule>,
    where: (token: string) => Partial<TokenRequest>,
    want: string,
  ])[] = [
    ['none: accepted without claims', {}, () => ({}), 'accepted -'],
    ['the query, by default', {}, (t) => ({ path: `/x?access_token=${t}` }), 'accepted alice'],
    ['the scheme of Authorization has no case', {}, (t) => ({ headers: [['authorization', `bearer ${t}`]] }), 'accepted alice'],
    ['another scheme is no token', {}, () => ({ headers: [['authorization', 'Basic x']] }), 'accepted -'],
    ['a header', { fromHeaders: [{ name: 'X-Jwt', prefix: '' }] }, (t) => ({ headers: [['x-jwt', t]] }), 'accepted alice'],
    ['a header with its prefix', { fromHeaders: [{ name: 'x', prefix: 'T ' }] }, (t) => ({ headers: [['x', `T ${t}`]] }), 'accepted alice'],
    ['a parameter', { fromParams: ['t'] }, (t) => ({ path: `/?a=b&t=${t}` }), 'accepted alice'],
    ['a cookie', { fromCookies: ['c'] }, (t) => ({ headers: [['cookie', `a=b; c=${t}`]] }), 'accepted alice'],
    ['named places replace the usual ones', { fromCookies: ['c'] }, () => ({ headers: [['authorization', 'Bearer x']] }), 'accepted -'],
    [
      'a good and a bad one',
      {},
      (t) => ({
        headers: [
          ['authorization', `Bearer ${t}`],
          ['authorization', 'Bearer bad'],
        ],
      }),
      '401 ',
    ],
    ['too many', {}, (t) => ({ headers: Array.from({ length: 5 }, () => ['authorization', `Bearer ${t}`] as const) }), '401 '],
  ];
  test.each(places)('%s', async (_, given, where, want) => {
    const jwks = await keySet('rsa');
    const outcome = await filter([rule({ jwks, ...given })]).check(request(where(await token())));
    expect(line(outcome)).toContain(want);
  });

  test('a preflight passes whatever it carries', async () => {
    const headers = [
      ['origin', 'http://a'],
      ['access-control-request-method', 'GET'],
      ['authorization', 'Bearer bad'],
    ] as const;
    const jwks = await keySet('rsa');
    expect(line(await filter([rule({ jwks })]).check(request({ method: 'OPTIONS', headers })))).toBe('accepted -');
    expect(line(await filter([rule({ jwks })]).check(request({ method: 'GET', headers })))).toContain('401 ');
  });
});

describe('several issuers', () => {
  const two = async (): Promise<readonly JwtRule[]> => [
    rule({ issuer: 'a', jwks: await keySet('rsa') }),
    rule({ issuer: 'b', jwks: await keySet('ec') }),
  ];
  test.each([
    ['the first', { by: 'rsa', claims: { iss: 'a' } }, 'accepted alice'],
    ['the second', { by: 'ec', claims: { iss: 'b' } }, 'accepted alice'],
    ['the second with the key of the first', { by: 'rsa', claims: { iss: 'b' } }, "401 Jwks doesn't have key to match kid or alg from Jwt"],
    ['neither', { by: 'rsa', claims: { iss: 'c' } }, '401 Jwt issuer is not configured'],
  ])('a token of %s', async (_, sketch, want) => {
    expect(line(await filter(await two()).check(request({ bearer: await token(sketch) })))).toBe(want);
  });

  test('a good token of one place and a bad one of the other: accepted', async () => {
    const [first, second] = await two();
    if (!first || !second) throw new Error('two rules');
    const rules = [first, { ...second, fromHeaders: [{ name: 'x', prefix: '' }] }];
    const bearer = await token({ claims: { iss: 'a' } });
    const headers = [
      ['authorization', `Bearer ${bearer}`],
      ['x', 'bad'],
    ] as const;
    expect(line(await filter(rules).check(request({ headers })))).toBe('accepted alice');
  });
});

describe('what goes on to the server', () => {
  const outputs: Partial<JwtRule> = {
    outputPayloadToHeader: 'X-Payload',
    outputClaimToHeaders: [
      { header: 'X-Sub', claim: 'sub' },
      { header: 'x-deep', claim: 'a.b' },
      { header: 'x-list', claim: 'groups' },
      { header: 'x-line', claim: 'line' },
    ],
  };
  const claims = { a: { b: 7 }, groups: ['g'], line: 'a\r\nb: c', scope: 'read write' };

  test('claims as headers, the token taken out', async () => {
    const bearer = await token({ claims });
    const outcome = await filter([rule({ jwks: await keySet('rsa'), ...outputs })]).check(request({ bearer }));
    expect(outcome).toMatchObject({
      accepted: true,
      claims: { scope: ['read', 'write'] },
      edit: {
        set: [
          ['x-payload', bearer.split('.')[1]],
          ['x-sub', 'alice'],
          ['x-deep', '7'],
          ['x-list', Buffer.from('["g"]').toString('base64url')],
        ],
        remove: ['x-line', 'authorization'],
      },
    });
  });

  test('without a token nobody else may set these headers', async () => {
    const outcome = await filter([rule({ jwks: await keySet('rsa'), ...outputs })]).check(request());
    expect(outcome).toMatchObject({ edit: { set: [], remove: ['x-sub', 'x-deep', 'x-list', 'x-line', 'x-payload'] } });
  });

  test('a token in the query goes, its neighbours stay as they were written', async () => {
    const path = `/x?a=%20b&access_token=${await token()}&c`;
    const jwks = await keySet('rsa');
    expect(await filter([rule({ jwks })]).check(request({ path }))).toMatchObject({ path: '/x?a=%20b&c' });
    expect(await filter([rule({ jwks, forwardOriginalToken: true })]).check(request({ path }))).toMatchObject({
      path,
      edit: { remove: [] },
    });
  });

  test('a refusal says where and why', async () => {
    const outcome = await filter([rule({ jwks: await keySet('rsa') })]).check(request({ bearer: 'x', path: '/a"b?secret' }));
    expect(outcome).toMatchObject({
      headers: [['www-authenticate', 'Bearer realm="http://app/ab", error="invalid_token"']],
      details: 'jwt_authn_access_denied{Jwt_is_not_in_the_form_of_Header.Payload.Signature_with_two_dots_and_3_sections}',
    });
  });
});

describe('whatever a peer sends', () => {
  const near = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.stringMatching(/^[\w-]{0,20}(\.[\w-]{0,20}){0,3}$/),
    fc.tuple(fc.json(), fc.json()).map((parts) => `${parts.map((part) => Buffer.from(part).toString('base64url')).join('.')}.x`),
  );

  test('a token is accepted only if it is good, and none is a failure', async () => {
    const jwt = filter([rule({ jwks: await keySet('rsa') })]);
    await fc.assert(
      fc.asyncProperty(near, near, async (first, second) => {
        const headers = [['authorization', `Bearer ${first}`]] as const;
        expect(line(await jwt.check(request({ headers, path: `/?access_token=${second}` })))).toMatch(/^401 Jw/);
      }),
      { numRuns: 500 },
    );
  });

  test('a key set is one or none', () => {
    const almost = fc.record({ keys: fc.array(fc.dictionary(fc.constantFrom('kty', 'kid', 'n', 'e', 'alg'), fc.jsonValue())) });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          almost.map((set) => JSON.stringify(set)),
        ),
        (text) => void KeySet.parse(text, true),
      ),
    );
  });

  test('taking parameters out of a query leaves all others as they are', () => {
    const pair = fc.tuple(fc.constantFrom('a', 't', '%74', 'T', ''), fc.stringMatching(/^[\w%=+]{0,6}$/));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1 }), (pairs) => {
        const written = pairs.map(([name, value]) => `${name}=${value}`);
        const kept = written.filter((_, at) => !['t', '%74'].includes(pairs[at]?.[0] ?? ''));
        const want = kept.length === 0 ? '/x' : `/x?${kept.join('&')}`;
        expect(withoutParameters(`/x?${written.join('&')}`, ['t'])).toBe(want);
      }),
    );
  });
});
