// A Kubernetes Service as a service of the mesh (facts: control-plane §3.10). Pure.
// Its endpoints find it by its selector; which of several services of one name counts is decided in canonical.ts.
import { parseIp } from '@ambient-mesh/model/address';
import type { Service } from '@ambient-mesh/model/service';
import type { KubeService } from './kinds/service.ts';
import { loadBalancerOf } from './load-balancing.ts';
import type { ServiceContext, ServiceInfo } from './service-info.ts';
import { portsOfService } from './service-ports.ts';
import { bound, waypointFields } from './service-waypoint.ts';

/** Undefined for a mere alias of a name elsewhere (ExternalName): there is nothing of the mesh behind it. */
export function serviceFromKubernetes(service: KubeService, context: ServiceContext): ServiceInfo | undefined {
  if (service.type === 'ExternalName') return undefined;
  const { namespace, name, labels, createdAt } = service.meta;
  const binding = bound(labels, context);
  const loadBalancer = loadBalancerOf(service, context.namespace);
  return {
    service: {
      name,
      namespace,
      hostname: hostnameOf(namespace, name, context.settings.clusterDomain),
      vips: vipsOf(service.clusterIps, context.network),
      cidrVips: [],
      ...portsOfService(service.ports),
      subjectAltNames: [],
      ...waypointFields(binding.binding, binding.ingressUseWaypoint),
      ...(loadBalancer && { loadBalancer }),
      ...familiesOf(service.ipFamilies),
      canonical: false,
      visibility: 'Public',
    },
    source: { kind: 'Service', namespace, name, ports: service.ports },
    createdAt,
    ...binding,
    selector: service.selector,
  };
}

const hostnameOf = (namespace: string, name: string, clusterDomain: string): string => `${name}.${namespace}.svc.${clusterDomain}`;

/** Headless services say `None` and have no address. */
function vipsOf(clusterIps: readonly string[], network: string): Service['vips'] {
  return clusterIps
    .map(parseIp)
    .filter((ip) => ip !== undefined)
    .map((ip) => ({ network, ip }));
}

function familiesOf(families: readonly string[]): Pick<Service, 'ipFamilies'> {
  if (families.length === 2) return { ipFamilies: 'Dual' };
  const [only] = families;
  return only === 'IPv4' || only === 'IPv6' ? { ipFamilies: only } : {};
}
