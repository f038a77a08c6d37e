// Everything that one thread counts and tells of its traffic, in one object: built once per data thread, and once in the main thread to merge into.
// Used by outbound/, inbound/, dns/ and the engine; what is counted and how is in the files beside it.
import type { Workload } from '@ambient-mesh/model/workload';
import type { Log } from '@ambient-mesh/runtime/log';
import type { Family, Metrics } from '@ambient-mesh/runtime/metrics';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import { accessTarget } from './access-log.ts';
import { ConnectionMetrics } from './connection-metrics.ts';
import { ConnectionReports } from './connection-report.ts';
import { DnsMetrics } from './dns-metrics.ts';
import { HearsayParties } from './hearsay.ts';
import { liveNames, type Reporter } from './labels.ts';

const sweepEvery = ms(60_000);

export class Telemetry {
  /** Opens a report per connection. */
  readonly connections: ConnectionReports;
  readonly dns: DnsMetrics;
  readonly hearsay: HearsayParties;
  readonly #counted: ConnectionMetrics;
  readonly #revoked: Family<'reporter'>;
  readonly #untracked: Family<'reporter'>;
  readonly #clock: Clock;
  #sweptAt: Ms;

  constructor(metrics: Metrics, log: Log, clock: Clock) {
    this.#counted = new ConnectionMetrics(metrics);
    this.connections = new ConnectionReports({ metrics: this.#counted, access: log.for(accessTarget), clock });
    this.dns = new DnsMetrics(metrics, clock);
    this.hearsay = new HearsayParties(clock);
    this.#revoked = metrics.counter(
      'istio_crl_policy_rejections_total',
      'Peers turned away because their certificate is revoked (unstable)',
      ['reporter'],
    );
    this.#untracked = metrics.counter(
      'istio_crl_untracked_connections_total',
      'Connections that could not be watched for revocation (unstable)',
      ['reporter'],
    );
    this.#clock = clock;
    this.#sweptAt = clock.monotonic();
  }

  /** Counts an accepted TCP socket until the result is disposed of. An HBONE connection counts once, whatever its streams. */
  socketOpen(reporter: Reporter): Disposable {
    return this.#counted.socketOpen(reporter);
  }

  /** Peers turned away, or cut off, because their certificate is revoked. */
  revoked({ inbound, outbound }: { readonly inbound: number; readonly outbound: number }): void {
    if (inbound > 0) this.#revoked.series(['destination']).value += inbound;
    if (outbound > 0) this.#revoked.series(['source']).value += outbound;
  }

  /** Revocation is on, but this connection could not be watched. */
  untracked(reporter: Reporter): void {
    this.#untracked.series([reporter]).value += 1;
  }

  /** Every minute, and before every snapshot or scrape: folds in the bytes of open connections, and now and then evicts series about workloads that are gone. */
  settle(workloads: () => Iterable<Workload>): void {
    this.#counted.settle();
    const now = this.#clock.monotonic();
    if (now - this.#sweptAt < sweepEvery) return;
    this.#sweptAt = now;
    const live = liveNames(workloads());
    this.#counted.sweep(now, live);
    this.dns.sweep(now, live);
  }
}
