// Chooses what a waypoint does with a CONNECT: which service (or workload) it is for, and what its bytes are (facts: control-plane §6.1). Pure.
// Called by the waypoint's receive/; only what is attached to this waypoint is served, the rest is refused.
import { type Authority, formatSocket, type Ip } from '../address.ts';
import type { Mesh } from '../mesh.ts';
import type { Service } from '../service.ts';
import { pointsTo } from '../waypoint.ts';
import type { GatewayAddress, Workload } from '../workload.ts';

export interface ChainRequest {
  /** The waypoint's own workload. */
  readonly self: Workload;
  /** Its own address; absent: any of the workload's. */
  readonly selfIp: Ip | undefined;
  readonly network: string;
  readonly authority: Authority;
  /** Services hidden from it are not found. */
  readonly clientNamespace: string;
}

export type ChainChoice =
  | {
      readonly service: Service;
      /** Of the service. */
      readonly port: number;
      /** `sniff`: the first bytes tell. */
      readonly protocol: 'http' | 'tcp' | 'sniff';
      /** Declared as TLS: the server name is worth looking for. */
      readonly tls: boolean;
    }
  | { readonly workload: Workload; readonly port: number; readonly protocol: 'sniff'; readonly tls: false }
  /** Why; for the log. */
  | { readonly refuse: string };

export function chooseChain(mesh: Mesh, request: ChainRequest): ChainChoice {
  const { authority, network, clientNamespace } = request;
  const preference = { clientNamespace };
  const attached = (service: Service): boolean => isAttached(mesh, service, request);
  if ('hostname' in authority) {
    const { hostname, port } = authority;
    const service = mesh.serviceByHostname(hostname, preference, attached);
    return service ? serviceChain(service, port) : { refuse: `no service ${hostname} is attached to this waypoint` };
  }
  const service = mesh.serviceAt(network, authority.ip, preference);
  if (service && attached(service)) return serviceChain(service, authority.port);
  const workload = mesh.workloadAt(network, authority.ip);
  if (workload?.waypoint && isOurs(mesh, workload.waypoint, request))
    return { workload, port: authority.port, protocol: 'sniff', tls: false };
  const found = service?.hostname ?? workload?.name;
  return {
    refuse: found === undefined ? `nothing is known at ${formatSocket(authority)}` : `${found} is not attached to this waypoint`,
  };
}

function serviceChain(service: Service, port: number): ChainChoice {
  if (!service.ports.has(port)) return { refuse: `${service.hostname} has no port ${port}` };
  const declared = service.appProtocols?.get(port);
  switch (declared) {
    case 'HTTP11':
    case 'HTTP2':
    case 'GRPC':
      return { service, port, protocol: 'http', tls: false };
    case 'TCP':
    case 'TLS':
      return { service, port, protocol: 'tcp', tls: declared === 'TLS' };
    case undefined:
      return { service, port, protocol: 'sniff', tls: false };
    default:
      return declared satisfies never;
  }
}

/** A weight of 0 still attaches: connections that came while it was more are served to their end. */
function isAttached(mesh: Mesh, { waypoint, weightedWaypoints }: Service, request: ChainRequest): boolean {
  if (waypoint && isOurs(mesh, waypoint, request)) return true;
  return weightedWaypoints.some(({ destination }) => isOurs(mesh, destination, request));
}

function isOurs(mesh: Mesh, reference: GatewayAddress, { self, selfIp }: ChainRequest): boolean {
  const addresses = selfIp === undefined ? self.addresses : [selfIp];
  return addresses.some((ip) => pointsTo(mesh, reference, self, ip));
}
