// A workload: one pod (or VM, or host-network process) as the mesh knows it. Plain data; built by wire/xds from a message or by model/local-file.ts from YAML.
import type { Ip, NetworkAddress } from './address.ts';
import type { SpiffeId } from './spiffe.ts';

/** How a workload is reached: `HBONE` through its node's tunnel, `TCP` in clear. */
export type Protocol = 'HBONE' | 'TCP';
export type Health = 'Healthy' | 'Unhealthy';

export interface NamespacedHostname {
  readonly namespace: string;
  readonly hostname: string;
}

/** A reference to a waypoint or a network gateway. */
export interface GatewayAddress {
  readonly destination: { readonly hostname: NamespacedHostname } | { readonly address: NetworkAddress };
  /** Port of the HBONE listener as the destination (a service or a workload) exposes it. */
  readonly hboneMtlsPort: number;
}

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

export interface ApplicationTunnel {
  readonly protocol: 'NONE' | 'PROXY';
  readonly port?: number;
}

/** Service port -> target port. */
export type PortMap = ReadonlyMap<number, number>;

export interface Workload {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly addresses: readonly Ip[];
  readonly network: string;
  readonly protocol: Protocol;
  /** Trust domain, namespace and service account in one; the identity that its certificate must carry. */
  readonly identity: SpiffeId;
  readonly waypoint?: GatewayAddress;
  readonly networkGateway?: GatewayAddress;
  readonly node: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  /** Lower case: `deployment`, `cronjob`, `pod`, `job`. */
  readonly workloadType: string;
  readonly workloadName: string;
  readonly nativeTunnel: boolean;
  /** Resource names of the policies that select this workload. */
  readonly authorizationPolicies: readonly string[];
  readonly health: Health;
  readonly clusterId: string;
  /** Resolved by DNS when used; `""` when none. */
  readonly hostname: string;
  /** Key `namespace/hostname`; the ports that this workload itself maps for that service. */
  readonly services: ReadonlyMap<string, PortMap>;
  readonly applicationTunnel?: ApplicationTunnel;
  readonly locality: Locality;
  readonly networkMode: 'Standard' | 'HostNetwork';
  /** Weight in load balancing; 1 unless given, 0 is never chosen. */
  readonly capacity: number;
}
