// What istiod-lite counts: the metric families, named as in the original where it has them.
// Made once by app.ts; parts get the functions they report to. Texts go to the log, numbers to the metrics.
import type { Metrics } from '@ambient-mesh/runtime/metrics';

const pushSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Telemetry {
  readonly pushes;
  readonly pushTime;
  readonly settleTime;
  readonly rejects;
  readonly refusedClients;
  readonly certificates;
  readonly citadel;
  readonly watchErrors;
  readonly relists;
  readonly skipped;
  readonly statusWrites;
  readonly statusErrors;

  constructor(metrics: Metrics) {
    this.pushes = metrics.counter('pilot_xds_pushes_total', 'Responses sent to clients, by type of resource', ['type']);
    this.pushTime = metrics.histogram(
      'pilot_proxy_convergence_time',
      'Seconds from a change at the API server to its acknowledgement by a client',
      [],
      pushSeconds,
    );
    this.settleTime = metrics.histogram('ambient_index_settle_seconds', 'Seconds that the index took to follow changes', [], pushSeconds);
    this.rejects = metrics.counter('pilot_total_xds_rejects_total', 'Responses that clients refused, by type of resource', ['type']);
    this.refusedClients = metrics.counter('ambient_xds_refused_clients_total', 'Streams that were not admitted, by reason', ['reason']);
    this.certificates = metrics.counter('ambient_certificate_requests_total', 'Requests for certificates, by result', ['result']);
    this.citadel = {
      requests: metrics.counter('citadel_server_csr_count_total', 'Requests for certificates', []),
      issued: metrics.counter('citadel_server_success_cert_issuance_count_total', 'Certificates signed', []),
      unauthenticated: metrics.counter('citadel_server_authentication_failure_count_total', 'Requests by callers that are not known', []),
      unreadable: metrics.counter('citadel_server_csr_parsing_err_count_total', 'Requests that cannot be used', []),
      unsigned: metrics.counter('citadel_server_csr_sign_err_count_total', 'Requests that could not be signed, by error', ['error']),
    };
    this.watchErrors = metrics.counter('ambient_kubernetes_watch_errors_total', 'Lists and watches that failed, by kind', ['kind']);
    this.relists = metrics.counter('ambient_kubernetes_lists_total', 'Lists of whole kinds, by kind', ['kind']);
    this.skipped = metrics.counter('ambient_kubernetes_skipped_objects_total', 'Objects that could not be read, by kind', ['kind']);
    this.statusWrites = metrics.counter('ambient_status_writes_total', 'Statuses written, by kind', ['kind']);
    this.statusErrors = metrics.counter('ambient_status_errors_total', 'Statuses given up after retries, by kind', ['kind']);
  }
}
