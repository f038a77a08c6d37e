// A service: a hostname with virtual addresses, ports and rules for choosing an endpoint. Plain data.
import type { Ip, NetworkAddress } from './address.ts';
import type { GatewayAddress, PortMap } from './workload.ts';

export const scopes = ['Region', 'Zone', 'Subzone', 'Node', 'Cluster', 'Network'] as const;
export type LocalityScope = (typeof scopes)[number];

export interface LoadBalancer {
  readonly routingPreferences: readonly LocalityScope[];
  readonly mode: 'Standard' | 'Strict' | 'Failover' | 'Passthrough';
  readonly healthPolicy: 'OnlyHealthy' | 'AllowAll';
}

export interface CidrVip {
  readonly network: string;
  readonly ip: Ip;
  /** Prefix length in bits, always shorter than the full address. */
  readonly length: number;
}

export interface WeightedWaypoint {
  readonly destination: GatewayAddress;
  readonly weight: number;
}

export interface Service {
  readonly name: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly vips: readonly NetworkAddress[];
  readonly cidrVips: readonly CidrVip[];
  /** Service port -> target port; target 0 is a named port that each endpoint maps itself. */
  readonly ports: PortMap;
  /** Extra SPIFFE URIs (or other names) that a server of this service may present. */
  readonly subjectAltNames: readonly string[];
  readonly waypoint?: GatewayAddress;
  readonly weightedWaypoints: readonly WeightedWaypoint[];
  readonly loadBalancer?: LoadBalancer;
  /** Absent means automatic. */
  readonly ipFamilies?: 'Dual' | 'IPv4' | 'IPv6';
  readonly canonical: boolean;
  readonly visibility: 'Public' | 'Namespace';
  /** By service port, where it is known: a hint for L7 proxies. */
  readonly appProtocols?: ReadonlyMap<number, 'HTTP11' | 'HTTP2' | 'GRPC' | 'TCP' | 'TLS'>;
  /** Ingress gateways go through the waypoint too. Default false. */
  readonly ingressUseWaypoint?: boolean;
}

/** `namespace/hostname`: the resource name of a service on the wire and its key everywhere. */
export const serviceKey = (s: { readonly namespace: string; readonly hostname: string }): string => `${s.namespace}/${s.hostname}`;
