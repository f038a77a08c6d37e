// From routes of the Gateway API to what waypoints are told and what their statuses say: what each derivation reads and makes.
// Run by mesh-index.ts. The rules themselves are pure functions of l7/; every question of theirs is remembered by the look-up made here.

import type { RouteKind } from '@ambient-mesh/model/l7/route';
import { serviceKey } from '@ambient-mesh/model/service';
import type { Dependant, Table } from './derive/table.ts';
import type { Inputs } from './kinds/all.ts';
import { grpcRoute } from './l7/grpc-route.ts';
import { httpRoute } from './l7/http-route.ts';
import type { RouteLookUp, RouteTarget } from './l7/route-look-up.ts';
import type { Translated } from './l7/route-object.ts';
import { placesOf } from './l7/route-parents.ts';
import { tcpRoute } from './l7/tcp-route.ts';
import { tlsRoute } from './l7/tls-route.ts';
import { membersOf } from './mesh-members.ts';
import { objectFrom, type Reading, stands } from './mesh-services.ts';
import { infoKey, objectOf, type PlacedTarget } from './mesh-tables.ts';
import { inRevision } from './revision.ts';
import type { ServiceInfo } from './service-info.ts';
import type { TranslateSettings } from './settings.ts';
import { byText } from './text-order.ts';

export const routeTables = ['grpcRoutes', 'httpRoutes', 'tlsRoutes', 'tcpRoutes'] as const;
export type RouteTable = (typeof routeTables)[number];
export const isRouteTable = (table: string): table is RouteTable => routeTables.some((each) => each === table);

type Routes = Pick<Inputs, RouteTable>;

interface Translator<R> {
  readonly kind: RouteKind;
  readonly translate: (object: R, look: RouteLookUp, settings: TranslateSettings) => Translated;
}

const translators: { readonly [K in RouteTable]: Translator<Routes[K]> } = {
  grpcRoutes: { kind: 'GRPCRoute', translate: grpcRoute },
  httpRoutes: { kind: 'HTTPRoute', translate: httpRoute },
  tlsRoutes: { kind: 'TLSRoute', translate: tlsRoute },
  tcpRoutes: { kind: 'TCPRoute', translate: tcpRoute },
};

export const kindOfTable = (table: RouteTable): RouteKind => translators[table].kind;

type Made<O> = Generator<readonly [key: string, O]>;
type Compute<O> = (reading: Reading, key: string, by: Dependant) => Made<O>;

/** Undefined for routes of other revisions too: they neither stand anywhere nor have a status of ours. */
function read<K extends RouteTable>({ tables, settings }: Reading, table: K, key: string, by: Dependant): Routes[K] | undefined {
  // The compiler cannot follow a key through a record of tables.
  const route = (tables[table] as Pick<Table<Routes[K]>, 'read'>).read(key, by);
  return route !== undefined && inRevision(route.meta, settings.revision) ? route : undefined;
}

/** Where a route of the kind stands: see `placeOf`. */
export const placesIn = (table: RouteTable): Compute<readonly string[]> =>
  function* (reading, key, by) {
    const route = read(reading, table, key, by);
    if (route === undefined) return;
    const { namespace } = route.meta;
    const places = placesOf(route, lookUpOf(reading, by)).map(({ service, port }) =>
      placeOf({ service, port, namespace, kind: kindOfTable(table) }),
    );
    if (places.length > 0) yield [key, [...new Set(places)]];
  };

export const routesIn = <K extends RouteTable>(table: K): Compute<Translated> =>
  function* (reading, key, by) {
    const route = read(reading, table, key, by);
    if (route !== undefined) yield [key, translators[table].translate(route, lookUpOf(reading, by), reading.settings)];
  };

/** `object`: `Service/namespace/name` or `ServiceEntry/namespace/name`. */
export function* targetsOf(reading: Reading, object: string, by: Dependant): Made<PlacedTarget> {
  const { tables, settings } = reading;
  let found = false;
  for (const info of tables.infos.readBy('object', object, by)) {
    found = true;
    if (stands(reading, info, by)) yield [infoKey(info), { object, ...targetOf(info) }];
  }
  const { kind, key } = objectFrom(object);
  const service = found || kind !== 'Service' ? undefined : tables.services.read(key, by);
  if (service?.type !== 'ExternalName') return;
  const { namespace, name } = service.meta;
  yield [
    object,
    { object, namespace, hostname: `${name}.${namespace}.svc.${settings.clusterDomain}`, ports: [], reach: 'alias', waypoint: '' },
  ];
}

function targetOf({ service, source, binding: { waypoint } }: ServiceInfo): RouteTarget {
  const ports =
    source.kind === 'Service'
      ? source.ports.filter(({ protocol }) => protocol === 'TCP').map(({ port, name, appProtocol }) => ({ port, name, appProtocol }))
      : source.ports
          .filter(({ protocol }) => protocol.toUpperCase() !== 'UDP')
          .map(({ number, name, protocol }) => ({ port: number, name, appProtocol: protocol.toLowerCase() }));
  return {
    namespace: service.namespace,
    hostname: service.hostname,
    ports,
    reach: service.vips.length + service.cidrVips.length > 0 ? 'address' : 'headless',
    waypoint: waypoint ? `${waypoint.namespace}/${waypoint.name}` : '',
  };
}

interface Place {
  /** `namespace/hostname`. */
  readonly service: string;
  readonly port: number;
  /** The route's. */
  readonly namespace: string;
  readonly kind: RouteKind;
}

const placeOf = ({ service, port, namespace, kind }: Place): string => `${service}:${port} ${namespace} ${kind}`;

const kinds = routeTables.map(kindOfTable);

/** Answers from the tables; whoever asks hears when an answer may have changed. */
export function lookUpOf(reading: Reading, by: Dependant): RouteLookUp {
  const { tables } = reading;
  const madeOf = (kind: string, namespace: string, name: string): readonly PlacedTarget[] =>
    [...tables.targets.readBy('object', objectOf({ kind, namespace, name }), by)].sort(byName);
  return {
    service: (namespace, name) => madeOf('Service', namespace, name)[0],
    serviceEntry: (namespace, name) => {
      const found = madeOf('ServiceEntry', namespace, name);
      // Its row changes with its status, too: it is looked at only by those who found nothing else of it.
      return found.length > 0 || tables.serviceEntries.read(`${namespace}/${name}`, by) !== undefined ? found : undefined;
    },
    named: (hostname) => {
      const services = tables.settled.read(hostname, by)?.services ?? [];
      return services
        .toSorted((a, b) => Number(b.canonical) - Number(a.canonical))
        .flatMap((service) => [...tables.targets.readBy('service', serviceKey(service), by)]);
    },
    endingIn: (suffix) => {
      const filed = suffix.includes('.') ? suffix.slice(suffix.indexOf('.')) : '';
      return [...tables.targets.readBy('suffix', filed, by)].filter(({ hostname }) => hostname.endsWith(suffix)).sort(byName);
    },
    kindsAt: (service, port, namespace) =>
      kinds.filter((kind) => tables.occupied.read(placeOf({ service, port, namespace, kind }), by) !== undefined),
    workloadsOf: (service, labels) => membersOf(reading, service, labels, by),
  };
}

const byName = (a: RouteTarget, b: RouteTarget): number => byText(a.hostname, b.hostname) || byText(a.namespace, b.namespace);
