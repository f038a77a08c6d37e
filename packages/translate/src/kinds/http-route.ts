// HTTPRoute as the mesh sees it: of both channels, every field that a waypoint carries out.
import type { Meta } from './meta.ts';
import { count, isRaw, items, metaOf, raw, said, text } from './read.ts';
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

/** A header or a query parameter. */
export interface ValueMatch {
  readonly type: string;
  readonly name: string;
  readonly value: string;
}

export interface HttpRouteMatch {
  readonly path: { readonly type: string; readonly value: string };
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
  /** Empty: any. */
  readonly method: string;
}

export interface HttpRouteRule {
  readonly name: string;
  readonly matches: readonly HttpRouteMatch[];
  readonly filters: readonly RouteFilter[];
  readonly backends: readonly BackendRef[];
  readonly requestTimeout: string | undefined;
  readonly backendTimeout: string | undefined;
  readonly retry:
    | { readonly codes: readonly number[]; readonly attempts: number | undefined; readonly backoff: string | undefined }
    | undefined;
  readonly persistence: SessionPersistence | undefined;
}

export interface HttpRoute {
  readonly meta: Meta;
  readonly parentRefs: readonly ParentRef[];
  readonly rules: readonly HttpRouteRule[];
  /** Of the status: entries of ours. */
  readonly parents: readonly RouteParentStatus[];
}

export const httpRouteKind = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'httproutes',
  kind: 'HTTPRoute',
  namespaced: true,
  narrow(object: unknown): HttpRoute | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const spec = raw(raw(object).spec);
    return { meta, parentRefs: parentRefs(spec), rules: items(spec.rules).map(ruleOf), parents: ownParents(raw(object).status) };
  },
} as const;

function ruleOf(value: unknown): HttpRouteRule {
  const rule = raw(value);
  const { request, backendRequest } = raw(rule.timeouts);
  return {
    name: text(rule.name),
    matches: items(rule.matches).map(matchOf),
    filters: routeFilters(rule.filters),
    backends: backendRefs(rule),
    requestTimeout: said(request),
    backendTimeout: said(backendRequest),
    retry: retryOf(rule.retry),
    persistence: sessionPersistence(rule.sessionPersistence),
  };
}

function retryOf(value: unknown): HttpRouteRule['retry'] {
  if (!isRaw(value)) return undefined;
  const codes = items(value.codes).flatMap((code) => count(code) ?? []);
  return { codes, attempts: count(value.attempts), backoff: said(value.backoff) };
}

/** What is not said is the default of the API: the path `/` and everything below it. */
function matchOf(value: unknown): HttpRouteMatch {
  const { path, headers, queryParams, method } = raw(value);
  const { type, value: prefix } = raw(path);
  return {
    path: { type: text(type) || 'PathPrefix', value: text(prefix) || '/' },
    headers: valueMatches(headers),
    query: valueMatches(queryParams),
    method: text(method),
  };
}

export const valueMatches = (value: unknown): readonly ValueMatch[] =>
  items(value).map((each) => {
    const match = raw(each);
    return { type: text(match.type) || 'Exact', name: text(match.name), value: text(match.value) };
  });
