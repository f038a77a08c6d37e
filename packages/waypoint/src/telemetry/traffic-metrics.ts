// The waypoint's traffic metrics: requests, their durations and sizes, gRPC messages, raw connections (facts: control-plane §6.8).
// Told by route/ and tcp/ when something has ended; knows nothing of who decided what.
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { requestLabelNames, tcpLabelNames } from './labels.ts';

const buckets = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000];

export interface RequestNumbers {
  readonly milliseconds: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of gRPC, where they were counted. */
  readonly messages?: { readonly sent: number; readonly received: number } | undefined;
}

export class TrafficMetrics {
  readonly #requests;
  readonly #duration;
  readonly #requestBytes;
  readonly #responseBytes;
  readonly #requestMessages;
  readonly #responseMessages;
  readonly #opened;
  readonly #closed;
  readonly #sent;
  readonly #received;

  constructor(metrics: Metrics) {
    const request = metrics.labels(requestLabelNames);
    const tcp = metrics.labels(tcpLabelNames);
    this.#requests = metrics.counter('istio_requests_total', 'Requests that went through', request);
    this.#duration = metrics.histogram(
      'istio_request_duration_milliseconds',
      'Milliseconds from the first octet of a request to the last of its answer',
      request,
      buckets,
    );
    this.#requestBytes = metrics.histogram('istio_request_bytes', 'Octets of request bodies', request, buckets);
    this.#responseBytes = metrics.histogram('istio_response_bytes', 'Octets of response bodies', request, buckets);
    this.#requestMessages = metrics.counter('istio_request_messages_total', 'gRPC messages from clients', request);
    this.#responseMessages = metrics.counter('istio_response_messages_total', 'gRPC messages to clients', request);
    this.#opened = metrics.counter('istio_tcp_connections_opened_total', 'Raw connections opened', tcp);
    this.#closed = metrics.counter('istio_tcp_connections_closed_total', 'Raw connections closed', tcp);
    this.#sent = metrics.counter('istio_tcp_sent_bytes_total', 'Octets sent to clients', tcp);
    this.#received = metrics.counter('istio_tcp_received_bytes_total', 'Octets received from clients', tcp);
  }

  /** `labels`: values for `requestLabelNames`. */
  request(labels: readonly string[], { milliseconds, requestBytes, responseBytes, messages }: RequestNumbers): void {
    const row = this.#requests.options.labels.row(labels);
    this.#requests.seriesOf(row).value += 1;
    this.#duration.observeRow(row, milliseconds);
    this.#requestBytes.observeRow(row, requestBytes);
    this.#responseBytes.observeRow(row, responseBytes);
    if (messages === undefined) return;
    this.#requestMessages.seriesOf(row).value += messages.received;
    this.#responseMessages.seriesOf(row).value += messages.sent;
  }

  /** `labels`: values for `tcpLabelNames`. */
  opened(labels: readonly string[]): void {
    this.#opened.series(labels).value += 1;
  }

  closed(labels: readonly string[], bytes: { readonly sent: number; readonly received: number }): void {
    const row = this.#closed.options.labels.row(labels);
    this.#closed.seriesOf(row).value += 1;
    this.#sent.seriesOf(row).value += bytes.sent;
    this.#received.seriesOf(row).value += bytes.received;
  }
}
