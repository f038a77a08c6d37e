// The traffic metrics: connections opened, closed and failed, bytes received and sent, sockets open.
// One `open` per connection looks its series up once; bytes stay in the connection's own counters and are folded in by `settle`, so moving them costs no metric call.
// Label values come from labels.ts; storing, merging across workers and exposition belong to runtime/metrics.
import type { Metrics, Series } from '@ambient-mesh/runtime/metrics';
import type { Ms } from '@ambient-mesh/runtime/time';
import type { Bytes } from './access-log.ts';
import { DenialMetrics } from './denial-metrics.ts';
import type { ResponseFlag } from './flags.ts';
import {
  evictAfter,
  type LiveNames,
  partiesAt,
  type Reporter,
  stillAbout,
  type Traffic,
  trafficLabelNames,
  trafficLabels,
  withFlag,
} from './labels.ts';

/** A connection that is being counted; closed exactly once (later calls do nothing). */
export interface Counted {
  /** Counts it as closed, and as failed unless the flag is `-`. `policy`: which one denied it, with the flag `DENY`. */
  close(flag: ResponseFlag, policy?: string): void;
  /** The same with the flag `-`, and that it had not ended by itself when its drain did. */
  cut(): void;
}

function trafficFamilies(m: Metrics) {
  const labels = m.labels(trafficLabelNames);
  return {
    labels,
    opened: m.counter('istio_tcp_connections_opened_total', 'TCP connections opened', labels),
    closed: m.counter('istio_tcp_connections_closed_total', 'TCP connections closed', labels),
    failed: m.counter('istio_tcp_connections_failed_total', 'TCP connections that ended with an error (unstable)', labels),
    received: m.counter('istio_tcp_received_bytes_total', 'Bytes read from the client side of TCP connections', labels),
    sent: m.counter('istio_tcp_sent_bytes_total', 'Bytes given back to the client side of TCP connections', labels),
    cut: m.counter('ambient_connections_cut_total', 'Connections that were open when their drain ended (unstable)', ['reporter']),
    sockets: m.gauge('istio_tcp_sockets_open', 'TCP sockets accepted and still open (unstable)', ['reporter']),
  };
}

export class ConnectionMetrics {
  readonly #metrics: Metrics;
  readonly #families: ReturnType<typeof trafficFamilies>;
  readonly #denials: DenialMetrics;
  readonly #live = new Set<LiveConnection>();

  constructor(metrics: Metrics) {
    this.#families = trafficFamilies(metrics);
    this.#denials = new DenialMetrics(metrics);
    this.#metrics = metrics;
  }

  /** Counts a connection as opened. `bytes` may be updated in place until `close`, from then on it is not read. */
  open(traffic: Traffic, bytes: Readonly<Bytes>): Counted {
    const f = this.#families;
    const labels = trafficLabels(traffic);
    const row = f.labels.row(labels);
    f.opened.seriesOf(row).value += 1;
    const live = new LiveConnection(bytes, f.received.seriesOf(row), f.sent.seriesOf(row));
    this.#live.add(live);
    const close = (flag: ResponseFlag, policy?: string): void => {
      if (!this.#live.delete(live)) return;
      live.settle();
      const final = flag === '-' ? row : f.labels.row(withFlag(labels, flag));
      f.closed.seriesOf(final).value += 1;
      if (flag !== '-') f.failed.seriesOf(final).value += 1;
      if (flag === 'DENY') this.#denials.count(traffic, policy);
    };
    const cut = (): void => {
      if (this.#live.has(live)) f.cut.series([traffic.reporter]).value += 1;
      close('-');
    };
    return { close, cut };
  }

  /** Brings the byte counters up to date with the connections that are still open: call it before every snapshot or scrape. */
  settle(): void {
    for (const live of this.#live) live.settle();
  }

  /** Evicts the series about workloads that no longer exist, 15 min after their last change; call it every minute or so. */
  sweep(now: Ms, live: LiveNames): void {
    this.#metrics.sweep(this.#families.labels, { now, unusedFor: evictAfter, needed: (values) => stillAbout(values, partiesAt, live) });
    this.#denials.sweep(now, live);
  }

  /** Counts an accepted TCP socket until the result is disposed of. An HBONE connection counts once, whatever its streams. */
  socketOpen(reporter: Reporter): Disposable {
    const series = this.#families.sockets.series([reporter]);
    series.value += 1;
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (open) series.value -= 1;
        open = false;
      },
    };
  }
}

class LiveConnection {
  readonly #bytes: Readonly<Bytes>;
  readonly #received: Series;
  readonly #sent: Series;
  #countedReceived = 0;
  #countedSent = 0;

  constructor(bytes: Readonly<Bytes>, received: Series, sent: Series) {
    this.#bytes = bytes;
    this.#received = received;
    this.#sent = sent;
  }

  settle(): void {
    const { received, sent } = this.#bytes;
    this.#received.value += received - this.#countedReceived;
    this.#sent.value += sent - this.#countedSent;
    this.#countedReceived = received;
    this.#countedSent = sent;
  }
}
