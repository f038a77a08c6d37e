// What the status of a policy for waypoints says: whether its targets exist and have one. Pure (facts: control-plane §4.6).
// Whoever calls looks the targets up, which is also how it learns what the answer depends on.
import type { Unenforced } from './authorization-policy.ts';
import type { Condition } from './kinds/meta.ts';
import type { Attachable, PolicyTarget } from './kinds/policy-target.ts';
import { inRevision } from './revision.ts';
import type { TranslateSettings } from './settings.ts';

export interface TargetLookUp {
  /** The waypoint that it is bound to, as `namespace/name`; `''` for none; undefined when there is no such service. */
  readonly service: (namespace: string, name: string) => string | undefined;
  readonly serviceEntry: (namespace: string, name: string) => string | undefined;
  /** Whether there is a waypoint of this name. */
  readonly gateway: (namespace: string, name: string) => boolean;
  /** Its controller; undefined when there is no such class. */
  readonly gatewayClass: (name: string) => string | undefined;
}

export interface TargetVerdict {
  readonly condition: Condition;
  /** Present when nothing enforces the policy. */
  readonly unenforced?: Unenforced;
}

const waypointController = 'istio.io/mesh-controller';

interface Finding {
  readonly reason: 'Accepted' | 'AncestorNotBound' | 'TargetNotFound' | 'Invalid';
  readonly message: string;
}

/** Undefined for policies without targets, and for those of other revisions. */
export function targetVerdict(policy: Attachable, look: TargetLookUp, settings: TranslateSettings): TargetVerdict | undefined {
  if (policy.targets.length === 0 || !inRevision(policy.meta, settings.revision)) return undefined;
  const findings = policy.targets.map((target) => judge(target, policy.meta.namespace, look, settings));
  const bad = policy.targets.filter((_, at) => findings[at]?.reason !== 'Accepted').map((target) => nameOf(target, policy.meta.namespace));
  const [only, ...others] = findings;
  const { reason, message } = only !== undefined && others.length === 0 ? only : together(findings.length, bad);
  const enforced = bad.length < findings.length;
  const condition: Condition = {
    type: 'WaypointAccepted',
    status: enforced ? 'True' : 'False',
    reason,
    message,
    observedGeneration: policy.meta.generation,
  };
  return enforced ? { condition } : { condition, unenforced: { reason: 'NoWaypoint', attributes: bad, message } };
}

function judge(target: PolicyTarget, own: string, look: TargetLookUp, settings: TranslateSettings): Finding {
  const namespace = target.namespace || own;
  const name = `${namespace}/${target.name}`;
  // A policy speaks for its own namespace only.
  if (namespace !== own) return { reason: 'Invalid', message: `${target.kind} ${name} is in another namespace than the policy` };
  switch (`${target.kind}.${target.group || 'core'}`) {
    case 'Service.core':
      return boundTo('Service', name, look.service(namespace, target.name));
    case 'ServiceEntry.networking.istio.io':
      return boundTo('ServiceEntry', name, look.serviceEntry(namespace, target.name));
    case 'Gateway.gateway.networking.k8s.io':
      return look.gateway(namespace, target.name)
        ? { reason: 'Accepted', message: `bound to ${name}` }
        : { reason: 'TargetNotFound', message: `Gateway ${name} is not bound` };
    case 'GatewayClass.gateway.networking.k8s.io':
      return ofClass(target.name, own, look.gatewayClass(target.name), settings);
    default:
      return { reason: 'Invalid', message: `${target.kind} of group ${target.group || 'core'} cannot be a target` };
  }
}

function boundTo(kind: string, name: string, waypoint: string | undefined): Finding {
  if (waypoint === undefined) return { reason: 'TargetNotFound', message: `${kind} ${name} was not found` };
  if (waypoint === '') return { reason: 'AncestorNotBound', message: `${kind} ${name} is not bound to a waypoint` };
  return { reason: 'Accepted', message: `bound to ${waypoint}` };
}

function ofClass(name: string, own: string, controller: string | undefined, { rootNamespace }: TranslateSettings): Finding {
  if (own !== rootNamespace)
    return { reason: 'Invalid', message: `a policy for GatewayClass ${name} belongs in the root namespace ${rootNamespace}` };
  if (controller === undefined) return { reason: 'TargetNotFound', message: `GatewayClass ${name} is not bound` };
  if (controller !== waypointController)
    return { reason: 'Invalid', message: `GatewayClass ${name} is of controller ${controller}, not of ${waypointController}` };
  return { reason: 'Accepted', message: `bound to ${name}` };
}

function together(all: number, bad: readonly string[]): { readonly reason: string; readonly message: string } {
  if (bad.length === 0) return { reason: 'Accepted', message: '' };
  return { reason: bad.length < all ? 'PartiallyInvalid' : 'Invalid', message: `Invalid targetRefs: ${bad.join(', ')}` };
}

const nameOf = ({ kind, group, namespace, name }: PolicyTarget, own: string): string =>
  `${kind}.${group || 'core'}:${namespace || own}/${name}`;
