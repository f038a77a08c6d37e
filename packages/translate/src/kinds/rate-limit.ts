// RateLimit, a kind of our own: how many requests a waypoint lets through in a time.
// Which requests a limit counts is written as in an AuthorizationPolicy.
import { type PolicyRule, ruleOf } from './authorization-policy.ts';
import { type WaypointPolicy, waypointPolicyOf } from './policy-target.ts';
import { count, items, metaOf, raw, said, text, texts } from './read.ts';

/** `undefined`: not written, or not a whole number. */
export interface WrittenLimit {
  readonly counts: PolicyRule;
  readonly per: readonly string[];
  readonly requests: number | undefined;
  readonly every: string | undefined;
  readonly burst: number | undefined;
  /** `Local` when the object says nothing. */
  readonly scope: string;
  readonly provider: string;
  /** Default true. */
  readonly failOpen: boolean;
}

export interface RateLimit extends WaypointPolicy {
  readonly limits: readonly WrittenLimit[];
}

export const rateLimitKind = {
  group: 'ambient-mesh.dev',
  version: 'v1alpha1',
  plural: 'ratelimits',
  kind: 'RateLimit',
  namespaced: true,
  narrow(object: unknown): RateLimit | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const [spec, status] = [raw(raw(object).spec), raw(object).status];
    return { ...waypointPolicyOf(meta, spec, status), limits: items(spec.limits).map(limitOf) };
  },
} as const;

function limitOf(value: unknown): WrittenLimit {
  const { from, to, when, per, requests, every, burst, scope, provider, failOpen } = raw(value);
  return {
    counts: ruleOf({ from, to, when }),
    per: texts(per),
    requests: count(requests),
    every: said(every),
    burst: count(burst),
    scope: text(scope) || 'Local',
    provider: text(raw(provider).name),
    failOpen: failOpen !== false,
  };
}
