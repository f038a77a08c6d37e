// Denials by policy: who was turned away from whom by which policy, which the traffic metrics of Istio cannot say. Our own metric.
// Counted by connection-metrics.ts when a connection ends with DENY. Few labels, so that a policy adds few series.
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import type { Ms } from '@ambient-mesh/runtime/time';
import { evictAfter, type LiveNames, type Traffic } from './labels.ts';

const unknown = 'unknown';
/** In place of a policy's name: policies that allow exist, and none of them did. */
const noneAllowed = 'none';

function denialFamily(m: Metrics) {
  const labels = m.labels([
    'source_workload',
    'source_workload_namespace',
    'source_principal',
    'destination_workload',
    'destination_workload_namespace',
    'destination_service',
    'destination_service_namespace',
    'policy',
  ]);
  return { labels, denials: m.counter('ambient_policy_denials_total', 'Connections turned away or cut by policy (unstable)', labels) };
}

export class DenialMetrics {
  readonly #metrics: Metrics;
  readonly #family: ReturnType<typeof denialFamily>;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#family = denialFamily(metrics);
  }

  /** `policy`: `namespace/name`; undefined when policies that allow exist and none matched. */
  count({ source, sourcePrincipal, destination, service }: Traffic, policy: string | undefined): void {
    const values = [
      source?.workload ?? unknown,
      source?.namespace ?? unknown,
      sourcePrincipal?.uri ?? unknown,
      destination?.workload ?? unknown,
      destination?.namespace ?? unknown,
      service?.hostname ?? unknown,
      service?.namespace ?? unknown,
      policy ?? noneAllowed,
    ];
    this.#family.denials.series(values).value += 1;
  }

  /** Evicts the series about workloads that no longer exist, as those of the traffic. */
  sweep(now: Ms, live: LiveNames): void {
    const exists = (workload = unknown, namespace = unknown): boolean => live.workload(namespace, workload);
    this.#metrics.sweep(this.#family.labels, {
      now,
      unusedFor: evictAfter,
      needed: ([client, clientNamespace, , server, serverNamespace]) => exists(client, clientNamespace) && exists(server, serverNamespace),
    });
  }
}
