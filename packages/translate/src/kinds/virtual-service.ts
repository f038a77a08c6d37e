// VirtualService as the mesh sees it: what a waypoint carries out, in Istio's shape but with matches and header changes already the model's.
// Durations are as written; percentages are numbers from 0 to 100.
import type { HeaderEdit, NamedMatch } from '@ambient-mesh/model/l7/route';
import type { TextMatch } from '@ambient-mesh/model/l7/text';
import type { Meta } from './meta.ts';
import { count, flag, isRaw, items, labels, metaOf, type Raw, raw, said, text, texts } from './read.ts';

export interface VirtualDestination {
  readonly host: string;
  readonly subset: string;
  readonly port: number | undefined;
}

export interface WeightedDestination {
  readonly to: VirtualDestination;
  readonly weight: number;
  readonly headers: HeaderOperations;
}

export interface HeaderOperations {
  readonly request: HeaderEdit;
  readonly response: HeaderEdit;
}

/** What the matches of all protocols have in common. */
interface MatchOrigin {
  readonly port: number | undefined;
  /** Empty: those of the object. */
  readonly gateways: readonly string[];
  /** It asks for a client by labels or namespace. */
  readonly bySource: boolean;
}

export interface VirtualHttpMatch extends MatchOrigin {
  readonly uri: TextMatch | undefined;
  readonly ignoreUriCase: boolean;
  readonly method: TextMatch | undefined;
  readonly scheme: TextMatch | undefined;
  readonly authority: TextMatch | undefined;
  readonly headers: readonly NamedMatch[];
  readonly withoutHeaders: readonly NamedMatch[];
  readonly query: readonly NamedMatch[];
}

export interface VirtualStreamMatch extends MatchOrigin {
  /** Of TLS; empty: any. */
  readonly hostnames: readonly string[];
  /** It asks for destination or source addresses. */
  readonly byAddress: boolean;
}

export interface VirtualHttpRoute {
  readonly name: string;
  readonly matches: readonly VirtualHttpMatch[];
  readonly destinations: readonly WeightedDestination[];
  readonly redirect: VirtualRedirect | undefined;
  readonly rewrite:
    | { readonly uri: string; readonly authority: string; readonly regex: { readonly match: string; readonly by: string } | undefined }
    | undefined;
  readonly answer: { readonly status: number; readonly text: string | undefined; readonly bytes: string | undefined } | undefined;
  /** To another VirtualService. */
  readonly delegates: boolean;
  readonly fault: VirtualFault;
  readonly mirrors: readonly { readonly to: VirtualDestination; readonly percent: number }[];
  readonly cors: VirtualCors | undefined;
  readonly retries: VirtualRetries | undefined;
  readonly timeout: string | undefined;
  readonly headers: HeaderOperations;
}

export interface VirtualRedirect {
  readonly uri: string;
  readonly authority: string;
  readonly scheme: string;
  readonly port: number | undefined;
  /** `FROM_PROTOCOL_DEFAULT`, `FROM_REQUEST_PORT` or empty. */
  readonly derivePort: string;
  readonly status: number;
}

export interface VirtualFault {
  readonly delay: { readonly fixed: string; readonly percent: number } | undefined;
  readonly abort: { readonly status: number | undefined; readonly grpcStatus: string; readonly percent: number } | undefined;
}

export interface VirtualCors {
  readonly origins: readonly TextMatch[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly expose: readonly string[];
  readonly maxAge: string | undefined;
  readonly credentials: boolean;
}

export interface VirtualRetries {
  readonly attempts: number;
  readonly on: string | undefined;
  readonly perTryTimeout: string | undefined;
  readonly backoff: string | undefined;
}

export interface VirtualStreamRoute {
  readonly matches: readonly VirtualStreamMatch[];
  readonly destinations: readonly WeightedDestination[];
}

export interface VirtualService {
  readonly meta: Meta;
  readonly hosts: readonly string[];
  /** Empty: the mesh. */
  readonly gateways: readonly string[];
  readonly exportTo: readonly string[];
  readonly http: readonly VirtualHttpRoute[];
  readonly tls: readonly VirtualStreamRoute[];
  readonly tcp: readonly VirtualStreamRoute[];
}

export const virtualServiceKind = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'virtualservices',
  kind: 'VirtualService',
  namespaced: true,
  narrow(object: unknown): VirtualService | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const spec = raw(raw(object).spec);
    return {
      meta,
      hosts: texts(spec.hosts),
      gateways: texts(spec.gateways),
      exportTo: texts(spec.exportTo),
      http: items(spec.http).map(raw).map(httpRouteOf),
      tls: items(spec.tls).map(raw).map(streamRouteOf),
      tcp: items(spec.tcp).map(raw).map(streamRouteOf),
    };
  },
} as const;

function httpRouteOf(route: Raw): VirtualHttpRoute {
  const { uri, authority, uriRegexRewrite } = raw(route.rewrite);
  const { match, rewrite: by } = raw(uriRegexRewrite);
  const { status, body } = raw(route.directResponse);
  const { attempts, retryOn, perTryTimeout, backoff } = raw(route.retries);
  const regex = isRaw(uriRegexRewrite) ? { match: text(match), by: text(by) } : undefined;
  return {
    name: text(route.name),
    matches: items(route.match).map(raw).map(httpMatchOf),
    destinations: items(route.route).map(raw).map(weightedOf),
    redirect: isRaw(route.redirect) ? redirectOf(route.redirect) : undefined,
    rewrite: isRaw(route.rewrite) ? { uri: text(uri), authority: text(authority), regex } : undefined,
    answer: isRaw(route.directResponse)
      ? { status: count(status) ?? 200, text: said(raw(body).string), bytes: said(raw(body).bytes) }
      : undefined,
    delegates: isRaw(route.delegate),
    fault: faultOf(raw(route.fault)),
    mirrors: mirrorsOf(route),
    cors: isRaw(route.corsPolicy) ? corsOf(route.corsPolicy) : undefined,
    retries: isRaw(route.retries)
      ? { attempts: count(attempts) ?? 0, on: said(retryOn), perTryTimeout: said(perTryTimeout), backoff: said(backoff) }
      : undefined,
    timeout: said(route.timeout),
    headers: headersOf(route.headers),
  };
}

/** An empty match is fine with any value. */
function textMatch(value: unknown, ignoreCase = false): TextMatch | undefined {
  if (!isRaw(value)) return undefined;
  const { exact, prefix, regex } = value;
  if (typeof exact === 'string') return { exact, ...(ignoreCase && { ignoreCase }) };
  if (typeof prefix === 'string') return { prefix, ...(ignoreCase && { ignoreCase }) };
  return typeof regex === 'string' ? { regex } : { present: true };
}

const namedMatches = (value: unknown, spell: (name: string) => string): readonly NamedMatch[] =>
  Object.entries(raw(value)).map(([name, match]) => ({ name: spell(name), match: textMatch(match) ?? { present: true } }));

const lower = (name: string): string => name.toLowerCase();

const originOf = (match: Raw): MatchOrigin => ({
  port: count(match.port),
  gateways: texts(match.gateways),
  bySource: Object.keys(labels(match.sourceLabels)).length > 0 || text(match.sourceNamespace) !== '',
});

const httpMatchOf = (match: Raw): VirtualHttpMatch => ({
  ...originOf(match),
  uri: textMatch(match.uri, flag(match.ignoreUriCase)),
  ignoreUriCase: flag(match.ignoreUriCase),
  method: textMatch(match.method),
  scheme: textMatch(match.scheme),
  authority: textMatch(match.authority),
  headers: namedMatches(match.headers, lower),
  withoutHeaders: namedMatches(match.withoutHeaders, lower),
  query: namedMatches(match.queryParams, (name) => name),
});

const streamRouteOf = (route: Raw): VirtualStreamRoute => ({
  matches: items(route.match)
    .map(raw)
    .map((match) => ({
      ...originOf(match),
      hostnames: texts(match.sniHosts).map(lower),
      byAddress: texts(match.destinationSubnets).length > 0 || text(match.sourceSubnet) !== '',
    })),
  destinations: items(route.route).map(raw).map(weightedOf),
});

function destinationOf(value: unknown): VirtualDestination {
  const { host, subset, port } = raw(value);
  return { host: text(host), subset: text(subset), port: count(raw(port).number) };
}

const weightedOf = ({ destination, weight, headers }: Raw): WeightedDestination => ({
  to: destinationOf(destination),
  weight: Math.max(0, count(weight) ?? 0),
  headers: headersOf(headers),
});

function headersOf(value: unknown): HeaderOperations {
  const { request, response } = raw(value);
  return { request: editOf(raw(request)), response: editOf(raw(response)) };
}

function editOf({ set, add, remove }: Raw): HeaderEdit {
  const pairs = (from: unknown) => Object.entries(labels(from)).map(([name, value]) => [lower(name), value] as const);
  return { set: pairs(set), add: pairs(add), remove: texts(remove).map(lower) };
}

const redirectOf = (redirect: Raw): VirtualRedirect => ({
  uri: text(redirect.uri),
  authority: text(redirect.authority),
  scheme: text(redirect.scheme),
  port: count(redirect.port),
  derivePort: text(redirect.derivePort),
  status: count(redirect.redirectCode) ?? 301,
});

/** The older whole number counts where the newer field is absent. */
function percentOf(percentage: unknown, older: unknown, otherwise: number): number {
  const { value } = raw(percentage);
  if (isRaw(percentage)) return typeof value === 'number' ? value : 0;
  return count(older) ?? otherwise;
}

/** A fault that names no share happens to nobody. */
function faultOf({ delay, abort }: Raw): VirtualFault {
  const [slow, wrong] = [raw(delay), raw(abort)];
  return {
    delay: isRaw(delay) ? { fixed: text(slow.fixedDelay), percent: percentOf(slow.percentage, slow.percent, 0) } : undefined,
    abort: isRaw(abort)
      ? { status: count(wrong.httpStatus), grpcStatus: text(wrong.grpcStatus), percent: percentOf(wrong.percentage, wrong.percent, 0) }
      : undefined,
  };
}

/** One that names no share gets every request. */
function mirrorsOf(route: Raw): VirtualHttpRoute['mirrors'] {
  const one = isRaw(route.mirror)
    ? [{ to: destinationOf(route.mirror), percent: percentOf(route.mirrorPercentage, route.mirrorPercent, 100) }]
    : [];
  const others = items(route.mirrors)
    .map(raw)
    .map(({ destination, percentage }) => ({ to: destinationOf(destination), percent: percentOf(percentage, undefined, 100) }));
  return [...one, ...others];
}

const corsOf = (cors: Raw): VirtualCors => ({
  origins: [
    ...items(cors.allowOrigins).flatMap((each) => textMatch(each) ?? []),
    ...texts(cors.allowOrigin).map((exact): TextMatch => ({ exact })),
  ],
  methods: texts(cors.allowMethods),
  headers: texts(cors.allowHeaders),
  expose: texts(cors.exposeHeaders),
  maxAge: said(cors.maxAge),
  credentials: flag(cors.allowCredentials),
});
