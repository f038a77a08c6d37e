// The way back from the model to the wire: workloads, services and policies as xDS resources. Pure.
// For whoever serves xDS (the control plane, tests); the converters beside it are for whoever receives it.
// What the model does not hold (extensions) is not sent.

import type { NetworkAddress } from '@ambient-mesh/model/address';
import { ipToBytes } from '@ambient-mesh/model/address';
import type { Cidr, Match, Policy, StringMatch } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import { scopes } from '@ambient-mesh/model/service';
import type { GatewayAddress, PortMap, Workload } from '@ambient-mesh/model/workload';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import type { MatchSchema } from '../messages/generated/authorization_pb.js';
import { AuthorizationSchema } from '../messages/generated/authorization_pb.js';
import type { GatewayAddressSchema, ServiceSchema } from '../messages/generated/workload_pb.js';
import { AddressSchema } from '../messages/generated/workload_pb.js';

const defaultTrustDomain = 'cluster.local';
const protocols = ['UNKNOWN', 'HTTP11', 'HTTP2', 'GRPC', 'TCP', 'TLS'];

/** The body of an Address resource; its name is the workload's uid. */
export function encodeWorkload(w: Workload): Uint8Array {
  const value = {
    uid: w.uid,
    name: w.name,
    namespace: w.namespace,
    addresses: w.addresses.map(ipToBytes),
    network: w.network,
    tunnelProtocol: w.protocol === 'HBONE' ? 1 : 0,
    // Both ends know the default, and it is on every workload.
    trustDomain: w.identity.trustDomain === defaultTrustDomain ? '' : w.identity.trustDomain,
    serviceAccount: w.identity.serviceAccount,
    ...(w.waypoint && { waypoint: gateway(w.waypoint) }),
    ...(w.networkGateway && { networkGateway: gateway(w.networkGateway) }),
    node: w.node,
    canonicalName: w.canonicalName,
    canonicalRevision: w.canonicalRevision,
    workloadType: Math.max(0, ['deployment', 'cronjob', 'pod', 'job'].indexOf(w.workloadType)),
    workloadName: w.workloadName,
    nativeTunnel: w.nativeTunnel,
    authorizationPolicies: [...w.authorizationPolicies],
    status: w.health === 'Healthy' ? 0 : 1,
    clusterId: w.clusterId,
    hostname: w.hostname,
    services: Object.fromEntries([...w.services].map(([key, map]) => [key, { ports: ports(map) }])),
    ...(w.applicationTunnel && {
      applicationTunnel: { protocol: w.applicationTunnel.protocol === 'PROXY' ? 1 : 0, port: w.applicationTunnel.port ?? 0 },
    }),
    ...(w.locality.region + w.locality.zone + w.locality.subzone !== '' && { locality: { ...w.locality } }),
    networkMode: w.networkMode === 'HostNetwork' ? 1 : 0,
    ...(w.capacity !== 1 && { capacity: w.capacity }),
  };
  return toBinary(AddressSchema, create(AddressSchema, { type: { case: 'workload', value } }));
}

/** The body of an Address resource; its name is `serviceKey(s)`. */
export function encodeService(s: Service): Uint8Array {
  const value: MessageInitShape<typeof ServiceSchema> = {
    name: s.name,
    namespace: s.namespace,
    hostname: s.hostname,
    addresses: [...s.vips.map(address), ...s.cidrVips.map((vip) => ({ ...address(vip), length: vip.length }))],
    ports: [...s.ports].map(([servicePort, targetPort]) => ({
      servicePort,
      targetPort,
      appProtocol: protocols.indexOf(s.appProtocols?.get(servicePort) ?? 'UNKNOWN'),
    })),
    subjectAltNames: [...s.subjectAltNames],
    ...(s.waypoint && { waypoint: gateway(s.waypoint) }),
    weightedWaypoints: s.weightedWaypoints.map(({ destination, weight }) => ({ destination: gateway(destination), weight })),
    ...(s.loadBalancer && {
      loadBalancing: {
        routingPreference: s.loadBalancer.routingPreferences.map((scope) => scopes.indexOf(scope) + 1),
        mode: ['Standard', 'Strict', 'Failover', 'Passthrough'].indexOf(s.loadBalancer.mode),
        healthPolicy: s.loadBalancer.healthPolicy === 'AllowAll' ? 1 : 0,
      },
    }),
    ipFamilies: s.ipFamilies === undefined ? 0 : ['IPv4', 'IPv6', 'Dual'].indexOf(s.ipFamilies) + 1,
    canonical: s.canonical,
    visibility: s.visibility === 'Namespace' ? 1 : 0,
    ingressUseWaypoint: s.ingressUseWaypoint ?? false,
  };
  return toBinary(AddressSchema, create(AddressSchema, { type: { case: 'service', value } }));
}

/** The body of an Authorization resource; its name is `p.key`. */
export function encodePolicy(p: Policy): Uint8Array {
  const message = create(AuthorizationSchema, {
    name: p.name,
    namespace: p.namespace,
    scope: ['Global', 'Namespace', 'WorkloadSelector'].indexOf(p.scope),
    action: p.action === 'Deny' ? 1 : 0,
    rules: p.rules.map((clauses) => ({ clauses: clauses.map((matches) => ({ matches: matches.map(match) })) })),
    dryRun: p.dryRun,
  });
  return toBinary(AuthorizationSchema, message);
}

const address = ({ network, ip }: NetworkAddress) => ({ network, address: ipToBytes(ip) });
const ports = (map: PortMap) => [...map].map(([servicePort, targetPort]) => ({ servicePort, targetPort }));

function gateway({ destination, hboneMtlsPort }: GatewayAddress): MessageInitShape<typeof GatewayAddressSchema> {
  return 'hostname' in destination
    ? { destination: { case: 'hostname', value: { ...destination.hostname } }, hboneMtlsPort }
    : { destination: { case: 'address', value: address(destination.address) }, hboneMtlsPort };
}

function match(m: Match): MessageInitShape<typeof MatchSchema> {
  return {
    namespaces: m.namespaces.map(stringMatch),
    notNamespaces: m.notNamespaces.map(stringMatch),
    principals: m.principals.map(stringMatch),
    notPrincipals: m.notPrincipals.map(stringMatch),
    serviceAccounts: m.serviceAccounts.map((account) => ({ ...account })),
    notServiceAccounts: m.notServiceAccounts.map((account) => ({ ...account })),
    sourceIps: m.sourceIps.map(block),
    notSourceIps: m.notSourceIps.map(block),
    destinationIps: m.destinationIps.map(block),
    notDestinationIps: m.notDestinationIps.map(block),
    destinationPorts: [...m.destinationPorts],
    notDestinationPorts: [...m.notDestinationPorts],
  };
}

const block = ({ ip, length }: Cidr) => ({ address: ipToBytes(ip), length });

function stringMatch(m: StringMatch) {
  if ('exact' in m) return { matchType: { case: 'exact' as const, value: m.exact } };
  if ('prefix' in m) return { matchType: { case: 'prefix' as const, value: m.prefix } };
  if ('suffix' in m) return { matchType: { case: 'suffix' as const, value: m.suffix } };
  return { matchType: { case: 'presence' as const, value: {} } };
}
