// The DNS metrics: queries, what of them was forwarded, how that went and how long it took; and on-demand look-ups of workloads' hostnames.
// Counted by dns/proxy.ts and outbound/. Label values that a client chooses (the query type) come from a closed list: dns/answer.ts.
import type { Workload } from '@ambient-mesh/model/workload';
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Clock, Ms } from '@ambient-mesh/runtime/time';
import { evictAfter, type LiveNames, partyOf, sourceLabelNames, sourceLabels, stillAbout } from './labels.ts';

const callLabels = ['request_query_type', 'request_protocol', 'source_canonical_service', 'source_canonical_revision'] as const;
const secondsBuckets = [0.0005, 0.001, 0.01, 0.1, 1, 5];

function dnsFamilies(m: Metrics) {
  const labels = m.labels(callLabels);
  const onDemandLabels = m.labels([...sourceLabelNames, 'hostname']);
  return {
    labels,
    requests: m.counter('istio_dns_requests_total', 'DNS queries received (unstable)', labels),
    upstream: m.counter('istio_dns_upstream_requests_total', 'DNS queries forwarded to an upstream server (unstable)', labels),
    failures: m.counter('istio_dns_upstream_failures_total', 'Forwarded DNS queries that failed (unstable)', labels),
    duration: m.histogram(
      'istio_dns_upstream_request_duration_seconds',
      'Time until the upstream server had answered (unstable)',
      labels,
      secondsBuckets,
    ),
    onDemandLabels,
    onDemand: m.counter('istio_on_demand_dns_total', 'Look-ups of the hostname of a workload without address (unstable)', onDemandLabels),
  };
}

/** A query that was counted. */
export interface DnsCall {
  /** It is being forwarded; the result is told how that went. */
  forwarding(): { done(failed: boolean): void };
}

export class DnsMetrics {
  readonly #families: ReturnType<typeof dnsFamilies>;
  readonly #metrics: Metrics;
  readonly #clock: Pick<Clock, 'monotonic'>;

  constructor(metrics: Metrics, clock: Pick<Clock, 'monotonic'>) {
    this.#families = dnsFamilies(metrics);
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** `type` in lower case, as the label shows it. */
  request(type: string, protocol: 'udp' | 'tcp', client: Workload | undefined): DnsCall {
    const f = this.#families;
    const party = client && partyOf(client);
    const labels = {
      request_query_type: type,
      request_protocol: protocol,
      source_canonical_service: party?.canonicalService ?? 'unknown',
      source_canonical_revision: party?.canonicalRevision ?? 'unknown',
    };
    const row = f.labels.rowOf(labels);
    f.requests.seriesOf(row).value += 1;
    return {
      forwarding: () => {
        f.upstream.seriesOf(row).value += 1;
        const startedAt = this.#clock.monotonic();
        return {
          done: (failed) => {
            if (failed) f.failures.seriesOf(row).value += 1;
            f.duration.observe(labels, (this.#clock.monotonic() - startedAt) / 1_000);
          },
        };
      },
    };
  }

  /** A connection of `source` waits for the address of `hostname`. */
  onDemand(source: Workload, hostname: string): void {
    this.#families.onDemand.series([...sourceLabels(partyOf(source), source.identity), hostname]).value += 1;
  }

  /** Evicts the series about workloads that no longer exist; see ConnectionMetrics.sweep. */
  sweep(now: Ms, live: LiveNames): void {
    const { labels, onDemandLabels } = this.#families;
    const canonical = callLabels.indexOf('source_canonical_service');
    this.#metrics.sweep(labels, { now, unusedFor: evictAfter, needed: (v) => live.canonical(v[canonical] ?? '', v[canonical + 1] ?? '') });
    this.#metrics.sweep(onDemandLabels, { now, unusedFor: evictAfter, needed: (v) => stillAbout(v, [0], live) });
  }
}
