// The waypoint's traffic metrics: requests, their durations and sizes, gRPC messages, raw connections (facts: control-plane §6.8).
// Told by telemetry.ts when something has ended; which labels they have for a chain is metric-groups.ts.
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { LabelSet } from '@ambient-mesh/runtime/metrics/labels';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Entry } from './entry.ts';
import { requestLabelNames, tcpLabelNames } from './labels.ts';
import type { Group, MetricId } from './metric-groups.ts';

const buckets = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000];

type Row = ReturnType<LabelSet<string>['row']>;
type Count = (row: Row, entry: Entry) => void;

/** Series whose labels were overridden may hold what clients say: there are at most so many of them at a time. */
const mostOverridden = 10_000;
const unusedFor = ms(15 * 60_000);
const other = 'unknown';

export class TrafficMetrics {
  readonly #metrics: Metrics;
  readonly #request: LabelSet<string>;
  readonly #tcp: LabelSet<string>;
  readonly #counts: Readonly<Record<MetricId, Count>>;
  /** By their names, so that the same labels are the same rows whatever chain they came from. */
  readonly #sets = new Map<string, LabelSet<string>>();
  /** When each was used last. */
  readonly #overridden = new Map<Row, Ms>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    const request = metrics.labels(requestLabelNames);
    const tcp = metrics.labels(tcpLabelNames);
    this.#request = request;
    this.#tcp = tcp;
    for (const set of [request, tcp]) this.#sets.set(set.names.join(), set);
    const requests = metrics.counter('istio_requests_total', 'Requests that went through', request);
    const duration = metrics.histogram(
      'istio_request_duration_milliseconds',
      'Milliseconds from the first octet of a request to the last of its answer',
      request,
      buckets,
    );
    const requestBytes = metrics.histogram('istio_request_bytes', 'Octets of request bodies', request, buckets);
    const responseBytes = metrics.histogram('istio_response_bytes', 'Octets of response bodies', request, buckets);
    const requestMessages = metrics.counter('istio_request_messages_total', 'gRPC messages from clients', request);
    const responseMessages = metrics.counter('istio_response_messages_total', 'gRPC messages to clients', request);
    const opened = metrics.counter('istio_tcp_connections_opened_total', 'Raw connections opened', tcp);
    const closed = metrics.counter('istio_tcp_connections_closed_total', 'Raw connections closed', tcp);
    const sent = metrics.counter('istio_tcp_sent_bytes_total', 'Octets sent to clients', tcp);
    const received = metrics.counter('istio_tcp_received_bytes_total', 'Octets received from clients', tcp);
    const add = (family: typeof requests | typeof opened, row: Row, count: number): void => {
      family.seriesOf(row).value += count;
    };
    this.#counts = {
      REQUEST_COUNT: (row) => add(requests, row, 1),
      REQUEST_DURATION: (row, { milliseconds }) => duration.observeRow(row, milliseconds),
      REQUEST_SIZE: (row, entry) => requestBytes.observeRow(row, entry.requestBytes),
      RESPONSE_SIZE: (row, entry) => responseBytes.observeRow(row, entry.responseBytes),
      GRPC_REQUEST_MESSAGES: (row, { messages }) => messages && add(requestMessages, row, messages.received),
      GRPC_RESPONSE_MESSAGES: (row, { messages }) => messages && add(responseMessages, row, messages.sent),
      TCP_OPENED_CONNECTIONS: (row) => add(opened, row, 1),
      TCP_CLOSED_CONNECTIONS: (row) => add(closed, row, 1),
      TCP_SENT_BYTES: (row, entry) => add(sent, row, entry.responseBytes),
      TCP_RECEIVED_BYTES: (row, entry) => add(received, row, entry.requestBytes),
    };
  }

  /** `usual`: values for the usual labels. `only`: of the groups' metrics, those that are counted now. */
  count(groups: readonly Group[], usual: readonly string[], entry: Entry, now: Ms, only?: (id: MetricId) => boolean): void {
    for (const group of groups) {
      const row = this.#rowOf(group, usual, entry, now);
      for (const id of group.metrics) if (only === undefined || only(id)) this.#counts[id](row, entry);
    }
  }

  /** Lets go of series that have not changed for a quarter of an hour. */
  sweep(now: Ms): void {
    for (const [row, usedAt] of this.#overridden) if (now - usedAt >= unusedFor) this.#overridden.delete(row);
    for (const labels of [this.#request, this.#tcp]) this.#metrics.sweep(labels, { now, unusedFor, needed: () => false });
  }

  #rowOf({ names, values }: Group, usual: readonly string[], entry: Entry, now: Ms): Row {
    if (values === undefined) return (entry.head === undefined ? this.#tcp : this.#request).row(usual);
    const key = names.join();
    const set = this.#sets.get(key) ?? new LabelSet(names);
    this.#sets.set(key, set);
    const row = set.row(values(usual, entry));
    if (this.#overridden.size >= mostOverridden && !this.#overridden.has(row)) return set.row(names.map(() => other));
    this.#overridden.set(row, now);
    return row;
  }
}
