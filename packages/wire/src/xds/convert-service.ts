// Copies a Service message into the model's Service. Pure; the message may be dropped afterwards.
// Called by convert.ts; the parts that workloads share with services are in convert-workload.ts.
import type { NetworkAddress } from '@ambient-mesh/model/address';
import { cidrFromBytes, fullLength } from '@ambient-mesh/model/cidr';
import type { CidrVip, LoadBalancer, Service, WeightedWaypoint } from '@ambient-mesh/model/service';
import { scopes } from '@ambient-mesh/model/service';
import type * as pb from '../messages/generated/workload_pb.js';
import { named, toGateway, toIp, Unusable } from './convert-workload.ts';
import type { Interner } from './interner.ts';

const modes = ['Standard', 'Strict', 'Failover', 'Passthrough'] as const;
const healthPolicies = ['OnlyHealthy', 'AllowAll'] as const;
const families = ['automatic', 'IPv4', 'IPv6', 'Dual'] as const;
/** 0 is "unspecified", which no preference may be. */
const routingScopes = [undefined, ...scopes] as const;

export function toService(s: pb.Service, shared: Interner): Service {
  const ipFamilies = named('IP families', families, s.ipFamilies);
  return {
    name: s.name,
    namespace: shared.text(s.namespace),
    hostname: s.hostname,
    ...toVips(s.addresses, shared),
    ports: shared.ports(s.ports),
    subjectAltNames: s.subjectAltNames.map((name) => shared.text(name)),
    ...(s.waypoint && { waypoint: toGateway(s.waypoint, shared) }),
    weightedWaypoints: s.weightedWaypoints.map((weighted) => toWeighted(weighted, shared)),
    ...(s.loadBalancing && { loadBalancer: toLoadBalancer(s.loadBalancing) }),
    ...(ipFamilies !== 'automatic' && { ipFamilies }),
    canonical: s.canonical,
    visibility: s.visibility === 1 ? 'Namespace' : 'Public',
  };
}

/** A prefix length that is present and shorter than the address makes it a block; a full or absent one is a single address. */
function toVips(addresses: readonly pb.NetworkAddress[], shared: Interner): Pick<Service, 'vips' | 'cidrVips'> {
  const vips: NetworkAddress[] = [];
  const cidrVips: CidrVip[] = [];
  for (const { network: name, address, length } of addresses) {
    const network = shared.text(name);
    const block = length === undefined ? undefined : cidrFromBytes(address, length);
    if (length !== undefined && block === undefined)
      throw new Unusable(`a prefix of ${length} bits for an address of ${address.length} bytes`);
    const ip = toIp(address);
    if (block === undefined || block.length === fullLength(ip)) vips.push({ network, ip });
    else cidrVips.push({ network, ip, length: block.length });
  }
  return { vips, cidrVips };
}

function toWeighted(weighted: pb.WeightedWaypoint, shared: Interner): WeightedWaypoint {
  if (!weighted.destination) throw new Unusable('a weighted waypoint without destination');
  return { destination: toGateway(weighted.destination, shared), weight: weighted.weight };
}

function toLoadBalancer(lb: pb.LoadBalancing): LoadBalancer {
  return {
    routingPreferences: lb.routingPreference.map((scope) => named('load balancing scope', routingScopes, scope)),
    mode: named('load balancing mode', modes, lb.mode),
    healthPolicy: named('health policy', healthPolicies, lb.healthPolicy),
  };
}
