// What routes of the Gateway API have in common: parents, backends, filters and the entries of their status that are ours.
// Read by http-route.ts, grpc-route.ts, tcp-route.ts and tls-route.ts beside it. Words are kept as written: whether they mean something is for l7/ to say.
import type { Condition } from './meta.ts';
import { conditions, count, flag, isRaw, items, type Raw, raw, said, text, texts } from './read.ts';

/** Who writes our entries of a route's status. */
export const routeController = 'istio.io/gateway-controller';

/** As written, nothing filled in: the status repeats it. */
export interface ParentRef {
  readonly group: string | undefined;
  readonly kind: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Of a service: a port's name. */
  readonly sectionName: string | undefined;
  readonly port: number | undefined;
}

export interface RouteParentStatus {
  readonly parentRef: ParentRef;
  readonly conditions: readonly Condition[];
}

/** What can be named: the group is `''` for Kubernetes' own kinds. */
export interface ObjectRef {
  readonly group: string;
  readonly kind: string;
  /** Empty: the route's own. */
  readonly namespace: string;
  readonly name: string;
  readonly port: number | undefined;
}

export interface BackendRef extends ObjectRef {
  readonly weight: number;
  readonly filters: readonly RouteFilter[];
}

export interface NameValue {
  readonly name: string;
  readonly value: string;
}

export interface HeaderChange {
  readonly set: readonly NameValue[];
  readonly add: readonly NameValue[];
  readonly remove: readonly string[];
}

export interface PathChange {
  readonly type: string;
  readonly full: string;
  readonly prefix: string;
}

/** `percent` and `fraction` as written; neither means all. */
export interface MirrorShare {
  readonly percent: number | undefined;
  readonly numerator: number | undefined;
  readonly denominator: number | undefined;
}

/** One filter; of the parts, only that of its type is worth reading. */
export interface RouteFilter {
  readonly type: string;
  readonly requestHeaders: HeaderChange;
  readonly responseHeaders: HeaderChange;
  readonly redirect: {
    readonly scheme: string;
    readonly hostname: string;
    readonly port: number | undefined;
    readonly path: PathChange | undefined;
    readonly status: number | undefined;
  };
  readonly rewrite: { readonly hostname: string; readonly path: PathChange | undefined };
  readonly mirror: MirrorShare & { readonly to: ObjectRef };
  readonly cors: {
    readonly origins: readonly string[];
    readonly credentials: boolean;
    readonly methods: readonly string[];
    readonly headers: readonly string[];
    readonly expose: readonly string[];
    readonly maxAge: number | undefined;
  };
  readonly extension: { readonly group: string; readonly kind: string; readonly name: string };
}

/** Of a rule; both the shape of version 1.6 and the one after it. */
export interface SessionPersistence {
  readonly type: string;
  /** Empty: ours to choose. */
  readonly name: string;
  readonly path: string;
  readonly absoluteTimeout: string | undefined;
  readonly lifetime: string;
}

export const parentRefs = (spec: Raw): readonly ParentRef[] => items(spec.parentRefs).map(parentRef);

function parentRef(value: unknown): ParentRef {
  const ref = raw(value);
  return {
    group: said(ref.group),
    kind: said(ref.kind),
    namespace: said(ref.namespace),
    name: text(ref.name),
    sectionName: said(ref.sectionName),
    port: count(ref.port),
  };
}

/** What we said before: entries of other controllers are theirs. */
export const ownParents = (status: unknown): readonly RouteParentStatus[] =>
  items(raw(status).parents)
    .map(raw)
    .filter(({ controllerName }) => controllerName === routeController)
    .map((entry) => ({
      parentRef: parentRef(entry.parentRef),
      conditions: conditions(entry, ['Accepted', 'ResolvedRefs', 'ResolvedWaypoints', 'PartiallyInvalid']),
    }));

function objectRef(value: unknown): ObjectRef {
  const ref = raw(value);
  const kind = text(ref.kind) || 'Service';
  return { group: text(ref.group), kind, namespace: text(ref.namespace), name: text(ref.name), port: count(ref.port) };
}

export const backendRefs = (rule: Raw): readonly BackendRef[] =>
  items(rule.backendRefs).map((each) => {
    const { weight, filters } = raw(each);
    return { ...objectRef(each), weight: count(weight) ?? 1, filters: routeFilters(filters) };
  });

const nameValues = (value: unknown): readonly NameValue[] =>
  items(value).map((each) => ({ name: text(raw(each).name), value: text(raw(each).value) }));

export const routeFilters = (value: unknown): readonly RouteFilter[] =>
  items(value).map((each) => {
    const filter = raw(each);
    const [redirect, rewrite] = [raw(filter.requestRedirect), raw(filter.urlRewrite)];
    const { group, kind, name } = raw(filter.extensionRef);
    return {
      type: text(filter.type),
      requestHeaders: headerChange(filter.requestHeaderModifier),
      responseHeaders: headerChange(filter.responseHeaderModifier),
      redirect: {
        scheme: text(redirect.scheme),
        hostname: text(redirect.hostname),
        port: count(redirect.port),
        path: pathChange(redirect.path),
        status: count(redirect.statusCode),
      },
      rewrite: { hostname: text(rewrite.hostname), path: pathChange(rewrite.path) },
      mirror: mirrorOf(raw(filter.requestMirror)),
      cors: corsOf(raw(filter.cors)),
      extension: { group: text(group), kind: text(kind), name: text(name) },
    };
  });

function headerChange(value: unknown): HeaderChange {
  const { set, add, remove } = raw(value);
  return { set: nameValues(set), add: nameValues(add), remove: texts(remove) };
}

function pathChange(value: unknown): PathChange | undefined {
  if (!isRaw(value)) return undefined;
  return { type: text(value.type), full: text(value.replaceFullPath), prefix: text(value.replacePrefixMatch) };
}

function mirrorOf({ backendRef, percent, fraction }: Raw): RouteFilter['mirror'] {
  const { numerator, denominator } = raw(fraction);
  return { to: objectRef(backendRef), percent: count(percent), numerator: count(numerator), denominator: count(denominator) };
}

const corsOf = (cors: Raw): RouteFilter['cors'] => ({
  origins: texts(cors.allowOrigins),
  credentials: flag(cors.allowCredentials),
  methods: texts(cors.allowMethods),
  headers: texts(cors.allowHeaders),
  expose: texts(cors.exposeHeaders),
  maxAge: count(cors.maxAge),
});

export function sessionPersistence(value: unknown): SessionPersistence | undefined {
  if (!isRaw(value)) return undefined;
  const { type, sessionName, absoluteTimeout } = value;
  const [cookie, header] = [raw(value.cookie), raw(value.header)];
  return {
    type: text(type) || 'Cookie',
    name: text(type === 'Header' ? header.name : cookie.name) || text(sessionName),
    path: text(cookie.path),
    absoluteTimeout: said(absoluteTimeout),
    lifetime: text(cookie.lifetimeType) || text(raw(value.cookieConfig).lifetimeType) || 'Session',
  };
}
