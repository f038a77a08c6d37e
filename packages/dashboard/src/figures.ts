// Sums of what several series say of the same traffic. Pure.
// Filled in by edges.ts; rates and quantiles are made of it when an edge is written down.
import type { GraphEdge, HttpFigures, Security } from './graph.ts';
import type { Measured } from './series.ts';

/** One that is the same for all, '' when there are several. */
class Only {
  #value: string | undefined;

  add(value: string): void {
    if (value !== '') this.#value = this.#value === undefined || this.#value === value ? value : '';
  }

  get value(): string {
    return this.#value ?? '';
  }
}

export class Figures {
  /** Bytes from the client to the server, and back. */
  sent = 0;
  received = 0;
  opened = 0;
  /** Opened less closed, ever. */
  open = 0;
  failed = 0;
  denied = 0;
  requests = 0;
  errors = 0;
  /** Connections and requests by how they are protected. */
  readonly securities = new Map<Security, number>();
  /** Denials by policy. */
  readonly policies = new Map<string, number>();
  /** Cumulative counts of requests by upper bound, in milliseconds. */
  readonly buckets = new Map<number, number>();
  readonly source = new Only();
  readonly destination = new Only();

  add({ family, subject, increase, latest }: Measured): void {
    this.source.add(subject.principals.source);
    this.destination.add(subject.principals.destination);
    switch (family) {
      case 'istio_tcp_connections_opened_total':
        this.opened += increase;
        this.open += latest;
        addTo(this.securities, subject.security, increase);
        break;
      case 'istio_tcp_connections_closed_total':
        this.open -= latest;
        if (subject.outcome === 'denied') this.denied += increase;
        else if (subject.outcome === 'failed') this.failed += increase;
        break;
      case 'istio_tcp_received_bytes_total':
      case 'istio_request_bytes_sum':
        this.sent += increase;
        break;
      case 'istio_tcp_sent_bytes_total':
      case 'istio_response_bytes_sum':
        this.received += increase;
        break;
      case 'ambient_policy_denials_total':
        addTo(this.policies, subject.policy, increase);
        break;
      case 'istio_requests_total':
        this.requests += increase;
        if (subject.outcome === 'failed') this.errors += increase;
        addTo(this.securities, subject.security, increase);
        break;
      case 'istio_request_duration_milliseconds_bucket':
        addTo(this.buckets, subject.bound, increase);
        break;
      default:
        family satisfies never;
    }
  }

  /** Bytes, connections, denials and who took part. */
  mergeConnections(other: Figures): void {
    this.sent += other.sent;
    this.received += other.received;
    this.opened += other.opened;
    this.open += other.open;
    this.failed += other.failed;
    this.mergeDenials(other);
    for (const [security, count] of other.securities) addTo(this.securities, security, count);
    this.source.add(other.source.value);
    this.destination.add(other.destination.value);
  }

  mergeDenials(other: Figures): void {
    this.takeDenials(other, 1);
  }

  /** A part of them, up to 1. */
  takeDenials(other: Figures, part: number): void {
    if (part <= 0) return;
    this.denied += other.denials * part;
    for (const [policy, count] of other.policies) addTo(this.policies, policy, count * part);
  }

  /** `other` says which policies denied, of denials that are counted here already. */
  explainDenials({ policies, source }: Figures): void {
    for (const [policy, count] of policies) addTo(this.policies, policy, count);
    this.source.add(source.value);
  }

  /** By flags or by policy, whichever counted more: one may be missing. */
  get denials(): number {
    return Math.max(this.denied, sum(this.policies));
  }

  mergeRequests(other: Figures): void {
    this.requests += other.requests;
    this.errors += other.errors;
    for (const [bound, count] of other.buckets) addTo(this.buckets, bound, count);
  }

  /** `mixed` when some is protected and some in clear. Of what nothing uses now, what it was before. */
  get security(): Security {
    const told = [...this.securities].filter(([security]) => security !== 'unknown');
    const used = told.filter(([, count]) => count > 0);
    const [first = 'unknown', ...others] = (used.length > 0 ? used : told).map(([security]) => security);
    if (others.length === 0) return first;
    return first === 'none' || others.includes('none') ? 'mixed' : 'mutual_tls';
  }

  /** What an edge says of it; `seconds` may be 0 when nothing was measured twice yet. */
  rates(seconds: number): Omit<GraphEdge, 'id' | 'from' | 'to' | 'protocol' | 'deniedBy' | 'principals'> {
    const rate = (count: number): number => (seconds > 0 ? round(count / seconds) : 0);
    const requests = this.#http(rate);
    return {
      security: this.security,
      bytesPerSecond: { sent: rate(this.sent), received: rate(this.received) },
      connectionsPerSecond: rate(this.opened),
      openConnections: Math.max(0, Math.round(this.open)),
      failuresPerSecond: rate(this.failed + this.errors),
      denialsPerSecond: rate(this.denials),
      // Prometheus extrapolates, and one denial must not become none.
      denials: this.denials > 0 ? Math.max(1, Math.round(this.denials)) : 0,
      ...(requests && { http: requests }),
    };
  }

  #http(rate: (count: number) => number): HttpFigures | undefined {
    if (this.requests === 0 && this.buckets.size === 0) return undefined;
    return {
      requestsPerSecond: rate(this.requests),
      errorRate: this.requests > 0 ? round(this.errors / this.requests) : 0,
      p50Ms: round(quantile(this.buckets, 0.5)),
      p99Ms: round(quantile(this.buckets, 0.99)),
    };
  }
}

/** Linear within a bucket, as Prometheus does it; the highest finite bound for what lies beyond, 0 where nothing was counted. */
export function quantile(buckets: ReadonlyMap<number, number>, q: number): number {
  const sorted = [...buckets].sort(([a], [b]) => a - b);
  const wanted = q * (sorted.at(-1)?.[1] ?? 0);
  let [lower, below] = [0, 0];
  if (wanted === 0) return 0;
  for (const [bound, count] of sorted) {
    if (count >= wanted) return Number.isFinite(bound) ? lower + ((bound - lower) * (wanted - below)) / (count - below) : lower;
    [lower, below] = [bound, count];
  }
  return lower;
}

const sum = (counts: ReadonlyMap<string, number>): number => counts.values().reduce((total, count) => total + count, 0);

const round = (n: number): number => (n >= 100 ? Math.round(n) : Math.round(n * 1_000) / 1_000);

function addTo<K>(counts: Map<K, number>, key: K, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
