// Workloads, services and policies of the lab as model objects with every default filled in.
// Pure. The scenarios state only what their rule is about.
import type { Ip, NetworkAddress } from '@ambient-mesh/model/address';
import type { Match, Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import type { GatewayAddress, PortMap, Workload } from '@ambient-mesh/model/workload';

export type WorkloadSpec = Pick<Workload, 'name' | 'addresses' | 'node'> & Partial<Workload> & { readonly serviceAccount?: string };

export function workload({ serviceAccount, ...spec }: WorkloadSpec): Workload {
  const namespace = spec.namespace ?? 'default';
  return {
    uid: `Kubernetes//Pod/${namespace}/${spec.name}`,
    namespace,
    network: '',
    protocol: 'HBONE',
    identity: spiffeId('cluster.local', namespace, serviceAccount ?? spec.name),
    canonicalName: spec.name,
    canonicalRevision: 'v1',
    workloadType: 'deployment',
    workloadName: spec.name,
    nativeTunnel: false,
    authorizationPolicies: [],
    health: 'Healthy',
    clusterId: 'Kubernetes',
    hostname: '',
    services: new Map(),
    locality: { region: '', zone: '', subzone: '' },
    networkMode: 'Standard',
    capacity: 1,
    ...spec,
  };
}

export type ServiceSpec = Pick<Service, 'name'> & Partial<Service> & { readonly vip?: Ip | readonly Ip[] };

export function service({ vip, ...spec }: ServiceSpec): Service {
  const namespace = spec.namespace ?? 'default';
  const vips: readonly NetworkAddress[] = (vip === undefined ? [] : [vip].flat()).map((ip) => ({ network: '', ip }));
  return {
    namespace,
    hostname: `${spec.name}.${namespace}.svc.cluster.local`,
    vips,
    cidrVips: [],
    ports: ports({ 80: 8080 }),
    subjectAltNames: [],
    weightedWaypoints: [],
    canonical: true,
    visibility: 'Public',
    ...spec,
  };
}

export const ports = (map: Readonly<Record<number, number>>): PortMap =>
  new Map(Object.entries(map).map(([service, target]) => [Number(service), target]));

export const gatewayByIp = (ip: Ip, hboneMtlsPort = 15008): GatewayAddress => ({
  destination: { address: { network: '', ip } },
  hboneMtlsPort,
});
export const gatewayByHostname = (hostname: string, hboneMtlsPort = 15008, namespace = 'default'): GatewayAddress => ({
  destination: { hostname: { namespace, hostname } },
  hboneMtlsPort,
});

const emptyMatch: Match = {
  namespaces: [],
  notNamespaces: [],
  principals: [],
  notPrincipals: [],
  serviceAccounts: [],
  notServiceAccounts: [],
  sourceIps: [],
  notSourceIps: [],
  destinationIps: [],
  notDestinationIps: [],
  destinationPorts: [],
  notDestinationPorts: [],
};

/** A policy of namespace scope in `default` with one match. */
export function policy(
  spec: { readonly name: string; readonly action: Policy['action']; readonly match: Partial<Match> } & Partial<Policy>,
): Policy {
  const { match, ...rest } = spec;
  const namespace = rest.namespace ?? 'default';
  return {
    key: `${namespace}/${spec.name}`,
    namespace,
    scope: 'Namespace',
    dryRun: false,
    rules: [[[{ ...emptyMatch, ...match }]]],
    ...rest,
  };
}

/** A match on one identity: the principal is written without its scheme. */
export const principal = (namespace: string, serviceAccount: string): Partial<Match> => ({
  principals: [{ exact: `cluster.local/ns/${namespace}/sa/${serviceAccount}` }],
});
