// RequestAuthentication as the mesh sees it: whose tokens are good, and where in a request they are.
import { type WaypointPolicy, waypointPolicyOf } from './policy-target.ts';
import { flag, items, metaOf, raw, said, text, texts } from './read.ts';

export interface WrittenJwtRule {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly jwksUri: string;
  readonly jwks: string;
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  readonly forwardOriginalToken: boolean;
  readonly outputPayloadToHeader: string;
  readonly outputClaimToHeaders: readonly { readonly header: string; readonly claim: string }[];
  readonly spaceDelimitedClaims: readonly string[];
  readonly timeout: string | undefined;
}

export interface RequestAuthentication extends WaypointPolicy {
  readonly rules: readonly WrittenJwtRule[];
}

export const requestAuthenticationKind = {
  group: 'security.istio.io',
  version: 'v1',
  plural: 'requestauthentications',
  kind: 'RequestAuthentication',
  namespaced: true,
  narrow(object: unknown): RequestAuthentication | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(object).status];
    return { ...waypointPolicyOf(meta, spec, status), rules: items(spec.jwtRules).map(ruleOf) };
  },
} as const;

function ruleOf(value: unknown): WrittenJwtRule {
  const rule = raw(value);
  return {
    issuer: text(rule.issuer),
    audiences: texts(rule.audiences),
    jwksUri: text(rule.jwksUri) || text(rule.jwks_uri),
    jwks: text(rule.jwks),
    fromHeaders: items(rule.fromHeaders).map((each) => ({ name: text(raw(each).name), prefix: text(raw(each).prefix) })),
    fromParams: texts(rule.fromParams),
    fromCookies: texts(rule.fromCookies),
    forwardOriginalToken: flag(rule.forwardOriginalToken),
    outputPayloadToHeader: text(rule.outputPayloadToHeader),
    outputClaimToHeaders: items(rule.outputClaimToHeaders).map((each) => ({
      header: text(raw(each).header),
      claim: text(raw(each).claim),
    })),
    spaceDelimitedClaims: texts(rule.spaceDelimitedClaims),
    timeout: said(rule.timeout),
  };
}
