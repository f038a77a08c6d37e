// Copies a Workload message into the model's Workload. Pure; the message may be dropped afterwards.
// Called by convert.ts, which also turns an Unusable into the reason that the control plane is told.
// Knows nothing of the store: whether a service or a waypoint that is named here exists is asked when it is used.
import type { Ip, NetworkAddress } from '@ambient-mesh/model/address';
import { ipFromBytes } from '@ambient-mesh/model/address';
import type { ApplicationTunnel, GatewayAddress, Locality, PortMap, Protocol, Workload } from '@ambient-mesh/model/workload';
import type * as pb from '../messages/generated/workload_pb.js';
import type { Interner } from './interner.ts';

/** This resource cannot be used; the message is the reason. Thrown inside the converters only, caught at their edge. */
export class Unusable extends Error {}

/** The entry of `names` for an enum number, or a refusal: numbers that a newer control plane adds must not be guessed at. */
export function named<T>(what: string, names: readonly T[], number: number): NonNullable<T> {
  const name = names[number];
  if (name === undefined || name === null) throw new Unusable(`unknown ${what} ${number}`);
  return name;
}

export function toIp(bytes: Uint8Array): Ip {
  const ip = ipFromBytes(bytes);
  if (ip === undefined) throw new Unusable(`an IP address of ${bytes.length} bytes`);
  return ip;
}

export function toGateway(gateway: pb.GatewayAddress, shared: Interner): GatewayAddress {
  const hboneMtlsPort = gateway.hboneMtlsPort & 0xffff;
  const { destination } = gateway;
  if (destination.case === 'hostname') {
    const { namespace, hostname } = destination.value;
    return { destination: { hostname: { namespace: shared.text(namespace), hostname: shared.text(hostname) } }, hboneMtlsPort };
  }
  if (destination.case === 'address') {
    const address: NetworkAddress = { network: shared.text(destination.value.network), ip: toIp(destination.value.address) };
    return { destination: { address }, hboneMtlsPort };
  }
  throw new Unusable('a gateway address without destination');
}

const protocols = ['TCP', 'HBONE'] as const satisfies readonly Protocol[];
const healths = ['Healthy', 'Unhealthy'] as const;
const networkModes = ['Standard', 'HostNetwork'] as const;
const tunnelProtocols = ['NONE', 'PROXY'] as const;
const workloadTypes = ['deployment', 'cronjob', 'pod', 'job'] as const;

const nowhere: Locality = { region: '', zone: '', subzone: '' };
const noServices: ReadonlyMap<string, PortMap> = new Map();
const none: readonly never[] = [];

export function toWorkload(w: pb.Workload, shared: Interner): Workload {
  const namespace = shared.text(w.namespace);
  return {
    uid: w.uid,
    name: w.name,
    namespace,
    addresses: w.addresses.map(toIp),
    network: shared.text(w.network),
    protocol: named('tunnel protocol', protocols, w.tunnelProtocol),
    identity: shared.identity(w.trustDomain || 'cluster.local', namespace, w.serviceAccount || 'default'),
    ...(w.waypoint && { waypoint: toGateway(w.waypoint, shared) }),
    ...(w.networkGateway && { networkGateway: toGateway(w.networkGateway, shared) }),
    node: shared.text(w.node),
    canonicalName: shared.text(w.canonicalName),
    canonicalRevision: shared.text(w.canonicalRevision),
    workloadType: workloadTypes[w.workloadType] ?? 'deployment',
    workloadName: shared.text(w.workloadName),
    nativeTunnel: w.nativeTunnel,
    authorizationPolicies: w.authorizationPolicies.length === 0 ? none : w.authorizationPolicies.map((name) => shared.text(name)),
    health: named('workload status', healths, w.status),
    clusterId: shared.text(w.clusterId || 'Kubernetes'),
    hostname: w.hostname,
    services: toServices(w.services, shared),
    ...(w.applicationTunnel && { applicationTunnel: toApplicationTunnel(w.applicationTunnel) }),
    locality: w.locality ? toLocality(w.locality, shared) : nowhere,
    networkMode: named('network mode', networkModes, w.networkMode),
    capacity: w.capacity ?? 1,
  };
}

function toServices(services: pb.Workload['services'], shared: Interner): ReadonlyMap<string, PortMap> {
  let result: Map<string, PortMap> | undefined;
  for (const [key, list] of Object.entries(services)) {
    if (!key.includes('/')) throw new Unusable(`service key ${JSON.stringify(key)} is not namespace/hostname`);
    result ??= new Map();
    result.set(shared.text(key), shared.ports(list.ports));
  }
  return result ?? noServices;
}

function toApplicationTunnel(tunnel: pb.ApplicationTunnel): ApplicationTunnel {
  const protocol = named('application tunnel protocol', tunnelProtocols, tunnel.protocol);
  const port = tunnel.port & 0xffff;
  return port === 0 ? { protocol } : { protocol, port };
}

function toLocality(l: pb.Locality, shared: Interner): Locality {
  return { region: shared.text(l.region), zone: shared.text(l.zone), subzone: shared.text(l.subzone) };
}
