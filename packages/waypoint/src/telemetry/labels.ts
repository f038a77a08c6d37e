// Who took part in a request, and the label values of the waypoint's metrics made from that (facts: control-plane §6.8). Pure.
// Names, their order and the word for a missing value are Istio's: dashboards and Kiali join on them.
import type { Service } from '@ambient-mesh/model/service';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';

/** One end as telemetry names it; absent: not known. */
export interface Source {
  readonly workload: Workload | undefined;
  /** Proven by its certificate. */
  readonly identity: SpiffeId | undefined;
}

const partyLabelNames = [
  'reporter',
  'source_workload',
  'source_canonical_service',
  'source_canonical_revision',
  'source_workload_namespace',
  'source_principal',
  'source_app',
  'source_version',
  'source_cluster',
  'destination_workload',
  'destination_workload_namespace',
  'destination_principal',
  'destination_app',
  'destination_version',
  'destination_service',
  'destination_canonical_service',
  'destination_canonical_revision',
  'destination_service_name',
  'destination_service_namespace',
  'destination_cluster',
  'request_protocol',
] as const;

export const requestLabelNames = [
  ...partyLabelNames,
  'response_code',
  'grpc_response_status',
  'response_flags',
  'connection_security_policy',
] as const;
export const tcpLabelNames = [...partyLabelNames, 'response_flags', 'connection_security_policy'] as const;

const unknown = 'unknown';

/** Values for `partyLabelNames`. */
export function partyLabels(
  { workload: from, identity }: Source,
  to: Workload | undefined,
  service: Service | undefined,
  protocol: 'http' | 'grpc' | 'tcp',
): readonly string[] {
  return [
    'waypoint',
    from?.workloadName || unknown,
    from?.canonicalName || unknown,
    from?.canonicalRevision || 'latest',
    from?.namespace || identity?.namespace || unknown,
    identity?.uri ?? unknown,
    from?.canonicalName || unknown,
    from?.canonicalRevision || 'latest',
    from?.clusterId || unknown,
    to?.workloadName || unknown,
    to?.namespace || unknown,
    to === undefined || to.protocol === 'TCP' ? unknown : to.identity.uri,
    to?.canonicalName || unknown,
    to?.canonicalRevision || 'latest',
    service?.hostname ?? unknown,
    to?.canonicalName || unknown,
    to?.canonicalRevision || 'latest',
    service?.name ?? unknown,
    service?.namespace ?? unknown,
    to?.clusterId || unknown,
    protocol,
  ];
}
