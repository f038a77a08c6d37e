// An AuthorizationPolicy with targetRefs as waypoints enforce it (facts: control-plane §6.4). Pure.
// What node tunnels enforce is authorization-policy.ts; what a rule matches, compiled, is the model's.
import type { OperationMatch, RequestPolicy, RequestRule, SourceMatch } from '@ambient-mesh/model/l7/policy';
import { isTrue } from '../authorization-policy.ts';
import type { AuthorizationPolicy, PolicyRule } from '../kinds/authorization-policy.ts';
import type { TranslateSettings } from '../settings.ts';
import { attach, type PolicyLookUp, type TranslatedPolicy } from './policy-attachment.ts';

const actions = ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'] as const;

/** An action that nobody knows denies everybody: it was meant to restrict, and what it would have let through cannot be said. */
export function requestPolicy(
  object: AuthorizationPolicy,
  look: PolicyLookUp,
  settings: TranslateSettings,
): TranslatedPolicy<RequestPolicy> {
  return attach(object, look, settings, (heading, problems) => {
    const known = actions.find((each) => each === object.action);
    const dryRun = isTrue(object.meta.annotations['istio.io/dry-run']);
    if (known === undefined) {
      problems.push(`action ${object.action} is not known: everything is denied`);
      return { ...heading, action: 'DENY', dryRun, rules: [{ from: [], to: [], when: [] }] };
    }
    const granting = known === 'ALLOW' || known === 'AUDIT';
    const rules = object.rules.flatMap((rule, at) => {
      if (rule.unknown.length === 0) return requestRule(rule);
      const effect = granting ? 'the rule matches nothing' : 'the rule matches more than written';
      problems.push(`rules[${at}]: ${rule.unknown.join(', ')} cannot be read, so ${effect}`);
      // Half a condition would grant more than the user wrote; to deny more is the safe side.
      return granting ? [] : requestRule(rule);
    });
    return { ...heading, action: known, ...(known === 'CUSTOM' && { provider: object.provider }), dryRun, rules };
  });
}

/** Lists that are empty are left out: nothing was said of them. */
export const requestRule = ({ from, to, when }: PolicyRule): RequestRule => ({
  from: from.map((source): SourceMatch => filled(source)),
  to: to.map((operation): OperationMatch => filled(operation)),
  when,
});

const filled = (lists: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(Object.entries(lists).filter(([, values]) => values.length > 0));
