// A mesh for tests of routes: services by name, and whatever else a translation may ask. Used by the tests of l7/.
import type { RouteKind } from '@ambient-mesh/model/l7/route';
import type { Labels } from '../kinds/meta.ts';
import type { RouteLookUp, RouteTarget } from '../l7/route-look-up.ts';
import { byText } from '../text-order.ts';

/** `ns/web`, with ports 80 (http) and 8080 (alt), behind a waypoint. */
export function routeTargetOf(name: string, given: Partial<RouteTarget> = {}): RouteTarget {
  const [namespace = '', service = ''] = name.split('/');
  const ports = [
    { port: 80, name: 'http', appProtocol: '' },
    { port: 8080, name: 'alt', appProtocol: '' },
  ];
  return { namespace, hostname: `${service}.${namespace}.svc.cluster.local`, ports, reach: 'address', waypoint: 'ns/waypoint', ...given };
}

export interface RouteMesh {
  /** By `namespace/name`. */
  readonly services?: Readonly<Record<string, RouteTarget>>;
  readonly entries?: Readonly<Record<string, readonly RouteTarget[]>>;
  /** By `namespace/hostname:port namespace`, the second one that of the routes. */
  readonly kinds?: Readonly<Record<string, readonly RouteKind[]>>;
  /** By `namespace/hostname`. */
  readonly workloads?: Readonly<Record<string, readonly { readonly uid: string; readonly labels: Labels }[]>>;
}

export function routeLookUp({ services = {}, entries = {}, kinds = {}, workloads = {} }: RouteMesh): RouteLookUp {
  const all = [...Object.values(services), ...Object.values(entries).flat()].sort((a, b) => byText(a.hostname, b.hostname));
  return {
    service: (namespace, name) => services[`${namespace}/${name}`],
    serviceEntry: (namespace, name) => entries[`${namespace}/${name}`],
    named: (hostname) => all.filter((target) => target.hostname === hostname),
    endingIn: (suffix) => all.filter((target) => target.hostname.endsWith(suffix)),
    kindsAt: (service, port, namespace) => kinds[`${service}:${port} ${namespace}`] ?? [],
    workloadsOf: (service, labels) =>
      (workloads[service] ?? [])
        .filter((each) => Object.entries(labels).every(([label, value]) => each.labels[label] === value))
        .map(({ uid }) => uid),
  };
}
