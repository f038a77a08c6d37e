// Checks the tokens of a request against the RequestAuthentications of its chain (facts: control-plane §6.3).
// Used per request before authorization, which reads the claims. A request without a token passes: to demand one is authorization's.
// Where tokens are is the model's token-places.ts, keys are in jwks.ts.
import { type Claims, claimAt, splitClaims, textsOf } from '@ambient-mesh/model/l7/claims';
import type { JwtRule, RequestAuthentication } from '@ambient-mesh/model/l7/policy';
import type { HeaderEdit } from '@ambient-mesh/model/l7/route';
import { type FoundToken, placesOf, type TokenRequest, tokensIn, withoutParameters } from '@ambient-mesh/model/l7/token-places';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { HeaderList } from '@ambient-mesh/wire/http/message';
import { decodeProtectedHeader, type ProtectedHeaderParameters } from 'jose';
import type { KeyRing, KeySource } from './jwks.ts';
import type { KeySet } from './keys.ts';

export type JwtOutcome =
  | {
      readonly accepted: true;
      /** Of the token that was accepted; absent without a token. */
      readonly claims?: Claims;
      /** To be made before the request goes on; also removes what a client may not say itself. */
      readonly edit: HeaderEdit;
      /** Differs from the request's when a token is taken out of the query. */
      readonly path: string;
    }
  | {
      readonly accepted: false;
      /** 403: the token is good, but for others. */
      readonly status: 401 | 403;
      readonly headers: HeaderList;
      readonly body: string;
      /** For the access log. */
      readonly details: string;
    };

/** Texts of Envoy, which clients and dashboards match on. */
const texts = {
  form: 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections',
  header: 'Jwt header is an invalid JSON',
  payload: 'Jwt payload is an invalid JSON',
  algorithm: 'Jwt header [alg] is not supported',
  issuer: 'Jwt issuer is not configured',
  audience: 'Audiences in Jwt are not allowed',
  early: 'Jwt not yet valid',
  expired: 'Jwt is expired',
  keys: 'Jwks remote fetch is failed',
  noKey: "Jwks doesn't have key to match kid or alg from Jwt",
  signature: 'Jwt verification fails',
} as const;
type Flaw = keyof typeof texts;

/** `payload`: base64url, as in the token. */
type Judged = { readonly claims: Claims; readonly payload: string } | { readonly flaw: Flaw };
interface Accepted {
  readonly claims: Claims;
  readonly payload: string;
  /** All of them say the same or were found good, too. */
  readonly found: readonly FoundToken[];
}

/** By how much clocks may differ. Milliseconds. */
const skew = 60_000;
const defaultTimeout = 5_000;
/** Per rule and request; with more the request is refused. */
const mostTokens = 4;
const longestToken = 16 << 10;
/** Accepted tokens remembered per rule, so that a client's next request costs no signature. */
const mostRemembered = 1_000;
const longestRemembered = 4 << 10;
const longestRealm = 256;

export class JwtFilter {
  readonly #rules: readonly CompiledJwt[];
  /** Headers that only this filter may set. */
  readonly #outputs: readonly string[];

  /** `authentications`: all that apply to the chain; of rules that accept a token the first by issuer counts. */
  constructor(authentications: readonly RequestAuthentication[], keys: KeyRing, clock: Clock) {
    const rules = authentications.flatMap((each) => each.rules);
    const sorted = rules.toSorted((a, b) => (a.issuer < b.issuer ? -1 : Number(a.issuer > b.issuer)));
    this.#rules = sorted.map((rule) => new CompiledJwt(rule, keys, clock));
    this.#outputs = [...new Set(this.#rules.flatMap((rule) => rule.outputs))];
  }

  /** Some rule must accept the tokens in its places, or there must be none in any place. */
  async check(request: TokenRequest): Promise<JwtOutcome> {
    let flaw: Flaw | undefined;
    for (const rule of isPreflight(request) ? [] : this.#rules) {
      const found = tokensIn(request, rule.places);
      if (found.length === 0) continue;
      const judged = await rule.judge(found);
      if ('claims' in judged) return accepted(request, rule, judged, this.#outputs);
      if (flaw === undefined || judged.flaw !== 'issuer') flaw = judged.flaw;
    }
    if (flaw !== undefined) return refused(request, flaw);
    return { accepted: true, edit: { set: [], add: [], remove: this.#outputs }, path: request.path };
  }
}

class CompiledJwt {
  readonly rule: JwtRule;
  readonly places: ReturnType<typeof placesOf>;
  /** Lower case. */
  readonly outputs: readonly string[];
  readonly #clock: Clock;
  readonly #source: KeySource;
  readonly #audiences: ReadonlySet<string>;
  readonly #remembered = new Map<string, Good>();

  constructor(rule: JwtRule, ring: KeyRing, clock: Clock) {
    this.rule = rule;
    this.places = placesOf(rule);
    const headers = rule.outputClaimToHeaders.map(({ header }) => header);
    this.outputs = [...headers, ...(rule.outputPayloadToHeader === undefined ? [] : [rule.outputPayloadToHeader])].map((name) =>
      name.toLowerCase(),
    );
    this.#clock = clock;
    const timeout = ms(rule.timeout ?? defaultTimeout);
    if (rule.jwks !== undefined) this.#source = ring.inline(rule.jwks);
    else this.#source = ring.remote(rule.jwksUri ?? rule.issuer, rule.jwksUri === undefined, timeout);
    this.#audiences = new Set(rule.audiences.map(bareAudience));
  }

  /** All must be good: else one that others read could come along with one that we read. The first one's claims count. */
  async judge(found: readonly FoundToken[]): Promise<Accepted | { readonly flaw: Flaw }> {
    if (found.length > mostTokens) return { flaw: 'signature' };
    let first: Omit<Accepted, 'found'> | undefined;
    for (const token of new Set(found.map((each) => each.token))) {
      const judged = await this.#judgeOne(token);
      if ('flaw' in judged) return judged;
      first ??= judged;
    }
    return first === undefined ? { flaw: 'form' } : { ...first, found };
  }

  async #judgeOne(token: string): Promise<Judged> {
    const read = token.length > longestToken ? ({ flaw: 'form' } as const) : readToken(token);
    if ('flaw' in read) return read;
    if (read.claims.iss !== this.rule.issuer) return { flaw: 'issuer' };
    const flaw = this.#untimely(read.claims);
    if (flaw !== undefined) return { flaw };
    const allowed = this.#audiences.size === 0 || textsOf(read.claims.aud).some((each) => this.#audiences.has(bareAudience(each)));
    if (!allowed) return { flaw: 'audience' };

    const keys = await this.#source.keys();
    if (keys === undefined) return { flaw: 'keys' };
    const known = this.#remembered.get(token);
    if (known?.keys === keys) return known;
    const bad = await this.#unsigned(token, read.header, keys);
    if (bad !== undefined) return { flaw: bad };
    const good: Good = { claims: splitClaims(read.claims, this.rule.spaceDelimitedClaims), payload: token.split('.')[1] ?? '', keys };
    this.#remember(token, good);
    return good;
  }

  #untimely({ exp, nbf }: Claims): Flaw | undefined {
    const now = this.#clock.now();
    if (exp !== undefined && !(typeof exp === 'number' && now < exp * 1_000 + skew)) return 'expired';
    if (nbf !== undefined && !(typeof nbf === 'number' && now >= nbf * 1_000 - skew)) return 'early';
    return undefined;
  }

  async #unsigned(token: string, header: ProtectedHeaderParameters, keys: KeySet): Promise<Flaw | undefined> {
    let verified = await keys.verify(token, header);
    if ('failed' in verified && verified.failed === 'no matching key') {
      const newer = await this.#source.newerThan(keys);
      if (newer !== undefined) verified = await newer.verify(token, header);
    }
    return 'failed' in verified ? flawOf[verified.failed] : undefined;
  }

  #remember(token: string, good: Good): void {
    if (token.length > longestRemembered) return;
    this.#remembered.delete(token);
    this.#remembered.set(token, good);
    if (this.#remembered.size <= mostRemembered) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }
}

interface Good {
  readonly claims: Claims;
  /** base64url. */
  readonly payload: string;
  /** With which it was found good; others may think otherwise. */
  readonly keys: KeySet;
}

const flawOf = { 'no matching key': 'noKey', 'bad signature': 'signature', 'bad algorithm': 'algorithm' } as const;

type Read = { readonly header: ProtectedHeaderParameters; readonly claims: Claims };

/** Believes nothing yet. */
function readToken(token: string): Read | { readonly flaw: Flaw } {
  const parts = token.split('.');
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return { flaw: 'form' };
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString());
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return { flaw: 'payload' };
    return { header: decodeProtectedHeader(token), claims: { ...claims } };
  } catch (e) {
    return { flaw: e instanceof SyntaxError ? 'payload' : 'header' };
  }
}

/** As Envoy compares them: `https://x/` is `x`. */
const bareAudience = (audience: string): string => audience.replace(/^https?:\/\//, '').replace(/\/$/, '');

/** Browsers send no credentials with it (Fetch §4.8). */
const isPreflight = ({ method, headers }: TokenRequest): boolean =>
  method === 'OPTIONS' && headers.some(([name]) => name === 'origin') && headers.some(([name]) => name === 'access-control-request-method');

function accepted(
  request: TokenRequest,
  { rule }: CompiledJwt,
  { claims, payload, found }: Accepted,
  outputs: readonly string[],
): JwtOutcome {
  const taken = rule.forwardOriginalToken ? [] : found;
  const set: [string, string][] = [];
  if (rule.outputPayloadToHeader !== undefined) set.push([rule.outputPayloadToHeader.toLowerCase(), payload]);
  for (const { header, claim } of rule.outputClaimToHeaders) {
    const text = headerText(Object.hasOwn(claims, claim) ? claims[claim] : claimAt(claims, claim.split('.')));
    if (text !== undefined) set.push([header.toLowerCase(), text]);
  }
  const carriers = taken.flatMap(({ header }) => (header === undefined ? [] : [header]));
  const remove = [...new Set([...outputs, ...carriers])].filter((name) => !set.some(([kept]) => kept === name));
  const path = withoutParameters(
    request.path,
    taken.flatMap(({ parameter }) => (parameter === undefined ? [] : [parameter])),
  );
  return { accepted: true, claims, edit: { set, add: [], remove }, path };
}

/** Undefined: it cannot be said in a header. Structures go as JSON in base64url. */
function headerText(claim: unknown): string | undefined {
  if (typeof claim === 'number' || typeof claim === 'boolean') return String(claim);
  if (typeof claim === 'object' && claim !== null) return Buffer.from(JSON.stringify(claim)).toString('base64url');
  return typeof claim === 'string' && /^[\x20-\x7e]*$/.test(claim) ? claim : undefined;
}

function refused({ scheme, host, path }: TokenRequest, flaw: Flaw): JwtOutcome {
  const realm = `${scheme}://${host}${path.split('?')[0]}`.replace(/[^\x21-\x7e]|["\\]/g, '').slice(0, longestRealm);
  const text = texts[flaw];
  return {
    accepted: false,
    status: flaw === 'audience' ? 403 : 401,
    headers: [['www-authenticate', `Bearer realm="${realm}", error="invalid_token"`]],
    body: text,
    details: `jwt_authn_access_denied{${text.replaceAll(' ', '_')}}`,
  };
}
