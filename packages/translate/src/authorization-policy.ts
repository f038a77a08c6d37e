// An AuthorizationPolicy as node tunnels enforce it, what its status says, and what of it nobody enforces. Pure (facts: control-plane §4.1, §4.2, §4.6).
// Rules one by one are policy-match.ts; policies for waypoints get no more here than their condition (policy-targets.ts).
import type { Policy } from '@ambient-mesh/model/policy';
import type { AuthorizationPolicy } from './kinds/authorization-policy.ts';
import type { Condition, Labels } from './kinds/meta.ts';
import { isEmpty, readRule } from './policy-match.ts';
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
  const l7 = [...new Set(readings.flatMap((reading) => reading.l7))].sort(byText);
  const unreadable = readings.flatMap((reading) => reading.unreadable).sort(byText);
  const shortened = readings.filter((reading) => reading.l7.length > 0);
  if (l7.length > 0) {
    const effective = shortened.some(({ rule }) => rule?.every((clause) => clause.some((match) => !isEmpty(match))));
    const message = `ztunnel does not support HTTP attributes (${l7.join(', ')}). ${ending(action, effective)}${alsoUnreadable(unreadable)}`;
    const unenforced = { reason: 'L7Attributes', attributes: l7, message } as const;
    return { ...sent, condition: accepted(ap, 'True', 'UnsupportedValue', message), unenforced };
  }
  if (unreadable.length > 0) {
    const message = `Values that cannot be read: ${unreadable.join(', ')}. ${action === 'ALLOW' ? 'What depends on them is not allowed' : 'What they would have narrowed is denied'}`;
    const unenforced = { reason: 'UnreadableValue', attributes: unreadable, message } as const;
    return { ...sent, condition: accepted(ap, 'True', 'UnsupportedValue', message), unenforced };
  }
  return { ...sent, condition: accepted(ap, 'True', 'Accepted', 'attached to ztunnel') };
}

function ending(action: 'ALLOW' | 'DENY', effective: boolean): string {
  if (action === 'ALLOW') return 'Rules that use them are left out, so the policy allows less than written';
  if (effective) return 'They are left out of the rules, so the policy denies more than written';
  return 'Without them the rules match nothing, so the policy has no effect; attach it to a waypoint with targetRefs';
}

const alsoUnreadable = (values: readonly string[]): string =>
  values.length > 0 ? `. Values that cannot be read: ${values.join(', ')}` : '';

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

const isTrue = (text: string | undefined): boolean => ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text ?? '');
