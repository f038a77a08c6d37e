// An AuthorizationPolicy as node tunnels enforce it, what its status says, and what of it nobody enforces. Pure (facts: control-plane §4.1, §4.2, §4.6).
// Rules one by one are policy-match.ts; policies for waypoints get no more here than their condition (policy-targets.ts).
import type { Policy } from '@ambient-mesh/model/policy';
import type { AuthorizationPolicy } from './kinds/authorization-policy.ts';
import type { Condition, Labels } from './kinds/meta.ts';
import { isEmpty, type RuleReading, readRule } from './policy-match.ts';
import { inRevision } from './revision.ts';
import type { TranslateSettings } from './settings.ts';
import { byText } from './text-order.ts';

/** A part of a policy that is enforced nowhere, or otherwise than written. */
export interface Unenforced {
  readonly reason: 'L7Attributes' | 'UnsupportedAction' | 'DryRun' | 'UnreadableValue' | 'NoWaypoint';
  /** Sorted. */
  readonly attributes: readonly string[];
  /** One sentence for people. */
  readonly message: string;
}

export interface PolicyVerdict {
  /** What node tunnels are sent. */
  readonly policy?: Policy;
  /** Of a policy with a selector: which workloads list it. */
  readonly selector?: Labels;
  /** Absent for policies that are for waypoints, and for those of other revisions. */
  readonly condition?: Condition;
  readonly unenforced?: Unenforced;
}

export function policyFrom(ap: AuthorizationPolicy, settings: TranslateSettings): PolicyVerdict {
  if (!inRevision(ap.meta, settings.revision) || ap.targets.length > 0) return {};
  const dryRun = isTrue(ap.meta.annotations['istio.io/dry-run']);
  if (dryRun && !settings.dryRun)
    return refused(ap, 'DryRun', 'ztunnel does not support dry runs unless AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY is true');
  const { action } = ap;
  if (action !== 'ALLOW' && action !== 'DENY') return refused(ap, 'UnsupportedAction', `ztunnel does not support the ${action} action`);
  const readings = ap.rules.map((rule) => readRule(rule, action, ap.meta.namespace));
  const policy: Policy = {
    key: `${ap.meta.namespace}/${ap.meta.name}`,
    name: ap.meta.name,
    namespace: ap.meta.namespace,
    scope: scopeOf(ap, settings.rootNamespace),
    action: action === 'DENY' ? 'Deny' : 'Allow',
    rules: readings.flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
    dryRun,
  };
  const sent = { policy, ...(ap.selector && { selector: ap.selector }) };
  const unenforced = leftOut(readings, action);
  if (unenforced === undefined) return { ...sent, condition: accepted(ap, 'True', 'Accepted', 'attached to ztunnel') };
  return { ...sent, condition: accepted(ap, 'True', 'UnsupportedValue', unenforced.message), unenforced };
}

/** What of the rules tunnels enforce otherwise than written; undefined: nothing. */
function leftOut(readings: readonly RuleReading[], action: 'ALLOW' | 'DENY'): Unenforced | undefined {
  const unseen = sorted(readings.flatMap((reading) => reading.unseen));
  const unreadable = sorted(readings.flatMap((reading) => reading.unreadable));
  const parts = [
    unseen.length > 0 && `ztunnel does not see these attributes: ${listed(unseen)}. ${withoutThem(readings, action)}`,
    unreadable.length > 0 && `Values that mean nothing: ${listed(unreadable)}. ${despiteThem[action]}`,
  ].filter((part) => part !== false);
  if (parts.length === 0) return undefined;
  const message = parts.join('. ');
  return unseen.length > 0
    ? { reason: 'L7Attributes', attributes: unseen, message }
    : { reason: 'UnreadableValue', attributes: unreadable, message };
}

function withoutThem(readings: readonly RuleReading[], action: 'ALLOW' | 'DENY'): string {
  if (action === 'ALLOW') return 'Rules that use them are left out, so the policy allows less than written';
  const rules = readings.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  if (rules.every((rule) => rule.some((clause) => clause.every(isEmpty))))
    return 'Without them its rules hold for nobody, so the policy has no effect; attach it to a waypoint with targetRefs';
  if (rules.some((rule) => rule.some((clause) => clause.some(isEmpty))))
    return 'What only they describe is not denied; attach the policy to a waypoint with targetRefs';
  return 'They are left out of the rules, so the policy denies more than written';
}

const despiteThem = {
  ALLOW: 'They allow nobody, so the policy allows less than written',
  DENY: 'They might mean anybody, so the policy denies more than written',
};

const sorted = (texts: readonly string[]): readonly string[] => [...new Set(texts)].sort(byText);

/** A message names this many at most, and so many characters of each. */
const mostListed = 10;
const longestListed = 100;

function listed(texts: readonly string[]): string {
  const more = texts.length - mostListed;
  return `${texts
    .slice(0, mostListed)
    .map((text) => text.slice(0, longestListed))
    .join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function scopeOf({ selector, meta }: AuthorizationPolicy, rootNamespace: string): Policy['scope'] {
  if (selector !== undefined) return 'WorkloadSelector';
  return meta.namespace === rootNamespace ? 'Global' : 'Namespace';
}

function refused(ap: AuthorizationPolicy, reason: 'DryRun' | 'UnsupportedAction', message: string): PolicyVerdict {
  const attributes = reason === 'DryRun' ? ['istio.io/dry-run'] : [ap.action];
  return { condition: accepted(ap, 'False', 'UnsupportedValue', message), unenforced: { reason, attributes, message } };
}

const accepted = (ap: AuthorizationPolicy, status: Condition['status'], reason: string, message: string): Condition => ({
  type: 'ZtunnelAccepted',
  status,
  reason,
  message,
  observedGeneration: ap.meta.generation,
});

export const isTrue = (text: string | undefined): boolean => ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text ?? '');
