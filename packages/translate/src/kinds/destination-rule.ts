// DestinationRule as the mesh sees it: what a waypoint carries out. Durations and words are as written; whether they mean something is for l7/ to say.
import type { Labels, Meta } from './meta.ts';
import { count, flag, isRaw, items, labels, metaOf, type Raw, raw, said, text, texts } from './read.ts';

export interface RuleLoadBalancer {
  /** Empty: not said. */
  readonly simple: string;
  readonly hash: RuleHash | undefined;
  readonly warmup: string | undefined;
  readonly locality: RuleLocality | undefined;
}

export interface RuleHash {
  readonly header: string;
  readonly cookie: { readonly name: string; readonly path: string; readonly ttl: string | undefined } | undefined;
  readonly sourceIp: boolean;
  readonly query: string;
}

export interface RuleLocality {
  readonly enabled: boolean;
  readonly distribute: readonly { readonly from: string; readonly to: readonly (readonly [where: string, weight: number])[] }[];
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  readonly failoverPriority: readonly string[];
}

export interface RulePool {
  readonly maxConnections: number | undefined;
  readonly connectTimeout: string | undefined;
  readonly tcpIdleTimeout: string | undefined;
  readonly maxPending: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  readonly idleTimeout: string | undefined;
  readonly h2Upgrade: string;
  readonly useClientProtocol: boolean;
}

export interface RuleOutliers {
  readonly consecutive5xx: number | undefined;
  readonly consecutiveGatewayErrors: number | undefined;
  /** Present where failures to reach an endpoint are counted apart. */
  readonly consecutiveLocalFailures: number | undefined;
  readonly interval: string | undefined;
  readonly baseEjection: string | undefined;
  readonly maxEjected: number | undefined;
  readonly minHealthy: number | undefined;
}

export interface RuleTls {
  readonly mode: string;
  readonly sni: string;
  readonly subjectAltNames: readonly string[];
  readonly insecureSkipVerify: boolean;
  /** Names of fields that point at files or Secrets, which waypoints cannot read. */
  readonly elsewhere: readonly string[];
}

/** What one level says; undefined: nothing. */
export interface RulePolicy {
  readonly loadBalancer: RuleLoadBalancer | undefined;
  readonly pool: RulePool | undefined;
  readonly outliers: RuleOutliers | undefined;
  readonly tls: RuleTls | undefined;
  readonly retryBudget: { readonly percent: number | undefined; readonly minRetries: number | undefined } | undefined;
  /** Names of parts that no waypoint carries out. */
  readonly ignored: readonly string[];
}

export interface RuleTrafficPolicy extends RulePolicy {
  readonly ports: readonly (RulePolicy & { readonly port: number })[];
}

export interface DestinationRule {
  readonly meta: Meta;
  readonly host: string;
  readonly exportTo: readonly string[];
  readonly policy: RuleTrafficPolicy;
  readonly subsets: readonly { readonly name: string; readonly labels: Labels; readonly policy: RuleTrafficPolicy }[];
  /** It is for some clients only. */
  readonly forSome: boolean;
}

export const destinationRuleKind = {
  group: 'networking.istio.io',
  version: 'v1',
  plural: 'destinationrules',
  kind: 'DestinationRule',
  namespaced: true,
  narrow(object: unknown): DestinationRule | undefined {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const spec = raw(raw(object).spec);
    return {
      meta,
      host: text(spec.host),
      exportTo: texts(spec.exportTo),
      policy: trafficPolicy(spec.trafficPolicy),
      subsets: items(spec.subsets)
        .map(raw)
        .map((subset) => ({ name: text(subset.name), labels: labels(subset.labels), policy: trafficPolicy(subset.trafficPolicy) })),
      forSome: Object.keys(labels(raw(spec.workloadSelector).matchLabels)).length > 0,
    };
  },
} as const;

function trafficPolicy(value: unknown): RuleTrafficPolicy {
  const policy = raw(value);
  const ports = items(policy.portLevelSettings).flatMap((each) => {
    const port = count(raw(raw(each).port).number);
    return port === undefined ? [] : [{ ...policyOf(raw(each)), port }];
  });
  return { ...policyOf(policy), ports };
}

function policyOf(policy: Raw): RulePolicy {
  const { percent, minRetryConcurrency } = raw(policy.retryBudget);
  return {
    loadBalancer: isRaw(policy.loadBalancer) ? loadBalancerOf(policy.loadBalancer) : undefined,
    pool: isRaw(policy.connectionPool) ? poolOf(policy.connectionPool) : undefined,
    outliers: isRaw(policy.outlierDetection) ? outliersOf(policy.outlierDetection) : undefined,
    tls: isRaw(policy.tls) ? tlsOf(policy.tls) : undefined,
    retryBudget: isRaw(policy.retryBudget)
      ? { percent: typeof percent === 'number' ? percent : undefined, minRetries: count(minRetryConcurrency) }
      : undefined,
    ignored: ['tunnel', 'proxyProtocol'].filter((part) => isRaw(policy[part])),
  };
}

function loadBalancerOf(balancer: Raw): RuleLoadBalancer {
  const { consistentHash, localityLbSetting, simple } = balancer;
  const warmup = said(raw(balancer.warmup).duration) ?? said(balancer.warmupDurationSecs);
  const hash = isRaw(consistentHash) ? hashOf(consistentHash) : undefined;
  return { simple: text(simple), hash, warmup, locality: isRaw(localityLbSetting) ? localityOf(localityLbSetting) : undefined };
}

function hashOf(hash: Raw): RuleHash {
  const { name, path, ttl } = raw(hash.httpCookie);
  return {
    header: text(hash.httpHeaderName),
    cookie: isRaw(hash.httpCookie) ? { name: text(name), path: text(path), ttl: said(ttl) } : undefined,
    sourceIp: flag(hash.useSourceIp),
    query: text(hash.httpQueryParameterName),
  };
}

const localityOf = (setting: Raw): RuleLocality => ({
  enabled: setting.enabled !== false,
  distribute: items(setting.distribute)
    .map(raw)
    .map(({ from, to }) => ({
      from: text(from),
      to: Object.entries(raw(to)).map(([where, weight]) => [where, count(weight) ?? 0] as const),
    })),
  failover: items(setting.failover)
    .map(raw)
    .map(({ from, to }) => ({ from: text(from), to: text(to) })),
  failoverPriority: texts(setting.failoverPriority),
});

function poolOf(pool: Raw): RulePool {
  const [tcp, http] = [raw(pool.tcp), raw(pool.http)];
  return {
    maxConnections: count(tcp.maxConnections),
    connectTimeout: said(tcp.connectTimeout),
    tcpIdleTimeout: said(tcp.idleTimeout),
    maxPending: count(http.http1MaxPendingRequests),
    maxRequests: count(http.http2MaxRequests),
    maxRequestsPerConnection: count(http.maxRequestsPerConnection),
    maxRetries: count(http.maxRetries),
    idleTimeout: said(http.idleTimeout),
    h2Upgrade: text(http.h2UpgradePolicy),
    useClientProtocol: flag(http.useClientProtocol),
  };
}

/** `consecutiveErrors` is the older name of errors of a gateway. */
const outliersOf = (outliers: Raw): RuleOutliers => ({
  consecutive5xx: count(outliers.consecutive5xxErrors),
  consecutiveGatewayErrors: count(outliers.consecutiveGatewayErrors) ?? count(outliers.consecutiveErrors),
  consecutiveLocalFailures: flag(outliers.splitExternalLocalOriginErrors)
    ? (count(outliers.consecutiveLocalOriginFailures) ?? 5)
    : undefined,
  interval: said(outliers.interval),
  baseEjection: said(outliers.baseEjectionTime),
  maxEjected: count(outliers.maxEjectionPercent),
  minHealthy: count(outliers.minHealthPercent),
});

const tlsOf = (tls: Raw): RuleTls => ({
  mode: text(tls.mode) || 'DISABLE',
  sni: text(tls.sni),
  subjectAltNames: texts(tls.subjectAltNames),
  insecureSkipVerify: flag(tls.insecureSkipVerify),
  elsewhere: ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl', 'credentialName'].filter((field) => text(tls[field]) !== ''),
});
