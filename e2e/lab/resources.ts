// Workloads, services and policies as the lab has them, over the builders of the model's tests.
// Pure. The scenarios state only what their rule is about.
import type { Ip, NetworkAddress } from '@ambient-mesh/model/address';
import type { Match, Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import * as build from '@ambient-mesh/model/testing';
import type { GatewayAddress, PortMap, Workload } from '@ambient-mesh/model/workload';

export type WorkloadSpec = Pick<Workload, 'name' | 'addresses' | 'node'> & Partial<Workload> & { readonly serviceAccount?: string };

/** An enrolled pod of a deployment in namespace `default`; its service account is named as it is. */
export function workload({ serviceAccount, ...spec }: WorkloadSpec): Workload {
  const namespace = spec.namespace ?? 'default';
  return {
    ...build.workload({ name: spec.name, namespace, serviceAccount: serviceAccount ?? spec.name }),
    uid: `Kubernetes//Pod/${namespace}/${spec.name}`,
    protocol: 'HBONE',
    canonicalName: spec.name,
    canonicalRevision: 'v1',
    workloadType: 'deployment',
    ...spec,
  };
}

export type ServiceSpec = Pick<Service, 'name'> & Partial<Service> & { readonly vip?: Ip | readonly Ip[] };

/** The canonical service of a name in namespace `default`, mapping 80 to 8080. */
export function service({ vip, ...spec }: ServiceSpec): Service {
  const namespace = spec.namespace ?? 'default';
  const vips: readonly NetworkAddress[] = (vip === undefined ? [] : [vip].flat()).map((ip) => ({ network: '', ip }));
  return { ...build.service({ hostname: `${spec.name}.${namespace}.svc.cluster.local`, namespace, canonical: true }), vips, ...spec };
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

/** A policy of namespace scope in `default` with one match. */
export function policy({
  match,
  ...spec
}: { readonly name: string; readonly action: Policy['action']; readonly match: Partial<Match> } & Partial<Policy>): Policy {
  return build.policy({ namespace: 'default', rules: [[[build.match(match)]]], ...spec });
}

/** A match on one identity: the principal is written without its scheme. */
export const principal = (namespace: string, serviceAccount: string): Partial<Match> => ({
  principals: [{ exact: `cluster.local/ns/${namespace}/sa/${serviceAccount}` }],
});
