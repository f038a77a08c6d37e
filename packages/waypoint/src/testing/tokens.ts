// Tokens, keys, and a filter that checks them, for tests. Key pairs are made once per test file.
import type { JwtRule, RequestAuthentication } from '@ambient-mesh/model/l7/policy';
import type { TokenRequest } from '@ambient-mesh/model/l7/token-places';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import type { Clock } from '@ambient-mesh/runtime/time';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type FetchText, KeyRing } from '../filters/jwks.ts';
import { JwtFilter, type JwtOutcome } from '../filters/jwt.ts';

const pairs = new Map<string, GenerateKeyPairResult>();
for (const [name, alg] of [
  ['rsa', 'RS256'],
  ['rsa2', 'RS256'],
  ['ec', 'ES256'],
  ['ed', 'EdDSA'],
] as const)
  pairs.set(name, await generateKeyPair(alg, { extractable: true }));

/** Seconds. */
const started = fakeClock().now() / 1_000;

const algorithmOf: Readonly<Record<string, string>> = { rsa: 'RS256', rsa2: 'RS256', ec: 'ES256', ed: 'EdDSA' };

function pair(name: string): GenerateKeyPairResult {
  const found = pairs.get(name);
  if (found === undefined) throw new Error(`no key ${name}`);
  return found;
}

export async function keySet(...names: readonly string[]): Promise<string> {
  const keys = await Promise.all(names.map(async (kid): Promise<JWK> => ({ ...(await exportJWK(pair(kid).publicKey)), kid })));
  return JSON.stringify({ keys });
}

export interface TokenSketch {
  readonly by?: string;
  readonly kid?: string | undefined;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Valid for ten minutes from the start of every fake clock; of issuer `issuer` and subject `alice` unless said otherwise. */
export function token({ by = 'rsa', claims = {}, ...given }: TokenSketch = {}): Promise<string> {
  const kid = 'kid' in given ? given.kid : by;
  return new SignJWT({ iss: 'issuer', sub: 'alice', exp: started + 600, ...claims })
    .setProtectedHeader({ alg: algorithmOf[by] ?? '', ...(kid !== undefined && { kid }) })
    .sign(pair(by).privateKey);
}

export function rule(given: Partial<JwtRule> & { readonly jwks?: string }): JwtRule {
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

export interface FilterSketch {
  readonly fetch?: FetchText;
  readonly clock?: Clock;
  /** Gets a line per failure to fetch. */
  readonly failures?: string[];
}

export function filter(
  rules: readonly JwtRule[],
  { fetch = mustNotFetch, clock = fakeClock(), failures = [] }: FilterSketch = {},
): JwtFilter {
  const ring = new KeyRing({ fetch, clock, failed: (url, why) => void failures.push(`${url}: ${why}`) });
  const authentication: RequestAuthentication = { namespace: 'ns', name: 'jwt', createdAt: 0, targets: [], rules };
  return new JwtFilter([authentication], ring, clock);
}

export function request(given: Partial<TokenRequest> & { readonly bearer?: string } = {}): TokenRequest {
  const { bearer, ...rest } = given;
  const headers = bearer === undefined ? [] : [['authorization', `Bearer ${bearer}`] as const];
  return { method: 'GET', scheme: 'http', host: 'app', path: '/x?y=1', headers, ...rest };
}

/** `accepted <subject>` or status and body. */
export function line(outcome: JwtOutcome): string {
  return outcome.accepted ? `accepted ${outcome.claims?.sub ?? '-'}` : `${outcome.status} ${outcome.body}`;
}
