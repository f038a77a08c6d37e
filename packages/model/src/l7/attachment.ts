// Which policies apply to a chain of a waypoint: those for the class, then for the waypoint, then for the service. Pure.
// The same for every kind of policy with targets (facts: control-plane §4.1, §6.4).
import type { Target } from './policy.ts';

export interface Chain {
  /** `namespace/name` of the Gateway. */
  readonly waypoint: string;
  readonly waypointClass: string;
  /** `namespace/hostname`; absent for traffic to a workload's own address, which policies for services do not touch. */
  readonly service?: string;
}

interface Attachable {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
  readonly targets: readonly Target[];
}

/** Oldest first within each level, so that the order does not depend on arrival. Class targets count in the root namespace only. */
export function attachedTo<P extends Attachable>(policies: Iterable<P>, chain: Chain, rootNamespace: string): readonly P[] {
  const found: { readonly level: number; readonly policy: P }[] = [];
  for (const policy of policies) {
    const levels = policy.targets.map((target) => levelOf(target, policy.namespace === rootNamespace, chain));
    const level = Math.min(...levels);
    if (level !== Number.POSITIVE_INFINITY) found.push({ level, policy });
  }
  return found.sort((a, b) => a.level - b.level || byAge(a.policy, b.policy)).map(({ policy }) => policy);
}

function levelOf(target: Target, inRoot: boolean, chain: Chain): number {
  if ('waypointClass' in target) return inRoot && target.waypointClass === chain.waypointClass ? 0 : Number.POSITIVE_INFINITY;
  if ('waypoint' in target) return target.waypoint === chain.waypoint ? 1 : Number.POSITIVE_INFINITY;
  return target.service === chain.service ? 2 : Number.POSITIVE_INFINITY;
}

function byAge(a: Attachable, b: Attachable): number {
  const order = `${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1;
  return a.createdAt - b.createdAt || order;
}
