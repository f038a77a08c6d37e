// TCPRoute as the mesh sees it.
import type { Meta } from './meta.ts';
import { items, metaOf, raw, text } from './read.ts';
import { type BackendRef, backendRefs, ownParents, type ParentRef, parentRefs, type RouteParentStatus } from './route-parts.ts';

export interface StreamRouteRule {
  readonly name: string;
  readonly backends: readonly BackendRef[];
}

export interface TcpRoute {
  readonly meta: Meta;
  readonly parentRefs: readonly ParentRef[];
  readonly rules: readonly StreamRouteRule[];
  /** Of the status: entries of ours. */
  readonly parents: readonly RouteParentStatus[];
}

export const tcpRouteKind = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'tcproutes',
  kind: 'TCPRoute',
  namespaced: true,
  narrow(object: unknown): TcpRoute | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const spec = raw(raw(object).spec);
    return { meta, parentRefs: parentRefs(spec), rules: streamRules(spec.rules), parents: ownParents(raw(object).status) };
  },
} as const;

export const streamRules = (rules: unknown): readonly StreamRouteRule[] =>
  items(rules).map((each) => ({ name: text(raw(each).name), backends: backendRefs(raw(each)) }));
