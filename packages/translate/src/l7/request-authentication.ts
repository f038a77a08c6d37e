// A RequestAuthentication with targetRefs as waypoints check tokens by it (facts: control-plane §6.3). Pure.
import type { JwtRule, RequestAuthentication } from '@ambient-mesh/model/l7/policy';
import type { RequestAuthentication as Written, WrittenJwtRule } from '../kinds/request-authentication.ts';
import type { TranslateSettings } from '../settings.ts';
import { byText } from '../text-order.ts';
import { durationOf } from './duration.ts';
import { attach, type PolicyLookUp, type TranslatedPolicy } from './policy-attachment.ts';

/** Rules in the order of their issuers. */
export function requestAuthentication(
  object: Written,
  look: PolicyLookUp,
  settings: TranslateSettings,
): TranslatedPolicy<RequestAuthentication> {
  return attach(object, look, settings, (heading, problems) => {
    const rules = object.rules.flatMap((rule, at) => jwtRule(rule, (problem) => problems.push(`jwtRules[${at}]: ${problem}`)) ?? []);
    if (rules.length === 0 && object.rules.length > 0) return undefined;
    return { ...heading, rules: rules.sort((a, b) => byText(a.issuer, b.issuer)) };
  });
}

/** Undefined: no token could ever be good by it. */
function jwtRule(rule: WrittenJwtRule, problem: (text: string) => void): JwtRule | undefined {
  if (rule.issuer === '') {
    problem('names no issuer');
    return undefined;
  }
  const { jwks, jwksUri, timeout: limit, outputPayloadToHeader, ...same } = rule;
  if (jwks !== '' && jwksUri !== '') problem('jwksUri is not used beside jwks');
  const timeout = durationOf(limit);
  if (limit !== undefined && timeout === undefined) problem('timeout is no duration');
  return {
    ...same,
    fromHeaders: rule.fromHeaders.filter(({ name }) => name !== '').map(({ name, prefix }) => ({ name: name.toLowerCase(), prefix })),
    outputClaimToHeaders: rule.outputClaimToHeaders.filter(({ header, claim }) => header !== '' && claim !== ''),
    ...(jwks !== '' && { jwks }),
    ...(jwks === '' && jwksUri !== '' && { jwksUri }),
    ...(outputPayloadToHeader !== '' && { outputPayloadToHeader }),
    ...(timeout !== undefined && { timeout }),
  };
}
