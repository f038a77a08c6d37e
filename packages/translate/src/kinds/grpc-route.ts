// GRPCRoute as the mesh sees it.
import { type ValueMatch, valueMatches } from './http-route.ts';
import type { Meta } from './meta.ts';
import { items, metaOf, raw, text } from './read.ts';
import {
  type BackendRef,
  backendRefs,
  ownParents,
  type ParentRef,
  parentRefs,
  type RouteFilter,
  type RouteParentStatus,
  routeFilters,
  type SessionPersistence,
  sessionPersistence,
} from './route-parts.ts';

export interface GrpcRouteMatch {
  /** Of the method and service alike. */
  readonly type: string;
  /** Empty: any. */
  readonly service: string;
  /** Empty: any. */
  readonly method: string;
  readonly headers: readonly ValueMatch[];
}

export interface GrpcRouteRule {
  readonly name: string;
  readonly matches: readonly GrpcRouteMatch[];
  readonly filters: readonly RouteFilter[];
  readonly backends: readonly BackendRef[];
  readonly persistence: SessionPersistence | undefined;
}

export interface GrpcRoute {
  readonly meta: Meta;
  readonly parentRefs: readonly ParentRef[];
  readonly rules: readonly GrpcRouteRule[];
  /** Of the status: entries of ours. */
  readonly parents: readonly RouteParentStatus[];
}

export const grpcRouteKind = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'grpcroutes',
  kind: 'GRPCRoute',
  namespaced: true,
  narrow(object: unknown): GrpcRoute | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const spec = raw(raw(object).spec);
    return { meta, parentRefs: parentRefs(spec), rules: items(spec.rules).map(ruleOf), parents: ownParents(raw(object).status) };
  },
} as const;

function ruleOf(value: unknown): GrpcRouteRule {
  const rule = raw(value);
  return {
    name: text(rule.name),
    matches: items(rule.matches).map((each) => {
      const { method, headers } = raw(each);
      const { type, service, method: name } = raw(method);
      return { type: text(type) || 'Exact', service: text(service), method: text(name), headers: valueMatches(headers) };
    }),
    filters: routeFilters(rule.filters),
    backends: backendRefs(rule),
    persistence: sessionPersistence(rule.sessionPersistence),
  };
}
