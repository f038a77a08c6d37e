// The mesh from a local file: what was written in YAML becomes one delta, or the list of everything that is wrong with it.
// Fields are called as in config-dump.ts, so that a dump can be pasted (facts: ztunnel §11.5). Reading and parsing the file is the caller's.
// Unlike the reference this fills in the same defaults as the wire does, and a workload knows the services that it lists.
import { type Ip, type NetworkAddress, parseIp } from './address.ts';
import { fullLength, parseCidr } from './cidr.ts';
import type { MeshDelta } from './delta.ts';
import { readPolicy } from './local-file-policy.ts';
import { type CidrVip, type LoadBalancer, type Service, scopes, type WeightedWaypoint } from './service.ts';
import { spiffeId } from './spiffe.ts';
import type { GatewayAddress, PortMap, Workload } from './workload.ts';
import { Place } from './yaml-reader.ts';

export type LocalMesh = { readonly delta: MeshDelta } | { readonly mistakes: readonly string[] };

const highestPort = 65_535;
const highestWeight = 0xffff_ffff;

/** `content` is what a YAML parser made of the file; an empty file is an empty mesh. */
export function readLocalFile(content: unknown): LocalMesh {
  const mistakes: string[] = [];
  const file = new Place(content ?? {}, 'file', mistakes).fields(['workloads', 'services', 'policies']);
  const delta: MeshDelta = {
    workloads: file.workloads.list().map(readWorkload),
    services: file.services.list().map(readService),
    policies: file.policies.list().map(readPolicy),
    removedAddresses: [],
    removedPolicies: [],
  };
  return mistakes.length > 0 ? { mistakes } : { delta };
}

// biome-ignore format: a table of keys reads better in a block
const workloadKeys = [
  'uid', 'name', 'namespace', 'workloadIps', 'network', 'protocol', 'trustDomain', 'serviceAccount', 'waypoint', 'networkGateway', 'node',
  'canonicalName', 'canonicalRevision', 'workloadType', 'workloadName', 'nativeTunnel', 'authorizationPolicies', 'status', 'clusterId',
  'hostname', 'services', 'applicationTunnel', 'locality', 'networkMode', 'capacity',
] as const;

function readWorkload(place: Place): Workload {
  const f = place.fields(workloadKeys);
  const [name, namespace] = [f.name.text(), f.namespace.required().text()];
  const clusterId = f.clusterId.text('Kubernetes');
  if (!f.uid.given && name === '') place.wrong('needs a uid or a name');
  const locality = f.locality.fields(['region', 'zone', 'subzone']);
  const tunnel = f.applicationTunnel.fields(['protocol', 'port']);
  return {
    uid: f.uid.text(`${clusterId}//Pod/${namespace}/${name}`),
    name,
    namespace,
    addresses: f.workloadIps.required().list().map(readIp),
    network: f.network.text(),
    protocol: f.protocol.oneOf(['HBONE', 'TCP'], 'TCP'),
    identity: spiffeId(f.trustDomain.text('cluster.local'), namespace, f.serviceAccount.text('default')),
    ...(f.waypoint.given && { waypoint: readGateway(f.waypoint) }),
    ...(f.networkGateway.given && { networkGateway: readGateway(f.networkGateway) }),
    node: f.node.text(),
    canonicalName: f.canonicalName.text(),
    canonicalRevision: f.canonicalRevision.text(),
    workloadType: f.workloadType.text('deployment').toLowerCase(),
    workloadName: f.workloadName.text(),
    nativeTunnel: f.nativeTunnel.flag(),
    authorizationPolicies: f.authorizationPolicies.list().map((key) => key.text()),
    health: f.status.oneOf(['Healthy', 'Unhealthy'], 'Healthy'),
    clusterId,
    hostname: f.hostname.text(),
    services: new Map(
      f.services
        .required()
        .entries()
        .map(([key, ports]) => [readServiceKey(key, ports), readPorts(ports)]),
    ),
    ...(f.applicationTunnel.given && {
      applicationTunnel: {
        protocol: tunnel.protocol.oneOf(['NONE', 'PROXY'], 'NONE'),
        ...(tunnel.port.given && { port: tunnel.port.whole(highestPort) }),
      },
    }),
    locality: { region: locality.region.text(), zone: locality.zone.text(), subzone: locality.subzone.text() },
    networkMode: f.networkMode.oneOf(['Standard', 'HostNetwork'], 'Standard'),
    capacity: f.capacity.whole(highestWeight, 1),
  };
}

// biome-ignore format: a table of keys reads better in a block
const serviceKeys = [
  'name', 'namespace', 'hostname', 'vips', 'cidrVips', 'ports', 'subjectAltNames', 'waypoint', 'weightedWaypoints', 'loadBalancer',
  'ipFamilies', 'canonical', 'visibility', 'endpoints',
] as const;

/** `endpoints` may stand in a pasted dump; they come from the workloads, so that it is not read. */
function readService(place: Place): Service {
  const f = place.fields(serviceKeys);
  return {
    name: f.name.required().text(),
    namespace: f.namespace.required().text(),
    hostname: f.hostname.required().text(),
    vips: f.vips.required().list().map(readNetworkAddress),
    cidrVips: f.cidrVips.list().map(readCidrVip),
    ports: readPorts(f.ports.required()),
    subjectAltNames: f.subjectAltNames.list().map((name) => name.text()),
    ...(f.waypoint.given && { waypoint: readGateway(f.waypoint) }),
    weightedWaypoints: f.weightedWaypoints.list().map(readWeightedWaypoint),
    ...(f.loadBalancer.given && { loadBalancer: readLoadBalancer(f.loadBalancer) }),
    ...(f.ipFamilies.given && { ipFamilies: f.ipFamilies.oneOf(['Dual', 'IPv4', 'IPv6'], 'Dual') }),
    canonical: f.canonical.flag(),
    visibility: f.visibility.oneOf(['Public', 'Namespace'], 'Public'),
  };
}

function readLoadBalancer(place: Place): LoadBalancer {
  const f = place.fields(['routingPreferences', 'mode', 'healthPolicy']);
  return {
    routingPreferences: f.routingPreferences.list().map((scope) => scope.oneOf(scopes, 'Region')),
    mode: f.mode.oneOf(['Standard', 'Strict', 'Failover', 'Passthrough'], 'Standard'),
    healthPolicy: f.healthPolicy.oneOf(['OnlyHealthy', 'AllowAll'], 'OnlyHealthy'),
  };
}

function readWeightedWaypoint(place: Place): WeightedWaypoint {
  const f = place.fields(['destination', 'weight']);
  return { destination: readGateway(f.destination.required()), weight: f.weight.whole(highestWeight) };
}

/** `destination` is `network/ip` or `namespace/hostname`. */
function readGateway(place: Place): GatewayAddress {
  const f = place.fields(['destination', 'hboneMtlsPort']);
  const hboneMtlsPort = f.hboneMtlsPort.whole(highestPort, 15_008);
  const [before, after] = halves(f.destination.required());
  const ip = parseIp(after);
  const destination = ip === undefined ? { hostname: { namespace: before, hostname: after } } : { address: { network: before, ip } };
  return { destination, hboneMtlsPort };
}

function readNetworkAddress(place: Place): NetworkAddress {
  const [network, address] = halves(place);
  return { network, ip: ipOr(place, address) };
}

function readCidrVip(place: Place): CidrVip {
  const f = place.fields(['network', 'cidr']);
  const text = f.cidr.required().text('0.0.0.0/0');
  const block = parseCidr(text);
  if (!block || block.length === fullLength(block.ip)) f.cidr.wrong(`"${text}" is not a block of addresses`);
  return { network: f.network.text(), ...(block ?? { ip: unspecified, length: 0 }) };
}

const readPorts = (place: Place): PortMap =>
  new Map(
    place.entries().map(([port, target]) => {
      if (!/^\d{1,5}$/.test(port) || Number(port) > highestPort) target.wrong(`"${port}" is not a port`);
      return [Number(port), target.whole(highestPort)];
    }),
  );

function readServiceKey(key: string, place: Place): string {
  if (!key.includes('/')) place.wrong('must be called namespace/hostname');
  return key;
}

const readIp = (place: Place): Ip => ipOr(place, place.text());

const unspecified = '0.0.0.0' as Ip;

function ipOr(place: Place, text: string): Ip {
  const ip = parseIp(text);
  if (ip === undefined) place.wrong(`"${text}" is not an IP address`);
  return ip ?? unspecified;
}

/** The text before and after the first `/`. */
function halves(place: Place): readonly [before: string, after: string] {
  const text = place.text('/');
  const slash = text.indexOf('/');
  if (slash < 0) place.wrong(`"${text}" has no "/"`);
  return [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
}
