// Waypoints and network gateways: which one a service wants, where a reference to one leads, and who is exempt.
// Used by next-hop.ts (outbound) and inbound.ts.
import type { Ip } from './address.ts';
import { type Choice, chooseEndpoint, type Upstream } from './endpoint-choice.ts';
import { referenced } from './look-up.ts';
import type { Mesh } from './mesh.ts';
import type { Service, WeightedWaypoint } from './service.ts';
import { sameId } from './spiffe.ts';
import type { GatewayAddress, Workload } from './workload.ts';

/** One of the weighted waypoints, else the only one; undefined when the service has none. `random` is called at most once. */
export function waypointOf(service: Service, random: () => number): GatewayAddress | undefined {
  return sampleWeighted(service.weightedWaypoints, random) ?? service.waypoint;
}

/** Undefined when there is nothing to choose from: an empty list, or no weight at all. */
export function sampleWeighted(waypoints: readonly WeightedWaypoint[], random: () => number): GatewayAddress | undefined {
  const total = waypoints.reduce((sum, { weight }) => sum + weight, 0);
  if (total <= 0) return undefined;
  let left = random() * total;
  return waypoints.find(({ weight }) => {
    left -= weight;
    return left < 0;
  })?.destination;
}

/** The workload and port behind a reference to a waypoint or gateway; undefined when it is unknown or has no endpoint to offer. */
export function reach(mesh: Mesh, reference: GatewayAddress, choice: Choice): Upstream | undefined {
  const found = referenced(mesh, reference);
  if (found?.service) return chooseEndpoint(mesh, found.service, reference.hboneMtlsPort, choice);
  return found && { workload: found.workload, port: reference.hboneMtlsPort };
}

/** Whether the connection comes from the waypoint itself: from one of its addresses, by its identity. It must not be sent back to itself. */
export function comesFrom(mesh: Mesh, reference: GatewayAddress, source: Workload, sourceIp: Ip): boolean {
  const found = referenced(mesh, reference);
  if (!found) return false;
  const waypoints = found.service ? mesh.endpoints(found.service) : [found.workload];
  return waypoints.some(({ identity, addresses }) => sameId(identity, source.identity) && addresses.includes(sourceIp));
}

/** Whether `local`, reached at `ip`, is a waypoint that the reference means. A waypoint that is not ready (yet, or any more) still is one. */
export function pointsTo(mesh: Mesh, reference: GatewayAddress, local: Workload, ip: Ip): boolean {
  const found = referenced(mesh, reference);
  if (!found) return false;
  return found.service ? mesh.isMember(found.service, local) : found.workload.addresses.includes(ip);
}
