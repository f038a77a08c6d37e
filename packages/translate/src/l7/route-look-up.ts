// What a route's translation asks about the rest of the mesh. Types only.
// Whoever answers (the index) remembers each question: an answer that changes is why a route is translated again.
import type { RouteKind } from '@ambient-mesh/model/l7/route';
import type { Labels } from '../kinds/meta.ts';

/** A service that routes are attached to, or lead to. */
export interface RouteTarget {
  readonly namespace: string;
  readonly hostname: string;
  /** Those of TCP. */
  readonly ports: readonly RoutePort[];
  /** `headless`: without an address of its own; `alias`: of type ExternalName. */
  readonly reach: 'address' | 'headless' | 'alias';
  /** The waypoint that it is bound to, as `namespace/name`; `''` for none. */
  readonly waypoint: string;
}

export interface RoutePort {
  readonly port: number;
  readonly name: string;
  /** As Kubernetes spells it; empty: not said. */
  readonly appProtocol: string;
}

export interface RouteLookUp {
  /** A Kubernetes Service; undefined when there is none. */
  readonly service: (namespace: string, name: string) => RouteTarget | undefined;
  /** One for each host of the ServiceEntry; undefined when there is none. */
  readonly serviceEntry: (namespace: string, name: string) => readonly RouteTarget[] | undefined;
  /** Services of the mesh with this hostname, one per namespace; the canonical one first. */
  readonly named: (hostname: string) => readonly RouteTarget[];
  /** Services whose hostname ends so (`.example.com`; empty: all), in the order of their hostnames. */
  readonly endingIn: (suffix: string) => readonly RouteTarget[];
  /** Kinds of the routes of a namespace that are attached to a service's port (see `placesOf`), of the service `namespace/hostname`. */
  readonly kindsAt: (service: string, port: number, routeNamespace: string) => readonly RouteKind[];
  /** Uids of the workloads behind `namespace/hostname` that have these labels. */
  readonly workloadsOf: (service: string, labels: Labels) => readonly string[];
}

/** `namespace/hostname`. */
export const keyOf = ({ namespace, hostname }: Pick<RouteTarget, 'namespace' | 'hostname'>): string => `${namespace}/${hostname}`;
