// The traffic metrics: connections opened, closed and failed, bytes received and sent, sockets open.
// One `open` per connection looks its series up once; bytes stay in the connection's own counters and are folded in by `settle`, so moving them costs no metric call.
// Label values come from labels.ts; storing, merging across workers and exposition belong to runtime/metrics.
import type { Registry, Series } from '@ambient-mesh/runtime/metrics';
import type { Bytes } from './access-log.ts';
import type { ResponseFlag } from './flags.ts';
import { type Reporter, type Traffic, trafficLabelNames, trafficLabels, withFlag } from './labels.ts';

/** A connection that is being counted; closed exactly once (later calls do nothing). */
export interface Counted {
  /** Counts it as closed, and as failed unless the flag is `-`. */
  close(flag: ResponseFlag): void;
}

const trafficFamilies = (r: Registry) => ({
  opened: r.ledger('counter', 'istio_tcp_connections_opened', 'The total number of TCP connections opened', trafficLabelNames),
  closed: r.ledger('counter', 'istio_tcp_connections_closed', 'The total number of TCP connections closed', trafficLabelNames),
  failed: r.ledger('counter', 'istio_tcp_connections_failed', 'The total number of TCP connections that failed (unstable)', trafficLabelNames),
  received: r.ledger('counter', 'istio_tcp_received_bytes', 'The size of total bytes received during request in case of a TCP connection', trafficLabelNames),
  sent: r.ledger('counter', 'istio_tcp_sent_bytes', 'The size of total bytes sent during response in case of a TCP connection', trafficLabelNames),
  sockets: r.ledger('gauge', 'istio_tcp_sockets_open', 'The number of TCP sockets open now (unstable)', ['reporter']),
});

export class ConnectionMetrics {
  readonly #families: ReturnType<typeof trafficFamilies>;
  readonly #live = new Set<LiveConnection>();

  constructor(registry: Registry) {
    this.#families = trafficFamilies(registry);
  }

  /** Counts a connection as opened. `bytes` may be updated in place until `close`, from then on it is not read. */
  open(traffic: Traffic, bytes: Readonly<Bytes>): Counted {
    const labels = trafficLabels(traffic);
    const f = this.#families;
    f.opened.series(labels).value += 1;
    const live = new LiveConnection(bytes, f.received.series(labels), f.sent.series(labels));
    this.#live.add(live);
    return {
      close: (flag) => {
        if (!this.#live.delete(live)) return;
        live.settle();
        const final = flag === '-' ? labels : withFlag(labels, flag);
        f.closed.series(final).value += 1;
        if (flag !== '-') f.failed.series(final).value += 1;
      },
    };
  }

  /** Brings the byte counters up to date with the connections that are still open: call it before every snapshot or scrape. */
  settle(): void {
    for (const live of this.#live) live.settle();
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
