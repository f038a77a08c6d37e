// What becomes of requests with and without tokens, and which keys tokens are checked with.
import type { JwtRule, RequestAuthentication } from '@ambient-mesh/model/l7/policy';
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWK, SignJWT } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { type FetchText, KeyRing } from './jwks.ts';
import { JwtFilter, type JwtOutcome } from './jwt.ts';
import type { TokenRequest } from './token-places.ts';

const pairs = new Map<string, GenerateKeyPairResult>();
for (const [name, alg] of [
  ['rsa', 'RS256'],
  ['rsa2', 'RS256'],
  ['ec', 'ES256'],
  ['ed', 'EdDSA'],
] as const)
  pairs.set(name, await generateKeyPair(alg, { extractable: true }));

const algorithmOf: Readonly<Record<string, string>> = { rsa: 'RS256', rsa2: 'RS256', ec: 'ES256', ed: 'EdDSA' };

function pair(name: string): GenerateKeyPairResult {
  const found = pairs.get(name);
  if (found === undefined) throw new Error(`no key ${name}`);
  return found;
}

async function keySet(...names: readonly string[]): Promise<string> {
  const keys = await Promise.all(names.map(async (kid): Promise<JWK> => ({ ...(await exportJWK(pair(kid).publicKey)), kid })));
  return JSON.stringify({ keys });
}

let clock: FakeClock;
beforeEach(() => {
  clock = fakeClock();
});

interface TokenSketch {
  readonly by?: string;
  readonly kid?: string | undefined;
  readonly claims?: Readonly<Record<string, unknown>>;
}

function token({ by = 'rsa', claims = {}, ...given }: TokenSketch = {}): Promise<string> {
  const kid = 'kid' in given ? given.kid : by;
  return new SignJWT({ iss: 'issuer', sub: 'alice', exp: clock.now() / 1_000 + 600, ...claims })
    .setProtectedHeader({ alg: algorithmOf[by] ?? '', ...(kid !== undefined && { kid }) })
    .sign(pair(by).privateKey);
}

function rule(given: Partial<JwtRule> & { readonly jwks?: string }): JwtRule {
  return {
    issuer: 'issuer',
    audiences: [],
    fromHeaders: [],
    fromParams: [],
    fromCookies: [],
    forwardOriginalToken: false,
    outputClaimToHeaders: [],
    spaceDelimitedClaims: [],
    ...given,
  };
}

const mustNotFetch: FetchText = (url) => {
  throw new Error(`fetched ${url}, but these keys are written down`);
};

function filter(rules: readonly JwtRule[], fetch: FetchText = mustNotFetch, failures: string[] = []): JwtFilter {
  const ring = new KeyRing({ fetch, clock, failed: (url, why) => void failures.push(`${url}: ${why}`) });
  const authentication: RequestAuthentication = { namespace: 'ns', name: 'jwt', createdAt: 0, targets: [], rules };
  return new JwtFilter([authentication], ring, clock);
}

function request(given: Partial<TokenRequest> & { readonly bearer?: string } = {}): TokenRequest {
  const { bearer, ...rest } = given;
  const headers = bearer === undefined ? [] : [['authorization', `Bearer ${bearer}`] as const];
  return { method: 'GET', scheme: 'http', host: 'app', path: '/x?y=1', headers, ...rest };
}

/** `accepted <subject>` or status and body. */
function line(outcome: JwtOutcome): string {
  return outcome.accepted ? `accepted ${outcome.claims?.sub ?? '-'}` : `${outcome.status} ${outcome.body}`;
}

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
    const fetched = filter([rule({ jwksUri: 'http://keys' })], async () => jwks);
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

describe('fetched keys', () => {
  /** An issuer that counts questions, and whose answers tests change. */
  function issuer(answer: () => Promise<string>) {
    const asked: string[] = [];
    const fetch: FetchText = (url) => {
      asked.push(url);
      return answer();
    };
    return { asked, fetch };
  }

  test('are fetched once for many requests at a time, and used for five minutes', async () => {
    const { asked, fetch } = issuer(() => keySet('rsa'));
    const jwt = filter([rule({ jwksUri: 'http://keys' })], fetch);
    const bearer = await token({ claims: { exp: clock.now() / 1_000 + 6_000 } });
    const all = await Promise.all(Array.from({ length: 20 }, () => jwt.check(request({ bearer }))));
    expect(new Set(all.map(line))).toEqual(new Set(['accepted alice']));
    await clock.advance(ms(239_000));
    await jwt.check(request({ bearer }));
    expect(asked).toEqual(['http://keys']);
    await clock.advance(ms(2_000));
    await jwt.check(request({ bearer }));
    expect(asked).toHaveLength(2);
  });

  test('are kept when the issuer fails later', async () => {
    let answer = (): Promise<string> => keySet('rsa');
    const { fetch } = issuer(() => answer());
    const failures: string[] = [];
    const jwt = filter([rule({ jwksUri: 'http://keys' })], fetch, failures);
    const bearer = await token({ claims: { exp: clock.now() / 1_000 + 6_000 } });
    await jwt.check(request({ bearer }));
    answer = () => Promise.reject(new Error('down'));
    await clock.advance(ms(400_000));
    expect(line(await jwt.check(request({ bearer })))).toBe('accepted alice');
    expect(failures).toEqual(['http://keys: down']);
  });

  test('that were taken back are not believed for tokens accepted before', async () => {
    let names = ['rsa'];
    const { fetch } = issuer(() => keySet(...names));
    const jwt = filter([rule({ jwksUri: 'http://keys' })], fetch);
    const bearer = await token({ claims: { exp: clock.now() / 1_000 + 6_000 } });
    expect(line(await jwt.check(request({ bearer })))).toBe('accepted alice');
    names = ['ec'];
    await clock.advance(ms(301_000));
    expect(line(await jwt.check(request({ bearer })))).toContain("401 Jwks doesn't have key");
  });

  test('an issuer that fails is left alone for five seconds', async () => {
    const { asked, fetch } = issuer(() => Promise.reject(new Error('down')));
    const jwt = filter([rule({ jwksUri: 'http://keys' })], fetch);
    const bearer = await token();
    for (let n = 0; n < 5; n++) expect(line(await jwt.check(request({ bearer })))).toBe('401 Jwks remote fetch is failed');
    expect(asked).toHaveLength(1);
    await clock.advance(ms(5_000));
    await jwt.check(request({ bearer }));
    expect(asked).toHaveLength(2);
  });

  test('an unknown key name asks again, once in thirty seconds', async () => {
    let names = ['rsa'];
    const { asked, fetch } = issuer(() => keySet(...names));
    const jwt = filter([rule({ jwksUri: 'http://keys' })], fetch);
    await jwt.check(request({ bearer: await token() }));
    names = ['rsa', 'ec'];
    const bearer = await token({ by: 'ec' });
    expect(line(await jwt.check(request({ bearer })))).toContain('401 ');
    expect(asked).toHaveLength(1);
    await clock.advance(ms(30_000));
    expect(line(await jwt.check(request({ bearer })))).toBe('accepted alice');
    expect(asked).toHaveLength(2);
    for (let n = 0; n < 5; n++) await jwt.check(request({ bearer: await token({ kid: `made-up-${n}` }) }));
    expect(asked).toHaveLength(2);
  });

  test('an issuer without a key address is asked for it', async () => {
    const { asked, fetch } = issuer(async () => (asked.length === 1 ? '{"jwks_uri":"http://there"}' : keySet('rsa')));
    const jwt = filter([rule({ issuer: 'http://i/' })], fetch);
    expect(line(await jwt.check(request({ bearer: await token({ claims: { iss: 'http://i/' } }) })))).toBe('accepted alice');
    expect(asked).toEqual(['http://i/.well-known/openid-configuration', 'http://there']);
  });

  test.each([
    ['no JSON', 'x'],
    ['no key set', '{"keys":7}'],
    ['too long', ' '.repeat((1 << 20) + 1)],
    ['too many keys', JSON.stringify({ keys: Array.from({ length: 201 }, () => ({ kty: 'RSA' })) })],
  ])('an answer that is %s leaves no keys', async (_, answer) => {
    const { fetch } = issuer(async () => answer);
    const jwt = filter([rule({ jwksUri: 'http://keys' })], fetch);
    expect(line(await jwt.check(request({ bearer: await token() })))).toBe('401 Jwks remote fetch is failed');
  });

  test('an issuer that never answers costs its time-out', async () => {
    const { fetch } = issuer(() => new Promise(() => {}));
    const checking = filter([rule({ jwksUri: 'http://keys', timeout: 700 })], fetch).check(request({ bearer: await token() }));
    await clock.advance(ms(700));
    expect(line(await checking)).toBe('401 Jwks remote fetch is failed');
    expect(clock.pending).toBe(0);
  });
});
