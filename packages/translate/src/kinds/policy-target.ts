// What policies for waypoints have in common: the objects that they are attached to, and the condition that says whether that succeeded.
// Read by the kinds of policies beside it.
import type { Condition, Meta } from './meta.ts';
import { conditions, isRaw, items, type Raw, raw, text } from './read.ts';

export interface PolicyTarget {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  /** Empty: the policy's own. */
  readonly namespace: string;
}

/** Any policy that waypoints enforce. */
export interface Attachable {
  readonly meta: Meta;
  readonly targets: readonly PolicyTarget[];
}

export interface WaypointPolicy extends Attachable {
  /** It has a selector: it is for sidecars, and none of a waypoint's affairs. */
  readonly selects: boolean;
  readonly conditions: readonly Condition[];
}

export function policyTargets(spec: Raw): readonly PolicyTarget[] {
  const written = [...items(spec.targetRefs), ...(isRaw(spec.targetRef) ? [spec.targetRef] : [])];
  return written.map((each) => {
    const { group, kind, name, namespace } = raw(each);
    return { group: text(group), kind: text(kind), name: text(name), namespace: text(namespace) };
  });
}

export const waypointPolicyOf = (meta: Meta, spec: Raw, status: unknown): WaypointPolicy => ({
  meta,
  targets: policyTargets(spec),
  selects: isRaw(spec.selector),
  conditions: conditions(status, ['WaypointAccepted']),
});
