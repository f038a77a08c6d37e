// What a DestinationRule says at one of its levels, in the model's words, and how levels lie on top of each other (facts: control-plane §6.6). Pure.
// Used by destination-rule.ts.
import type { Balance, ConnectionLimits, OutlierDetection, TlsOrigination, TrafficPolicy } from '@ambient-mesh/model/l7/destination';
import type {
  RuleHash,
  RuleLoadBalancer,
  RuleOutliers,
  RulePolicy,
  RulePool,
  RuleTls,
  RuleTrafficPolicy,
} from '../kinds/destination-rule.ts';
import { durationOf } from './duration.ts';

/** What is not a level's to say is absent. */
type Parts = Omit<TrafficPolicy, 'ports'>;

/** One rule, or one of its subsets: what it says of all ports, and of single ones. */
export interface Level {
  readonly all: Parts;
  readonly ports: ReadonlyMap<number, Parts>;
}

/** `place` names the level in what is added to `problems`. */
export function partsOf(policy: RuleTrafficPolicy, place: string, problems: string[]): Level {
  const at = (port: number) => `${place}, port ${port}`;
  return {
    all: levelOf(policy, new Place(place, problems)),
    ports: new Map(policy.ports.map((each) => [each.port, levelOf(each, new Place(at(each.port), problems))])),
  };
}

/** A part that the upper level names replaces the lower one's, at every port; its ports replace in turn. */
export function mergedOver(lower: Level, upper: Level): Level {
  const ports = new Set([...lower.ports.keys(), ...upper.ports.keys()]);
  return {
    all: { ...lower.all, ...upper.all },
    ports: new Map(Array.from(ports, (port) => [port, { ...lower.ports.get(port), ...upper.all, ...upper.ports.get(port) }])),
  };
}

export const trafficPolicy = ({ all, ports }: Level): TrafficPolicy => ({
  ...all,
  ports: Array.from(ports, ([port, parts]) => ({ ...parts, port })).sort((a, b) => a.port - b.port),
});

class Place {
  readonly #name: string;
  readonly #problems: string[];

  constructor(name: string, problems: string[]) {
    this.#name = name;
    this.#problems = problems;
  }

  say(what: string): void {
    this.#problems.push(`${this.#name}: ${what}`);
  }

  duration(written: string | undefined, field: string): number | undefined {
    const duration = durationOf(written);
    if (written !== undefined && duration === undefined) this.say(`${field} ${written} is no duration`);
    return duration;
  }
}

function levelOf({ loadBalancer, pool, outliers, tls, retryBudget, ignored }: RulePolicy, place: Place): Parts {
  for (const part of ignored) place.say(`${part} is not carried out by waypoints`);
  return {
    ...(loadBalancer && { balance: balanceOf(loadBalancer, place) }),
    ...(pool && { pool: limitsOf(pool, place) }),
    ...(outliers && { outliers: outliersOf(outliers, place) }),
    ...(tls && { tls: tlsOf(tls, place) }),
    ...(retryBudget && { retryBudget: { percent: retryBudget.percent ?? 20, minRetries: retryBudget.minRetries ?? 3 } }),
  };
}

const simple: ReadonlyMap<string, Balance['by']> = new Map([
  ['', 'least-request'],
  ['UNSPECIFIED', 'least-request'],
  ['LEAST_CONN', 'least-request'],
  ['LEAST_REQUEST', 'least-request'],
  ['ROUND_ROBIN', 'round-robin'],
  ['RANDOM', 'random'],
  ['PASSTHROUGH', 'passthrough'],
]);

function balanceOf(written: RuleLoadBalancer, place: Place): Balance {
  const { locality } = written;
  const by = simple.get(written.simple);
  if (by === undefined) place.say(`loadBalancer ${written.simple} is not known`);
  const hash = written.hash && hashOf(written.hash, place);
  if (written.hash && !hash) place.say('consistentHash names nothing to hash');
  if (locality && locality.failoverPriority.length > 0) place.say('failoverPriority is not carried out by waypoints');
  const warmup = place.duration(written.warmup, 'warmup');
  return {
    ...(hash ? { by: 'hash', hash } : { by: by ?? 'least-request' }),
    ...(warmup !== undefined && { warmup }),
    ...(locality && { locality: { enabled: locality.enabled, failover: locality.failover, distribute: locality.distribute } }),
  };
}

function hashOf({ header, cookie, sourceIp, query }: RuleHash, place: Place): Balance['hash'] | undefined {
  if (header !== '') return { header: header.toLowerCase() };
  if (cookie !== undefined && cookie.name !== '') {
    const ttl = place.duration(cookie.ttl, 'ttl');
    return { cookie: cookie.name, ...(ttl !== undefined && { ttl }), ...(cookie.path !== '' && { path: cookie.path }) };
  }
  if (sourceIp) return { sourceIp: true };
  return query === '' ? undefined : { query };
}

/** 0 and less are how these objects say "no limit". */
const limit = <F extends string>(field: F, value: number | undefined): Partial<Record<F, number>> =>
  value === undefined || value <= 0 ? {} : ({ [field]: value } as Partial<Record<F, number>>);

function limitsOf(pool: RulePool, place: Place): ConnectionLimits {
  const idle = place.duration(pool.idleTimeout, 'idleTimeout') ?? place.duration(pool.tcpIdleTimeout, 'idleTimeout');
  return {
    ...limit('maxConnections', pool.maxConnections),
    ...limit('connectTimeout', place.duration(pool.connectTimeout, 'connectTimeout')),
    ...limit('maxPendingRequests', pool.maxPending),
    ...limit('maxRequests', pool.maxRequests),
    ...limit('maxRequestsPerConnection', pool.maxRequestsPerConnection),
    ...limit('maxRetries', pool.maxRetries),
    ...limit('idleTimeout', idle),
    ...(pool.h2Upgrade === 'UPGRADE' && { h2Upgrade: true }),
    ...(pool.h2Upgrade === 'DO_NOT_UPGRADE' && { h2Upgrade: false }),
    ...(pool.useClientProtocol && { useClientProtocol: true }),
  };
}

const outliersOf = (written: RuleOutliers, place: Place): OutlierDetection => ({
  consecutive5xx: written.consecutive5xx ?? 5,
  consecutiveGatewayErrors: written.consecutiveGatewayErrors ?? 0,
  ...(written.consecutiveLocalFailures !== undefined && { consecutiveLocalFailures: written.consecutiveLocalFailures }),
  interval: place.duration(written.interval, 'interval') || 10_000,
  baseEjection: place.duration(written.baseEjection, 'baseEjectionTime') || 30_000,
  maxEjected: percent(written.maxEjected ?? 10),
  minHealthy: percent(written.minHealthy ?? 0),
});

const percent = (value: number): number => Math.min(100, Math.max(0, value));

const modes: ReadonlyMap<string, TlsOrigination['mode']> = new Map([
  ['DISABLE', 'disable'],
  // The tunnel has mutual TLS already: inside it there is none.
  ['ISTIO_MUTUAL', 'disable'],
  ['SIMPLE', 'simple'],
  ['MUTUAL', 'mutual'],
]);

/** A mode that nobody knows is TLS: never less than was asked for. */
function tlsOf({ mode: written, sni, subjectAltNames, insecureSkipVerify, elsewhere }: RuleTls, place: Place): TlsOrigination {
  const mode = modes.get(written);
  if (mode === undefined) place.say(`tls mode ${written} is not known, and taken for SIMPLE`);
  for (const field of elsewhere) place.say(`tls ${field} names a file or a Secret, which waypoints cannot read`);
  return { mode: mode ?? 'simple', ...(sni !== '' && { sni }), subjectAltNames, insecureSkipVerify };
}
