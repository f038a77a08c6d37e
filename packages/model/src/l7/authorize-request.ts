// Decides whether a request, or a connection that is not HTTP, may pass a waypoint: DENY first, then ALLOW if there are any policies of that kind.
// Compiled when the policies of a chain change, asked once per request. What a rule matches is in request-match.ts; CUSTOM policies are asked
// apart and earlier (`providersFor`), since the services behind them decide. Pure (facts: control-plane §6.4).
import type { RequestPolicy } from './policy.ts';
import type { RequestFacts } from './request-facts.ts';
import { compileRule, type RequestTest, type Sees } from './request-match.ts';

/** Body of the 403. */
export const deniedText = 'RBAC: access denied';

interface CompiledRule {
  /** `ns[<ns>]-policy[<name>]-rule[<i>]`. */
  readonly id: string;
  readonly holds: RequestTest;
}

interface CompiledAction {
  /** Policies there are; one without rules counts, though it never matches. */
  readonly policies: number;
  readonly rules: readonly CompiledRule[];
}

export interface RequestPolicies {
  readonly custom: readonly { readonly provider: string; readonly dryRun: boolean; readonly rules: readonly CompiledRule[] }[];
  readonly deny: CompiledAction;
  readonly allow: CompiledAction;
  readonly audit: CompiledAction;
  readonly shadowDeny: CompiledAction;
  readonly shadowAllow: CompiledAction;
}

/** What a dry-run policy would have done; goes to the log, changes nothing. */
export interface ShadowNote {
  readonly action: 'ALLOW' | 'DENY';
  readonly allow: boolean;
  /** Absent: no ALLOW rule matched. */
  readonly rule?: string;
}

export type RequestVerdict = {
  /** The rule that decided; absent without ALLOW policies, and when none of them matched. */
  readonly rule?: string;
  /** An AUDIT policy asks for this request to be marked in the log. */
  readonly audit: boolean;
  readonly shadow: readonly ShadowNote[];
} & (
  | { readonly allow: true }
  /** `details`: for the access log. */
  | { readonly allow: false; readonly details: string }
);

export interface ChainKind {
  /** False: TCP. What only HTTP has is then left out of rules to deny, and makes rules to allow hold for nobody. */
  readonly http: boolean;
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
}

/** `policies`: those that apply to the chain (attachment.ts), in order. */
export function compileRequestPolicies(policies: readonly RequestPolicy[], chain: ChainKind): RequestPolicies {
  const only = (action: RequestPolicy['action'], dryRun: boolean): CompiledAction => {
    const chosen = policies.filter((policy) => policy.action === action && policy.dryRun === dryRun);
    return { policies: chosen.length, rules: chosen.flatMap((policy) => rulesOf(policy, chain)) };
  };
  return {
    custom: policies
      .filter(({ action }) => action === 'CUSTOM')
      .map((policy) => ({ provider: policy.provider ?? '', dryRun: policy.dryRun, rules: rulesOf(policy, chain) })),
    deny: only('DENY', false),
    allow: only('ALLOW', false),
    audit: only('AUDIT', false),
    shadowDeny: only('DENY', true),
    shadowAllow: only('ALLOW', true),
  };
}

/** In doubt less is allowed, more is denied and more is asked about; nothing is marked. */
function rulesOf({ namespace, name, action, rules }: RequestPolicy, { http, trustDomains }: ChainKind): CompiledRule[] {
  const asked: Sees = action === 'CUSTOM' ? 'request' : 'token';
  const reader = { namespace, sees: http ? asked : 'connection', lean: action === 'DENY' || action === 'CUSTOM', trustDomains } as const;
  return rules.map((rule, at) => ({ id: `ns[${namespace}]-policy[${name}]-rule[${at}]`, holds: compileRule(rule, reader) }));
}

export interface ProviderToAsk {
  readonly provider: string;
  /** `istio-ext-authz-<provider>-ns[<ns>]-policy[<name>]-rule[<i>]`. */
  readonly rule: string;
  /** Ask nobody; note that one would have been asked. */
  readonly dryRun: boolean;
}

/** Whose consent the request needs, each provider once. Asked before tokens are checked: rules about tokens are taken to hold. */
export function providersFor({ custom }: RequestPolicies, facts: RequestFacts): readonly ProviderToAsk[] {
  if (custom.length === 0) return none;
  const asked = new Map<string, ProviderToAsk>();
  for (const { provider, dryRun, rules } of custom) {
    const key = `${dryRun} ${provider}`;
    const rule = asked.has(key) ? undefined : firstMatch(rules, facts);
    if (rule !== undefined) asked.set(key, { provider, rule: `istio-ext-authz-${provider}-${rule}`, dryRun });
  }
  return [...asked.values()];
}

const none: readonly never[] = [];
const freely: RequestVerdict = { allow: true, audit: false, shadow: none };

export function authorizeRequest(policies: RequestPolicies, facts: RequestFacts): RequestVerdict {
  const { deny, allow, audit, shadowDeny, shadowAllow } = policies;
  if (deny.policies + allow.policies + audit.policies + shadowDeny.policies + shadowAllow.policies === 0) return freely;
  const notes = { audit: firstMatch(audit.rules, facts) !== undefined, shadow: shadows(policies, facts) };
  const denied = firstMatch(deny.rules, facts);
  if (denied !== undefined) return { allow: false, rule: denied, details: details(denied), ...notes };
  if (allow.policies === 0) return { allow: true, ...notes };
  const allowed = firstMatch(allow.rules, facts);
  return allowed === undefined ? { allow: false, details: details('none'), ...notes } : { allow: true, rule: allowed, ...notes };
}

function shadows({ shadowDeny, shadowAllow }: RequestPolicies, facts: RequestFacts): readonly ShadowNote[] {
  if (shadowDeny.policies + shadowAllow.policies === 0) return none;
  const notes: ShadowNote[] = [];
  const denied = firstMatch(shadowDeny.rules, facts);
  if (denied !== undefined) notes.push({ action: 'DENY', allow: false, rule: denied });
  if (shadowAllow.policies === 0) return notes;
  const allowed = firstMatch(shadowAllow.rules, facts);
  notes.push(allowed === undefined ? { action: 'ALLOW', allow: false } : { action: 'ALLOW', allow: true, rule: allowed });
  return notes;
}

const details = (rule: string): string => `rbac_access_denied_matched_policy[${rule}]`;

function firstMatch(rules: readonly CompiledRule[], facts: RequestFacts): string | undefined {
  for (const { id, holds } of rules) if (holds(facts)) return id;
  return undefined;
}
