// What the agent counts, named as in the original where it has them (facts: control-plane §2.2). Made once by app.ts.
import type { Metrics } from '@ambient-mesh/runtime/metrics';

export class Telemetry {
  readonly pluginRequests;
  readonly events;
  readonly ztunnels;
  readonly installReady;
  readonly installs;
  readonly enrolTime;
  readonly watchErrors;

  constructor(metrics: Metrics) {
    this.pluginRequests = metrics.counter('istio_cni_plugin_requests_total', 'Questions of the CNI plugin, by answer', ['response_code']);
    this.events = metrics.counter('nodeagent_reconcile_events_total', 'Things done about pods, by what it was', ['type']);
    this.ztunnels = metrics.gauge('ztunnel_connected', 'Ztunnels that are connected', []);
    this.installReady = metrics.gauge('istio_cni_install_ready', 'Whether plugin and chain entry are in place', []);
    this.installs = metrics.counter('istio_cni_installs_total', 'Installations of plugin and chain entry, by result', ['result']);
    this.enrolTime = metrics.histogram(
      'ambient_enrolment_seconds',
      'Seconds that an attempt to do something about a pod took',
      [],
      [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    );
    this.watchErrors = metrics.counter('ambient_kubernetes_watch_errors_total', 'Lists and watches that failed, by kind', ['kind']);
  }
}
