// Denials by policy: whose requests and raw connections which policy turned away. Our own metric, the same as the ztunnel's.
// Counted by telemetry.ts when something has ended. Which policy it was is read from the details that the log shows, in Envoy's words.
import type { Metrics } from '@ambient-mesh/runtime/metrics';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import { type Inlet, serviceOf } from '../inlet.ts';
import type { Entry } from './entry.ts';

const unknown = 'unknown';
const unusedFor = ms(15 * 60_000);

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
  return { labels, denials: m.counter('ambient_policy_denials_total', 'Requests and raw connections turned away by policy', labels) };
}

export class DenialMetrics {
  readonly #metrics: Metrics;
  readonly #family: ReturnType<typeof denialFamily>;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#family = denialFamily(metrics);
  }

  /** Does nothing when `details` tell of no policy. */
  count(inlet: Inlet, endpoint: Entry['endpoint'], details: string): void {
    const policy = denyingPolicy(details);
    if (policy === undefined) return;
    const { workload: from, identity } = inlet.source;
    const to = endpoint?.workload ?? ('service' in inlet.to ? undefined : inlet.to.workload);
    const service = serviceOf(inlet);
    const values = [
      from?.workloadName || unknown,
      from?.namespace || identity?.namespace || unknown,
      identity?.uri ?? unknown,
      to?.workloadName || unknown,
      to?.namespace || unknown,
      service?.hostname ?? unknown,
      service?.namespace ?? unknown,
      policy,
    ];
    this.#family.denials.series(values).value += 1;
  }

  sweep(now: Ms): void {
    this.#metrics.sweep(this.#family.labels, { now, unusedFor, needed: () => false });
  }
}

/** `namespace/name`; `none`: policies that allow exist, and none of them did. Undefined: no policy decided. */
export function denyingPolicy(details: string): string | undefined {
  const matched = /^rbac_access_denied_matched_policy\[(.*)\]$/s.exec(details)?.[1];
  if (matched === undefined || matched === 'none') return matched;
  const named = /ns\[([^[\]]*)\]-policy\[([^[\]]*)\]-rule\[\d+\]/.exec(matched);
  return named === null ? undefined : `${named[1]}/${named[2]}`;
}
