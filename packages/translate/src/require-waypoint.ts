// Services that may be reached through their waypoint only: the policy that refuses everything else, and what their status says of it. Pure; ours.
// Without it a mesh fails open: whoever goes past the waypoint, or comes while there is none, meets none of its policies.
// Names hold an underscore, which no Kubernetes object's can: ours never meet a user's.
import type { Policy, Rule } from '@ambient-mesh/model/policy';
import type { Condition, Meta } from './kinds/meta.ts';
import type { KubeNamespace } from './kinds/place.ts';
import { matchOf } from './policy-match.ts';
import type { ServiceInfo } from './service-info.ts';
import type { TranslateSettings } from './settings.ts';
import { byText } from './text-order.ts';
import { type Binding, type Waypoint, waypointsOf } from './waypoint.ts';
import { isManagedGateway } from './waypoint-binding.ts';

export const requireWaypoint = 'ambient-mesh.dev/require-waypoint';

/** What the object says counts before what its namespace says. A word that is not `false` requires: a misspelt lock must not stand open. */
export function requiresWaypoint(own: Pick<Meta, 'annotations' | 'labels'>, namespace: KubeNamespace | undefined): boolean {
  // What is a waypoint goes through none.
  if (isManagedGateway(own.labels)) return false;
  const said = own.annotations[requireWaypoint] ?? namespace?.meta.annotations[requireWaypoint];
  return said !== undefined && said.toLowerCase() !== 'false';
}

type Named = Pick<ServiceInfo['source'], 'kind' | 'namespace' | 'name'>;

/** Of the policy, as workloads list it: one for each object. */
export const requireWaypointKey = (source: Named): string => `${source.namespace}/${policyName(source)}`;

const policyName = ({ kind, name }: Named): string => `ambient_require_waypoint_${kind === 'Service' ? '' : 'entry_'}${name}`;

/** Denies whoever is not the service's waypoint, or its canary; as long as none is ready, everybody. */
export function requireWaypointPolicy(source: Named, binding: Binding, { trustDomain }: TranslateSettings): Policy {
  const accounts = waypointsOf(binding).flatMap(({ namespace, serviceAccounts }) =>
    serviceAccounts.map((account) => `${trustDomain}/ns/${namespace}/sa/${account}`),
  );
  const exact = [...new Set(accounts)].sort(byText).map((principal) => ({ exact: principal }));
  const everybody: Rule = [];
  const strangers: Rule = [[matchOf({ notPrincipals: exact })]];
  return {
    key: requireWaypointKey(source),
    name: policyName(source),
    namespace: source.namespace,
    scope: 'WorkloadSelector',
    action: 'Deny',
    rules: [exact.length === 0 ? everybody : strangers],
    dryRun: false,
  };
}

export const waypointRequired = 'ambient-mesh.dev/WaypointRequired';

/** For the status of a service that requires one. */
export function requireWaypointCondition({ waypoint, error, canary }: Binding): Condition {
  const refusing = 'until then everything that is sent to its pods is refused';
  if (error) return condition('False', error.reason, `${error.message}; ${refusing}`);
  if (waypoint === undefined)
    return condition('False', 'NoWaypoint', `A waypoint is required, and none is named by the label istio.io/use-waypoint; ${refusing}`);
  const ready = [waypoint, canary?.waypoint].filter((each) => each !== undefined && each.serviceAccounts.length > 0);
  if (ready.length === 0) return condition('False', 'WaypointIsNotReady', `waypoint "${nameOf(waypoint)}" has no pods; ${refusing}`);
  const admitted = waypointsOf({ waypoint, ...(canary && { canary }) }).map(nameOf);
  return condition('True', 'Enforced', `Only traffic that comes through ${admitted.join(' or ')} reaches its pods`);
}

const nameOf = ({ namespace, name }: Waypoint): string => `${namespace}/${name}`;

/** Services' conditions do not say which generation they are about. */
const condition = (status: Condition['status'], reason: string, message: string): Condition => ({
  type: waypointRequired,
  status,
  reason,
  message,
  observedGeneration: 0,
});
