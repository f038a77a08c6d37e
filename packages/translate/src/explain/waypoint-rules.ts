// What is attached to a waypoint for one service, as the waypoint itself gathers it. Pure.
// Used by through-waypoint.ts and routed.ts.
import { attachedTo } from '@ambient-mesh/model/l7/attachment';
import { DestinationTables } from '@ambient-mesh/model/l7/destination-table';
import type { RateLimit, RequestAuthentication, RequestPolicy, WasmFilter } from '@ambient-mesh/model/l7/policy';
import { RouteTables } from '@ambient-mesh/model/l7/route-table';
import { type Service, serviceKey } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { KnownMesh } from './mesh-of.ts';

export interface Attached {
  readonly policies: readonly RequestPolicy[];
  readonly authentications: readonly RequestAuthentication[];
  readonly limits: readonly RateLimit[];
  readonly plugins: readonly WasmFilter[];
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
  readonly includeClientIdentity: boolean;
}

/** `service`: absent for what is addressed to a workload itself. */
export function attachedHere(known: KnownMesh, self: Workload, service: Service | undefined): Attached {
  const { settings } = known;
  const { key, waypointClass, includeClientIdentity } = gatewayOf(known, self);
  const chain = { waypoint: key, waypointClass, ...(service && { service: serviceKey(service) }) };
  const resources = [...known.l7.values()];
  const { rootNamespace } = settings;
  return {
    policies: attachedTo(
      resources.flatMap((each) => (each.is === 'authorization' ? [each.policy] : [])),
      chain,
      rootNamespace,
    ),
    authentications: attachedTo(
      resources.flatMap((each) => (each.is === 'authentication' ? [each.authentication] : [])),
      chain,
      rootNamespace,
    ),
    limits: attachedTo(
      resources.flatMap((each) => (each.is === 'rate-limit' ? [each.limit] : [])),
      chain,
      rootNamespace,
    ),
    plugins: attachedTo(
      resources.flatMap((each) => (each.is === 'wasm' ? [each.plugin] : [])),
      chain,
      rootNamespace,
    ),
    trustDomains: [settings.trustDomain, ...settings.trustDomainAliases],
    includeClientIdentity,
  };
}

interface Gateway {
  /** `namespace/name`. */
  readonly key: string;
  readonly waypointClass: string;
  readonly includeClientIdentity: boolean;
}

/** Whether a Gateway stands behind it. */
export const isWaypoint = (known: KnownMesh, workload: Workload): boolean => known.l7.has(`waypoint/${gatewayOf(known, workload).key}`);

/** The Gateway behind a waypoint's pod: the one that a service of the pod is called like, else the pod's owner. */
function gatewayOf({ mesh, l7 }: KnownMesh, { namespace, services, workloadName }: Workload): Gateway {
  const names = [...services.keys()].flatMap((key) => mesh.service(key)?.name ?? []);
  const name = [...names, workloadName].find((each) => l7.has(`waypoint/${namespace}/${each}`)) ?? workloadName;
  const found = l7.get(`waypoint/${namespace}/${name}`);
  const key = `${namespace}/${name}`;
  if (found?.is !== 'waypoint') return { key, waypointClass: 'istio-waypoint', includeClientIdentity: false };
  return { key, waypointClass: found.settings.class, includeClientIdentity: found.settings.includeClientIdentity };
}

interface Tables {
  readonly routes: RouteTables;
  readonly destinations: DestinationTables;
}

/** By the namespace of the waypoint: made once for each mesh that is asked about. */
const made = new WeakMap<KnownMesh, Map<string, Tables>>();

/** Routes and destinations as a waypoint of this namespace keeps them. */
export function tablesFor(known: KnownMesh, waypointNamespace: string): Tables {
  const own = made.get(known) ?? new Map<string, Tables>();
  made.set(known, own);
  const kept = own.get(waypointNamespace);
  if (kept !== undefined) return kept;
  const home = { waypointNamespace, rootNamespace: known.settings.rootNamespace };
  const tables = { routes: new RouteTables(home), destinations: new DestinationTables(home) };
  for (const [name, resource] of known.l7) {
    if (resource.is === 'route') putUsable(tables.routes, name, resource.route);
    else if (resource.is === 'destination') tables.destinations.put(name, resource.settings);
  }
  own.set(waypointNamespace, tables);
  return tables;
}

/** What cannot be compiled is refused by waypoints, too. */
function putUsable(routes: RouteTables, name: string, route: Parameters<RouteTables['put']>[1]): void {
  try {
    routes.put(name, route);
  } catch {
    // The route's own status says why.
  }
}
