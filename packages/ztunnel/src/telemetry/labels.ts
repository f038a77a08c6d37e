// What telemetry knows of a connection, and the label values of the traffic metrics made from it. Pure.
// Filled in by outbound/ and inbound/; read by connection-metrics.ts (labels) and access-log.ts (fields), so that both always agree.
// The label names, their order and the word for a missing value are those of Istio's standard TCP metrics: dashboards and Kiali join on them.
import type { Service } from '@ambient-mesh/model/service';
import type { SpiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import { ms } from '@ambient-mesh/runtime/time';
import type { ResponseFlag } from './flags.ts';

export type Reporter = 'source' | 'destination';

/** How the bytes are protected: `local` never leaves this process, because both pods are served by it. */
export type ConnectionSecurity = 'mutual_tls' | 'local' | 'unknown';

/** One end of a connection as telemetry names it. An absent value was not known; it is never `""`. */
export interface Party {
  /** The pod's own name; goes to the access log only, since it would make a series per pod. */
  readonly pod?: string;
  /** The owner's name: the Deployment, Job … */
  readonly workload?: string;
  readonly canonicalService?: string;
  readonly canonicalRevision?: string;
  readonly namespace?: string;
  readonly app?: string;
  readonly version?: string;
  readonly cluster?: string;
  readonly region?: string;
  readonly zone?: string;
}

/** What a peer says of itself in the `baggage` header: hearsay, good for telemetry only. */
export interface Hearsay {
  readonly clusterId?: string | undefined;
  readonly namespace?: string | undefined;
  readonly workloadName?: string | undefined;
  readonly canonicalName?: string | undefined;
  readonly canonicalRevision?: string | undefined;
  readonly region?: string | undefined;
  readonly zone?: string | undefined;
}

/** All that the traffic metrics tell of one connection. */
export interface Traffic {
  readonly reporter: Reporter;
  readonly source?: Party | undefined;
  /** Proven by a certificate, or known because the pod is on this node; never taken from an address alone. */
  readonly sourcePrincipal?: SpiffeId | undefined;
  readonly destination?: Party | undefined;
  /** The destination workload's identity, also where the connection is in clear. */
  readonly destinationPrincipal?: SpiffeId | undefined;
  /** The service that the client meant. */
  readonly service?: Pick<Service, 'hostname' | 'namespace' | 'name'> | undefined;
  readonly security: ConnectionSecurity;
}

export const sourceLabelNames = [
  'source_workload',
  'source_canonical_service',
  'source_canonical_revision',
  'source_workload_namespace',
  'source_principal',
  'source_app',
  'source_version',
  'source_cluster',
] as const;

export const trafficLabelNames = [
  'reporter',
  ...sourceLabelNames,
  'destination_service',
  'destination_service_namespace',
  'destination_service_name',
  'destination_workload',
  'destination_canonical_service',
  'destination_canonical_revision',
  'destination_workload_namespace',
  'destination_principal',
  'destination_app',
  'destination_version',
  'destination_cluster',
  'request_protocol',
  'response_flags',
  'connection_security_policy',
  'source_region',
  'source_zone',
  'destination_region',
  'destination_zone',
] as const;

const unknown = 'unknown';
const flagAt = trafficLabelNames.indexOf('response_flags');
/** Where the names of workloads start in `trafficLabelNames`. */
export const partiesAt: readonly number[] = [
  trafficLabelNames.indexOf('source_workload'),
  trafficLabelNames.indexOf('destination_workload'),
];
/** How long the series of a workload that is gone stays after its last change, so that scrapers see its final value. */
export const evictAfter = ms(15 * 60_000);
const parties = new WeakMap<Workload, Party>();

/** The party that a known workload is. The same object for the same workload, so that a connection allocates nothing for it. */
export function partyOf(workload: Workload): Party {
  const known = parties.get(workload);
  if (known !== undefined) return known;
  const party = compact({
    pod: workload.name,
    workload: workload.workloadName,
    canonicalService: workload.canonicalName,
    canonicalRevision: workload.canonicalRevision,
    namespace: workload.namespace,
    app: workload.canonicalName,
    version: workload.canonicalRevision,
    cluster: workload.clusterId,
    region: workload.locality.region,
    zone: workload.locality.zone,
  });
  parties.set(workload, party);
  return party;
}

/** The party that a peer claims to be. `app` is its workload's name here, as in Istio, where a known workload has its canonical name. */
export function partyFromBaggage(said: Hearsay): Party {
  return compact({
    workload: said.workloadName,
    canonicalService: said.canonicalName,
    canonicalRevision: said.canonicalRevision,
    namespace: said.namespace,
    app: said.workloadName,
    version: said.canonicalRevision,
    cluster: said.clusterId,
    region: said.region,
    zone: said.zone,
  });
}

/** Label values in the order of `sourceLabelNames`. */
export function sourceLabels(party: Party | undefined, principal: SpiffeId | undefined): readonly string[] {
  return [
    party?.workload ?? unknown,
    party?.canonicalService ?? unknown,
    party?.canonicalRevision ?? unknown,
    party?.namespace ?? unknown,
    principal?.uri ?? unknown,
    party?.app ?? unknown,
    party?.version ?? unknown,
    party?.cluster ?? unknown,
  ];
}

/** Label values in the order of `trafficLabelNames`. The four of the locality are left away when nothing is known of either side. */
export function trafficLabels(t: Traffic, flag: ResponseFlag = '-'): readonly string[] {
  const { source, destination, service } = t;
  const labels = [
    t.reporter,
    ...sourceLabels(source, t.sourcePrincipal),
    service?.hostname ?? unknown,
    service?.namespace ?? unknown,
    service?.name ?? unknown,
    destination?.workload ?? unknown,
    destination?.canonicalService ?? unknown,
    destination?.canonicalRevision ?? unknown,
    destination?.namespace ?? unknown,
    t.destinationPrincipal?.uri ?? unknown,
    destination?.app ?? unknown,
    destination?.version ?? unknown,
    destination?.cluster ?? unknown,
    'tcp',
    flag,
    t.security,
  ];
  if (source === undefined && destination === undefined) return labels;
  labels.push(source?.region ?? unknown, source?.zone ?? unknown, destination?.region ?? unknown, destination?.zone ?? unknown);
  return labels;
}

/** The same series under its final flag. */
export function withFlag(labels: readonly string[], flag: ResponseFlag): readonly string[] {
  return labels.with(flagAt, flag);
}

/** The names of everything that exists now, as label values show them. Series about other names are evicted in time. */
export interface LiveNames {
  readonly workload: (namespace: string, workload: string) => boolean;
  readonly canonical: (service: string, revision: string) => boolean;
}

/** Of all workloads of the mesh; computed once per sweep. */
export function liveNames(workloads: Iterable<Workload>): LiveNames {
  const names = new Set<string>();
  const canonical = new Set<string>();
  for (const w of workloads) {
    names.add(`${w.namespace}/${w.workloadName}`);
    canonical.add(`${w.canonicalName}/${w.canonicalRevision || unknown}`);
  }
  return {
    workload: (namespace, workload) => workload === unknown || names.has(`${namespace}/${workload}`),
    canonical: (service, revision) => service === unknown || canonical.has(`${service}/${revision}`),
  };
}

/** Whether every workload that a series of `trafficLabelNames` or `sourceLabelNames` names exists. One that names none is needed for ever: there are few of those. */
export function stillAbout(labels: readonly string[], at: readonly number[], live: LiveNames): boolean {
  return at.every((first) => {
    const [workload = unknown, , , namespace = unknown] = labels.slice(first, first + 4);
    return live.workload(namespace, workload);
  });
}

/** Leaves out what is not known: absent and `""` mean the same on the wire. */
function compact(said: { readonly [K in keyof Party]: string | undefined }): Party {
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined && value !== ''));
}
