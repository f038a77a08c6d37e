// What a series of a proxy is about: who, whom, how, and how it went. Pure.
// Made once per series from its labels, for collect.ts and prometheus.ts; what the graph makes of it is edges.ts.
// The names of metrics and labels are Istio's (facts: ztunnel §9.1, control-plane §6.8), and one of our own.
import type { Labels } from './exposition.ts';
import type { Protocol, Security } from './graph.ts';

/** What the graph needs, of ztunnels and of waypoints. */
export const families = [
  'istio_tcp_connections_opened_total',
  'istio_tcp_connections_closed_total',
  'istio_tcp_received_bytes_total',
  'istio_tcp_sent_bytes_total',
  'ambient_policy_denials_total',
  'istio_requests_total',
  'istio_request_duration_milliseconds_bucket',
  'istio_request_bytes_sum',
  'istio_response_bytes_sum',
] as const;
export type Family = (typeof families)[number];

/** A workload or service. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name` */
  readonly key: string;
}

export interface Subject {
  /** Denials do not say. */
  readonly reporter: 'source' | 'destination' | 'waypoint' | undefined;
  /** Undefined: not known, which is everything outside the mesh. */
  readonly source: Place | undefined;
  readonly destination: Place | undefined;
  readonly service: Place | undefined;
  readonly protocol: Protocol;
  readonly security: Security;
  readonly outcome: 'well' | 'denied' | 'failed';
  /** `namespace/name`; `none`: policies that allow exist, and none of them did. Empty: not told. */
  readonly policy: string;
  /** Upper bound of a histogram's bucket; infinite for the last one and for what is no bucket. */
  readonly bound: number;
  /** SPIFFE IDs; '' when not known. */
  readonly principals: { readonly source: string; readonly destination: string };
  /** Same source, same destination. */
  readonly pairKey: string;
}

/** A series, and what became of it in a window. */
export interface Measured {
  readonly family: Family;
  readonly subject: Subject;
  /** In the window. */
  readonly increase: number;
  /** The counter as it was last seen; 0 if whoever told it is gone. */
  readonly latest: number;
  /** The waypoint that tells it; undefined: a ztunnel does, or nobody knows which waypoint. */
  readonly by: Place | undefined;
}

export const placeOf = (namespace: string, name: string): Place => ({ namespace, name, key: `${namespace}/${name}` });

export function subjectOf(labels: Labels): Subject {
  const said = (name: string): string => {
    const value = labels.get(name) ?? '';
    return value === 'unknown' ? '' : value;
  };
  const source = place(said('source_workload_namespace'), said('source_workload'));
  const destination = place(said('destination_workload_namespace'), said('destination_workload'));
  const reporter = reporters.find((each) => each === said('reporter'));
  const bound = labels.get('le');
  return {
    reporter,
    source,
    destination,
    service: place(said('destination_service_namespace'), said('destination_service_name') || shortName(said('destination_service'))),
    protocol: protocols.find((each) => each === said('request_protocol')) ?? 'tcp',
    security: securityOf(said('connection_security_policy'), reporter),
    outcome: outcomeOf(said),
    policy: said('policy'),
    bound: bound === undefined || bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound),
    principals: { source: said('source_principal'), destination: said('destination_principal') },
    pairKey: `${source?.key ?? ''}>${destination?.key ?? ''}`,
  };
}

const reporters = ['source', 'destination', 'waypoint'] as const;
const protocols = ['http', 'grpc', 'tcp'] as const;

function place(namespace: string, name: string): Place | undefined {
  return name === '' ? undefined : placeOf(namespace, name);
}

/** Denials name a service by its host only. */
function shortName(host: string): string {
  const [name = '', , svc] = host.split('.', 3);
  return svc === 'svc' ? name : host;
}

/** A ztunnel says `unknown` of what is in clear. */
function securityOf(said: string, reporter: Subject['reporter']): Security {
  if (said === 'mutual_tls' || said === 'local' || said === 'none') return said;
  return reporter === 'source' || reporter === 'destination' ? 'none' : 'unknown';
}

/** Envoy's flag of clients that went away, which is nobody's failure. */
const clientLeft = 'DC';

function outcomeOf(said: (label: string) => string): Subject['outcome'] {
  const flags = said('response_flags');
  if (flags === 'DENY') return 'denied';
  const code = said('response_code');
  if (code === '') return flags === '' || flags === '-' || flags === clientLeft ? 'well' : 'failed';
  const grpc = said('grpc_response_status');
  return code.startsWith('5') || (grpc !== '' && grpc !== '0') ? 'failed' : 'well';
}
