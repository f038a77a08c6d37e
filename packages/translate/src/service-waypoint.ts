// What a service tells the mesh of its waypoint: where it is, its canary's share, and whether ingress gateways go through it too.
// Called by service-from-kubernetes.ts and service-from-entry.ts.
import type { Service } from '@ambient-mesh/model/service';
import type { Labels } from './kinds/meta.ts';
import type { KubeNamespace } from './kinds/place.ts';
import type { ServiceContext, ServiceInfo } from './service-info.ts';
import type { Binding } from './waypoint.ts';

/** Words that Go's ParseBool takes for true; any other word is false. */
const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);

/** What the label says, the object's own before its namespace's; undefined without one. */
function ingressUseWaypointFrom(labels: Labels, namespace: KubeNamespace | undefined): boolean | undefined {
  const label = 'istio.io/ingress-use-waypoint';
  const said = labels[label] ?? namespace?.meta.labels[label];
  return said === undefined ? undefined : truths.has(said);
}

/** A canary of weight 0 is listed too: its waypoint has to know what it will serve. */
export function waypointFields(
  { waypoint, canary }: Binding,
  ingress: boolean | undefined,
): Pick<Service, 'waypoint' | 'weightedWaypoints' | 'ingressUseWaypoint'> {
  return {
    ...(waypoint && { waypoint: waypoint.address }),
    weightedWaypoints:
      waypoint && canary
        ? [
            { destination: waypoint.address, weight: 100 - canary.weight },
            { destination: canary.waypoint.address, weight: canary.weight },
          ]
        : [],
    ...(waypoint && ingress === true && { ingressUseWaypoint: true }),
  };
}

/** The part of a ServiceInfo that is made alike from both kinds. */
export function bound(labels: Labels, { binding, namespace }: ServiceContext): Pick<ServiceInfo, 'binding' | 'ingressUseWaypoint'> {
  const ingress = ingressUseWaypointFrom(labels, namespace);
  return { binding, ...(ingress !== undefined && { ingressUseWaypoint: ingress }) };
}
