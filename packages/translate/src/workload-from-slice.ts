// Endpoints that are no pods, as EndpointSlices list them, as workloads of the mesh (facts: control-plane §3.12). Pure.
import type { PortMap, Workload } from '@ambient-mesh/model/workload';
import type { EndpointSlice } from './kinds/endpoint-slice.ts';
import type { ServicePort } from './kinds/service.ts';
import type { TranslateSettings } from './settings.ts';
import { addressesOf, identityOf, nowhere } from './workload-common.ts';

export interface SliceService {
  /** `namespace/hostname`. */
  readonly key: string;
  readonly ports: readonly ServicePort[];
}

/** One per endpoint that has addresses and is no pod. The first address of each names it, and names no other. */
export function workloadsFromSlice(
  slice: EndpointSlice,
  service: SliceService,
  { settings, network }: { readonly settings: TranslateSettings; readonly network: string },
): readonly Workload[] {
  if (slice.addressType === 'FQDN') return [];
  const { namespace, name } = slice.meta;
  const services = new Map([[service.key, portsOf(slice, service.ports)]]);
  const found = new Map<string, Workload>();
  for (const endpoint of slice.endpoints) {
    const addresses = addressesOf(endpoint.addresses) ?? [];
    const [ip] = addresses;
    if (endpoint.pod !== undefined || ip === undefined || found.has(ip)) continue;
    found.set(ip, {
      uid: `${settings.clusterId}/discovery.k8s.io/EndpointSlice/${namespace}/${name}/${ip}`,
      name,
      namespace,
      addresses,
      network,
      protocol: 'TCP',
      identity: identityOf(settings, namespace, ''),
      node: '',
      canonicalName: '',
      canonicalRevision: '',
      // Nobody said: on the wire this is the absent value.
      workloadType: 'deployment',
      workloadName: '',
      nativeTunnel: false,
      authorizationPolicies: [],
      health: endpoint.ready ? 'Healthy' : 'Unhealthy',
      clusterId: settings.clusterId,
      hostname: '',
      services,
      locality: nowhere,
      // Where it runs is not known: a tunnel must not take it for a pod of its own.
      networkMode: 'HostNetwork',
      capacity: 1,
    });
  }
  return [...found.values()];
}

/** Joined by the name of the port. */
function portsOf(slice: EndpointSlice, ports: readonly ServicePort[]): PortMap {
  const joined = new Map<number, number>();
  for (const { name, port, protocol } of slice.ports) {
    if (protocol !== 'TCP' || port === 0) continue;
    const own = ports.find((each) => each.name === name);
    if (own !== undefined) joined.set(own.port, port);
  }
  return joined;
}
