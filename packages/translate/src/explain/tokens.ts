// What a waypoint says of the tokens of a request, as far as that can be said without their issuers' keys: signatures are taken to be good. Pure.
// Used by through-waypoint.ts; follows the waypoint's own check (facts: control-plane §6.3).
import { type Claims, claimAt, splitClaims, textsOf } from '@ambient-mesh/model/l7/claims';
import type { JwtRule, RequestAuthentication } from '@ambient-mesh/model/l7/policy';
import { type FoundToken, placesOf, tokensIn, withoutParameters } from '@ambient-mesh/model/l7/token-places';
import type { AskedRequest } from './explanation.ts';

export type Judgement = { /** For a step; absent: there is nothing to say. */ readonly says?: string } & (
  | {
      /** As it goes on: without the token unless that is to be forwarded. */
      readonly accepted: AskedRequest;
      readonly claims?: Claims;
    }
  | { readonly status: 401 | 403; readonly by: string }
);

type Flaw = 'issuer' | 'audience' | 'expired' | 'early' | 'form';

const texts: Readonly<Record<Flaw, string>> = {
  issuer: 'its issuer is not configured',
  audience: 'it is for other audiences',
  expired: 'it is expired',
  early: 'it is not valid yet',
  form: 'it is no JWT',
};

/** By how much clocks may differ. Milliseconds. */
const skew = 60_000;

export function judgeTokens(authentications: readonly RequestAuthentication[], request: AskedRequest, now: number | undefined): Judgement {
  const rules = authentications
    .flatMap((each) => each.rules.map((rule) => ({ rule, by: `RequestAuthentication ${each.namespace}/${each.name}` })))
    .toSorted((a, b) => (a.rule.issuer < b.rule.issuer ? -1 : Number(a.rule.issuer > b.rule.issuer)));
  if (rules.length === 0) return { accepted: request };
  const outputs = rules.flatMap(({ rule }) => outputsOf(rule));
  let flaw: { readonly is: Flaw; readonly by: string } | undefined;
  for (const { rule, by } of isPreflight(request) ? [] : rules) {
    const found = tokensIn({ ...request, scheme: 'http' }, placesOf(rule));
    if (found.length === 0) continue;
    const judged = judge(rule, found, now);
    if ('claims' in judged) {
      const says = `the token of ${rule.issuer} is accepted by ${by}, if it is signed well`;
      return { says, accepted: stripped(request, { rule, found, outputs, claims: judged.claims }), claims: judged.claims };
    }
    if (flaw === undefined || judged.flaw !== 'issuer') flaw = { is: judged.flaw, by };
  }
  if (flaw === undefined) return { accepted: { ...request, headers: request.headers.filter(([name]) => !outputs.includes(name)) } };
  const status = flaw.is === 'audience' ? 403 : 401;
  return { says: `${status}: the token is refused by ${flaw.by}: ${texts[flaw.is]}`, status, by: flaw.by };
}

const outputsOf = ({ outputClaimToHeaders, outputPayloadToHeader }: JwtRule): readonly string[] =>
  [...outputClaimToHeaders.map(({ header }) => header), ...(outputPayloadToHeader === undefined ? [] : [outputPayloadToHeader])].map(
    (name) => name.toLowerCase(),
  );

/** All must be good; the first one's claims count. */
function judge(
  rule: JwtRule,
  found: readonly FoundToken[],
  now: number | undefined,
): { readonly claims: Claims } | { readonly flaw: Flaw } {
  let first: Claims | undefined;
  for (const { token } of found) {
    const claims = claimsOf(token);
    if (claims === undefined) return { flaw: 'form' };
    const flaw = flawOf(rule, claims, now);
    if (flaw !== undefined) return { flaw };
    first ??= splitClaims(claims, rule.spaceDelimitedClaims);
  }
  return first === undefined ? { flaw: 'form' } : { claims: first };
}

function flawOf(rule: JwtRule, claims: Claims, now: number | undefined): Flaw | undefined {
  if (claims.iss !== rule.issuer) return 'issuer';
  const { exp, nbf } = claims;
  if (now !== undefined && exp !== undefined && !(typeof exp === 'number' && now < exp * 1_000 + skew)) return 'expired';
  if (now !== undefined && nbf !== undefined && !(typeof nbf === 'number' && now >= nbf * 1_000 - skew)) return 'early';
  const wanted = new Set(rule.audiences.map(bareAudience));
  return wanted.size === 0 || textsOf(claims.aud).some((each) => wanted.has(bareAudience(each))) ? undefined : 'audience';
}

const bareAudience = (audience: string): string => audience.replace(/^https?:\/\//, '').replace(/\/$/, '');

/** Undefined: it is no token that anybody could read. */
export function claimsOf(token: string): Claims | undefined {
  const parts = token.split('.');
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return undefined;
  try {
    const octets = Uint8Array.fromBase64(parts[1] ?? '', { alphabet: 'base64url' });
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? { ...claims } : undefined;
  } catch {
    return undefined;
  }
}

interface Accepted {
  readonly rule: JwtRule;
  readonly found: readonly FoundToken[];
  readonly outputs: readonly string[];
  readonly claims: Claims;
}

function stripped(request: AskedRequest, { rule, found, outputs, claims }: Accepted): AskedRequest {
  const taken = rule.forwardOriginalToken ? [] : found;
  const gone = new Set([...outputs, ...taken.flatMap(({ header }) => header ?? [])]);
  const told = rule.outputClaimToHeaders.flatMap(({ header, claim }) => {
    const value = Object.hasOwn(claims, claim) ? claims[claim] : claimAt(claims, claim.split('.'));
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? [[header.toLowerCase(), String(value)] as const]
      : [];
  });
  const path = withoutParameters(
    request.path,
    taken.flatMap(({ parameter }) => parameter ?? []),
  );
  return { ...request, path, headers: [...request.headers.filter(([name]) => !gone.has(name)), ...told] };
}

/** Browsers send no credentials with it (Fetch §4.8). */
const isPreflight = ({ method, headers }: AskedRequest): boolean =>
  method === 'OPTIONS' && headers.some(([name]) => name === 'origin') && headers.some(([name]) => name === 'access-control-request-method');
