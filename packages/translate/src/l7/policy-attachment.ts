// What waypoints are told of a policy's targets, and what its status says of them. Pure; the same for every kind of policy with targetRefs.
// Whether a target has a waypoint is for policy-targets.ts to say; here it is only who must enforce the policy once it has one.
import type { Target } from '@ambient-mesh/model/l7/policy';
import type { Unenforced } from '../authorization-policy.ts';
import type { Condition } from '../kinds/meta.ts';
import type { Attachable, PolicyTarget, WaypointPolicy } from '../kinds/policy-target.ts';
import { type TargetLookUp, targetVerdict } from '../policy-targets.ts';
import { inRevision } from '../revision.ts';
import type { TranslateSettings } from '../settings.ts';
import { createdAt } from './age.ts';
import { keyOf, type RouteLookUp, type RouteTarget } from './route-look-up.ts';

export type PolicyLookUp = Pick<RouteLookUp, 'service' | 'serviceEntry'> & Pick<TargetLookUp, 'gateway' | 'gatewayClass'>;

/** What a policy comes to. */
export interface TranslatedPolicy<P> {
  /** Absent when no waypoint has anything to do with it. */
  readonly policy?: P;
  /** Absent for an object of another revision, and for one without targets. */
  readonly condition?: Condition;
  /** Present when nothing enforces the policy. */
  readonly unenforced?: Unenforced;
  /** What is not carried out as written, for people. */
  readonly problems: readonly string[];
}

/** What every policy of the model begins with. */
export interface Heading {
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: number;
  readonly targets: readonly Target[];
}

export const headingOf = ({ meta, targets }: Attachable, look: PolicyLookUp, settings: TranslateSettings): Heading => ({
  namespace: meta.namespace,
  name: meta.name,
  createdAt: createdAt(meta.createdAt),
  targets: targets.flatMap((target) => targetsOf(target, meta.namespace, look, settings)),
});

/** Tunnels may enforce an AuthorizationPolicy without targets; of all other kinds nobody does. */
const unreached = 'nothing enforces it: waypoints are reached by targetRefs only';

/** `translate` makes the policy; undefined when there is nothing to enforce. It may add problems, which the status then names. */
export function attach<P>(
  object: Attachable & Partial<Pick<WaypointPolicy, 'selects'>>,
  look: PolicyLookUp,
  settings: TranslateSettings,
  translate: (heading: Heading, problems: string[]) => P | undefined,
): TranslatedPolicy<P> {
  if (!inRevision(object.meta, settings.revision)) return { problems: [] };
  if (object.targets.length === 0) return { problems: object.selects === undefined ? [] : [unreached] };
  const { condition, unenforced } = targetVerdict(object, targetLook(look), settings) ?? {};
  const heading = headingOf(object, look, settings);
  const problems: string[] = [];
  const policy = translate(heading, problems);
  return {
    ...(policy !== undefined && heading.targets.length > 0 && { policy }),
    ...(condition && { condition: told(condition, policy !== undefined, problems) }),
    ...(unenforced && { unenforced }),
    problems,
  };
}

/** Most of the problems that a status names, and characters of each. */
const mostNamed = 10;
const longestNamed = 200;

/** What cannot be carried out is said where the target is fine; one that is not comes first. */
function told(condition: Condition, useful: boolean, problems: readonly string[]): Condition {
  if (problems.length === 0 || condition.status === 'False') return condition;
  const named = problems.slice(0, mostNamed).map((each) => each.slice(0, longestNamed));
  const more = problems.length > mostNamed ? [`and ${problems.length - mostNamed} more`] : [];
  const message = [...(condition.message === '' ? [] : [condition.message]), ...named, ...more].join('. ');
  return useful ? { ...condition, reason: 'PartiallyInvalid', message } : { ...condition, status: 'False', reason: 'Invalid', message };
}

/** The look-up that statuses are judged by. */
function targetLook(look: PolicyLookUp): TargetLookUp {
  const waypointOf = (target: RouteTarget | undefined): string | undefined => target?.waypoint;
  return {
    service: (namespace, name) => waypointOf(look.service(namespace, name)),
    serviceEntry: (namespace, name) => waypointOf(look.serviceEntry(namespace, name)?.[0]),
    gateway: look.gateway,
    gatewayClass: look.gatewayClass,
  };
}

/** A service without a waypoint counts too: the policy is in force from its first moment with one. */
function targetsOf(target: PolicyTarget, own: string, look: PolicyLookUp, { rootNamespace }: TranslateSettings): readonly Target[] {
  const { name } = target;
  const namespace = target.namespace || own;
  // A policy speaks for its own namespace only.
  if (namespace !== own) return [];
  switch (`${target.kind}.${target.group || 'core'}`) {
    case 'Service.core': {
      const service = look.service(namespace, name);
      return service ? [{ service: keyOf(service) }] : [];
    }
    case 'ServiceEntry.networking.istio.io':
      return (look.serviceEntry(namespace, name) ?? []).map((service) => ({ service: keyOf(service) }));
    case 'Gateway.gateway.networking.k8s.io':
      return [{ waypoint: `${namespace}/${name}` }];
    case 'GatewayClass.gateway.networking.k8s.io':
      return own === rootNamespace ? [{ waypointClass: name }] : [];
    default:
      return [];
  }
}
