// The mesh as JSON for people and tools: the `workloads`, `services`, `policies` and `stagedServices` of the admin page's config_dump.
// Names and values are a contract with `istioctl ztunnel-config` and others who parse them (facts: ztunnel §9.5). Fields without content are left out.
// The admin page sorts keys and adds what the model does not know (certificates, connections, version).
import type { NetworkAddress } from './address.ts';
import { formatCidr } from './cidr.ts';
import type { Mesh } from './mesh.ts';
import type { Match, Policy, StringMatch } from './policy.ts';
import { type Service, serviceKey } from './service.ts';
import type { GatewayAddress, PortMap, Workload } from './workload.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

export interface ModelDump {
  /** By uid. */
  readonly workloads: readonly JsonObject[];
  /** By hostname. */
  readonly services: readonly JsonObject[];
  /** By key. */
  readonly policies: readonly JsonObject[];
  readonly stagedServices: JsonObject;
}

export const dumpMesh = (mesh: Mesh): ModelDump => ({
  workloads: sortedBy(mesh.workloads(), ({ uid }) => uid).map(dumpWorkload),
  services: sortedBy(mesh.services(), ({ hostname, namespace }) => `${hostname}\n${namespace}`).map((service) =>
    dumpService(mesh, service),
  ),
  policies: sortedBy(mesh.policies(), ({ key }) => key).map(dumpPolicy),
  stagedServices: Object.fromEntries(
    sortedBy(mesh.stagedServices(), ([key]) => key).map(([key, workloads]) => [key, dumpEndpoints(key, workloads)]),
  ),
});

const dumpWorkload = (w: Workload): JsonObject => ({
  workloadIps: w.addresses,
  ...(w.waypoint && { waypoint: dumpGateway(w.waypoint) }),
  ...(w.networkGateway && { networkGateway: dumpGateway(w.networkGateway) }),
  protocol: w.protocol,
  networkMode: w.networkMode,
  name: w.name,
  namespace: w.namespace,
  status: w.health,
  clusterId: w.clusterId,
  capacity: w.capacity,
  ...unlessEmpty({
    uid: w.uid,
    trustDomain: w.identity.trustDomain,
    serviceAccount: w.identity.serviceAccount,
    network: w.network,
    workloadName: w.workloadName,
    workloadType: w.workloadType,
    canonicalName: w.canonicalName,
    canonicalRevision: w.canonicalRevision,
    hostname: w.hostname,
    node: w.node,
    authorizationPolicies: w.authorizationPolicies,
    services: [...w.services.keys()],
  }),
  ...(w.nativeTunnel && { nativeTunnel: true }),
  ...(w.applicationTunnel && { applicationTunnel: { protocol: w.applicationTunnel.protocol, port: w.applicationTunnel.port ?? null } }),
  ...(w.locality.region + w.locality.zone + w.locality.subzone !== '' && { locality: { ...w.locality } }),
});

const dumpService = (mesh: Mesh, s: Service): JsonObject => ({
  name: s.name,
  namespace: s.namespace,
  hostname: s.hostname,
  vips: s.vips.map(dumpAddress),
  ...(s.cidrVips.length > 0 && { cidrVips: s.cidrVips.map((vip) => ({ network: vip.network, cidr: formatCidr(vip) })) }),
  ports: dumpPorts(s.ports),
  endpoints: dumpEndpoints(serviceKey(s), mesh.endpoints(s)),
  subjectAltNames: s.subjectAltNames,
  ...(s.waypoint && { waypoint: dumpGateway(s.waypoint) }),
  ...(s.weightedWaypoints.length > 0 && {
    weightedWaypoints: s.weightedWaypoints.map(({ destination, weight }) => ({ destination: dumpGateway(destination), weight })),
  }),
  ...(s.loadBalancer && { loadBalancer: { ...s.loadBalancer } }),
  ...(s.ipFamilies && { ipFamilies: s.ipFamilies }),
  canonical: s.canonical,
  visibility: s.visibility,
});

const dumpEndpoints = (key: string, workloads: readonly Workload[]): JsonObject =>
  Object.fromEntries(
    workloads.map((w) => [w.uid, { workloadUid: w.uid, port: dumpPorts(w.services.get(key) ?? new Map()), status: w.health }]),
  );

const dumpPolicy = (p: Policy): JsonObject => ({
  name: p.name,
  namespace: p.namespace,
  scope: p.scope,
  action: p.action,
  rules: p.rules.map((rule) => rule.map((clause) => clause.map(dumpMatch))),
  dryRun: p.dryRun,
});

const dumpMatch = (m: Match): JsonObject =>
  unlessEmpty({
    namespaces: m.namespaces.map(dumpString),
    notNamespaces: m.notNamespaces.map(dumpString),
    principals: m.principals.map(dumpString),
    notPrincipals: m.notPrincipals.map(dumpString),
    serviceAccounts: m.serviceAccounts.map((account) => ({ ...account })),
    notServiceAccounts: m.notServiceAccounts.map((account) => ({ ...account })),
    sourceIps: m.sourceIps.map(formatCidr),
    notSourceIps: m.notSourceIps.map(formatCidr),
    destinationIps: m.destinationIps.map(formatCidr),
    notDestinationIps: m.notDestinationIps.map(formatCidr),
    destinationPorts: m.destinationPorts,
    notDestinationPorts: m.notDestinationPorts,
  });

function dumpString(match: StringMatch): JsonObject {
  if ('exact' in match) return { Exact: match.exact };
  if ('prefix' in match) return { Prefix: match.prefix };
  return 'suffix' in match ? { Suffix: match.suffix } : { Presence: [] };
}

const dumpGateway = ({ destination, hboneMtlsPort }: GatewayAddress): JsonObject => ({
  destination:
    'address' in destination ? dumpAddress(destination.address) : `${destination.hostname.namespace}/${destination.hostname.hostname}`,
  hboneMtlsPort,
});

const dumpAddress = ({ network, ip }: NetworkAddress): string => `${network}/${ip}`;

const dumpPorts = (ports: PortMap): JsonObject => Object.fromEntries(ports);

const unlessEmpty = (fields: Readonly<Record<string, string | readonly Json[]>>): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value.length > 0));

function sortedBy<V>(values: Iterable<V>, key: (value: V) => string): V[] {
  return [...values].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
