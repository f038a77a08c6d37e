// The waypoints of a world, as the control plane would know them. Pure; shared by analyzers.
import type { Gateway } from '@ambient-mesh/translate/kinds/gateway';
import type { Pod } from '@ambient-mesh/translate/kinds/pod';
import { type Waypoint, waypointFrom } from '@ambient-mesh/translate/waypoint';
import type { World } from '../world.ts';

const known = new WeakMap<World, ReadonlyMap<string, Waypoint>>();
const gatewayName = 'gateway.networking.k8s.io/gateway-name';

/** By `namespace/name`; only those with an address. */
export function waypointsOf(world: World): ReadonlyMap<string, Waypoint> {
  const before = known.get(world);
  if (before !== undefined) return before;
  const { gateways, gatewayClasses } = world.objects;
  const made = [...gateways].flatMap(([key, gateway]) => {
    const accounts = podsOfGateway(world, gateway).map(({ serviceAccount }) => serviceAccount);
    const waypoint = waypointFrom(gateway, gatewayClasses.get(gateway.className), accounts, '');
    return waypoint === undefined ? [] : [[key, waypoint] as const];
  });
  const found = new Map(made);
  known.set(world, found);
  return found;
}

/** Gateways that are meant to be waypoints, ready or not. */
export const isWaypoint = ({ className, listeners }: Gateway): boolean =>
  className === 'istio-waypoint' || listeners.some(({ protocol, port }) => protocol === 'HBONE' && port === 15_008);

export const podsOfGateway = ({ podsIn }: World, { meta: { namespace, name } }: Gateway): readonly Pod[] =>
  (podsIn.get(namespace) ?? []).filter(({ meta }) => meta.labels[gatewayName] === name);
