// The tables of the index: what Kubernetes says, and what is derived from it on the way to workloads, services and policies.
// Made by mesh-index.ts, which fills them; read by the derivations in mesh-services.ts, mesh-workloads.ts and mesh-policies.ts.
import type { Service } from '@ambient-mesh/model/service';
import type { PolicyVerdict } from './authorization-policy.ts';
import { Table } from './derive/table.ts';
import type { Inputs } from './kinds/all.ts';
import { keyOf, type RouteTarget } from './l7/route-look-up.ts';
import { placeOfSelector, selectionKey } from './label-pairs.ts';
import { same } from './same.ts';
import type { ServiceInfo } from './service-info.ts';
import type { Waypoint } from './waypoint.ts';

/** Pods behind services that select none, as slices name them. */
export interface TargetSlice {
  /** Key of the service's info. */
  readonly info: string;
  readonly pods: readonly { readonly namespace: string; readonly name: string; readonly uid: string }[];
}

/** Who selects workloads of the same namespace and labels. */
export interface Selection {
  /** Sorted keys of infos. */
  readonly services: readonly string[];
  /** Keys of policies, in the order in which workloads list them. */
  readonly policies: readonly string[];
}

/** What became of all services of one hostname. */
export interface Settled {
  readonly services: readonly Service[];
  /** Keys of the infos that another one stands for. */
  readonly lost: ReadonlySet<string>;
}

/** A service as routes see it. */
export interface PlacedTarget extends RouteTarget {
  /** That it was made of, as `objectOf`. */
  readonly object: string;
}

const gatewayName = 'gateway.networking.k8s.io/gateway-name';

const byKey = {};
const some = (value: string): readonly string[] => (value === '' ? none : [value]);
const none: readonly string[] = [];

export function openTables() {
  return {
    /** `labels`: their own, as selectors see them. */
    pods: new Table<Inputs['pods'], 'gateway' | 'labels'>({
      indexes: {
        labels: ({ meta }) => [selectionKey(meta)],
        gateway: ({ meta }) => some(meta.labels[gatewayName] ? `${meta.namespace}/${meta.labels[gatewayName]}` : ''),
      },
    }),
    services: new Table<Inputs['services']>({ indexes: byKey }),
    endpointSlices: new Table<Inputs['endpointSlices']>({ indexes: byKey }),
    nodes: new Table<Inputs['nodes']>({ indexes: byKey }),
    namespaces: new Table<Inputs['namespaces']>({ indexes: byKey }),
    gateways: new Table<Inputs['gateways']>({ indexes: byKey }),
    gatewayClasses: new Table<Inputs['gatewayClasses']>({ indexes: byKey }),
    serviceEntries: new Table<Inputs['serviceEntries']>({ indexes: byKey }),
    workloadEntries: new Table<Inputs['workloadEntries'], 'namespace'>({ indexes: { namespace: ({ meta }) => [meta.namespace] } }),
    authorizationPolicies: new Table<Inputs['authorizationPolicies']>({ indexes: byKey }),
    /** `place`: the namespace alone for those without a selector. */
    peerAuthentications: new Table<Inputs['peerAuthentications'], 'place' | 'all'>({
      indexes: {
        place: ({ meta, selector }) => [selector === undefined ? meta.namespace : placeOfSelector(meta.namespace, selector)],
        all: () => ['all'],
      },
    }),
    httpRoutes: new Table<Inputs['httpRoutes']>({ indexes: byKey, same: sameRoute }),
    grpcRoutes: new Table<Inputs['grpcRoutes']>({ indexes: byKey, same: sameRoute }),
    tlsRoutes: new Table<Inputs['tlsRoutes']>({ indexes: byKey, same: sameRoute }),
    tcpRoutes: new Table<Inputs['tcpRoutes']>({ indexes: byKey, same: sameRoute }),
    virtualServices: new Table<Inputs['virtualServices']>({ indexes: byKey }),
    destinationRules: new Table<Inputs['destinationRules']>({ indexes: byKey }),
    requestAuthentications: new Table<Inputs['requestAuthentications']>({ indexes: byKey }),
    rateLimits: new Table<Inputs['rateLimits']>({ indexes: byKey }),
    wasmPlugins: new Table<Inputs['wasmPlugins']>({ indexes: byKey }),
    telemetries: new Table<Inputs['telemetries']>({ indexes: byKey }),
    waypoints: new Table<Waypoint>({ indexes: byKey, same }),
    /** Key `kind/namespace/name/hostname`. */
    infos: new Table<ServiceInfo, 'object' | 'hostname' | 'selector'>({
      indexes: {
        object: ({ source }) => [objectOf(source)],
        hostname: ({ service }) => [service.hostname],
        selector: ({ source, selector = {} }) =>
          Object.keys(selector).length === 0 ? none : [placeOfSelector(`${source.kind}/${source.namespace}`, selector)],
      },
      same,
    }),
    /** By hostname. */
    settled: new Table<Settled>({ indexes: byKey, same }),
    targetSlices: new Table<TargetSlice, 'info' | 'pod'>({
      indexes: {
        info: ({ info }) => [info],
        pod: ({ pods }) => [...new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`))],
      },
      same,
    }),
    /** By `selectionKey`, of pods. */
    selections: new Table<Selection, 'service'>({ indexes: { service: ({ services }) => services }, same }),
    /** Services of the mesh as routes see them, and aliases, which are none. `suffix`: every end of the hostname that begins with a dot, and the empty one. */
    targets: new Table<PlacedTarget, 'object' | 'service' | 'suffix'>({
      indexes: {
        object: ({ object }) => [object],
        service: (target) => (target.reach === 'alias' ? none : [keyOf(target)]),
        suffix: ({ hostname, reach }) => (reach === 'alias' ? none : suffixesOf(hostname)),
      },
      same,
    }),
    /** Where each route of the Gateway API stands, by `Kind/namespace/name`. */
    standing: new Table<readonly string[], 'place'>({ indexes: { place: (places) => places }, same }),
    /** Places where a route stands: whoever asks need not hear of every route that comes or goes there. */
    occupied: new Table<true>({ indexes: byKey }),
    /** Policies that tunnels are sent, and what else is said of them. `place`: of the selector, in the namespaces that it reaches. */
    verdicts: new Table<PolicyVerdict, 'place'>({
      indexes: {
        place: ({ policy, selector }) =>
          policy === undefined || selector === undefined ? none : [placeOfSelector(policy.namespace, selector)],
      },
      same,
    }),
  };
}

export type Tables = ReturnType<typeof openTables>;

/** What its status says of a route, mostly by our own hand, changes nothing. */
const sameRoute = (a: object, b: object): boolean => same({ ...a, parents: undefined }, { ...b, parents: undefined });

function suffixesOf(hostname: string): readonly string[] {
  const found = [''];
  for (let at = hostname.indexOf('.'); at >= 0; at = hostname.indexOf('.', at + 1)) found.push(hostname.slice(at));
  return found;
}

export const objectOf = ({ kind, namespace, name }: { readonly kind: string; readonly namespace: string; readonly name: string }): string =>
  `${kind}/${namespace}/${name}`;

export const infoKey = ({ source, service }: ServiceInfo): string => `${objectOf(source)}/${service.hostname}`;
