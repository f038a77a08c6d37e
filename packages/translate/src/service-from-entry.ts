// A ServiceEntry as services of the mesh, one per host (facts: control-plane §3.11). Pure.
// Its endpoints become workloads elsewhere; the addresses in its status are given out by address-allocation.ts.
import { type Ip, ipFromBytes, ipToBytes, parseIp } from '@ambient-mesh/model/address';
import { fullLength, parseCidr } from '@ambient-mesh/model/cidr';
import type { Service } from '@ambient-mesh/model/service';
import { type Allocation, takesAddresses } from './address-allocation.ts';
import type { ServiceEntry } from './kinds/entries.ts';
import { loadBalancerOfEntry } from './load-balancing.ts';
import type { ServiceContext, ServiceInfo } from './service-info.ts';
import { portsOfEntry } from './service-ports.ts';
import { bound, waypointFields } from './service-waypoint.ts';

type Vips = Pick<Service, 'vips' | 'cidrVips'>;

/** Empty when one of its addresses cannot be read: the others alone would promise what the entry does not keep. */
export function servicesFromEntry(entry: ServiceEntry, context: ServiceContext): readonly ServiceInfo[] {
  const { namespace, name, labels, createdAt } = entry.meta;
  const written = vipsFrom(entry.addresses, context.network);
  if (!written) return [];
  const binding = bound(labels, context);
  const loadBalancer = loadBalancerOfEntry(entry, context.namespace);
  const allocated = Map.groupBy(context.settings.allocateAddresses ? entry.allocated : [], ({ host }) => host);
  const alike = {
    name,
    namespace,
    ...portsOfEntry(entry.ports),
    subjectAltNames: entry.subjectAltNames,
    ...waypointFields(binding.binding, binding.ingressUseWaypoint),
    ...(loadBalancer && { loadBalancer }),
    canonical: false,
    visibility: 'Public',
  } as const;
  return [...new Set(entry.hosts)].map((hostname) => ({
    service: {
      ...alike,
      hostname,
      ...(takesAddresses(entry, hostname) ? allocatedVips(allocated.get(hostname), context.network) : written),
    },
    source: { kind: 'ServiceEntry', namespace, name, ports: entry.ports },
    createdAt,
    ...binding,
    ...(entry.workloadSelector && { selector: entry.workloadSelector }),
  }));
}

/** Single addresses and blocks; undefined when any of them is neither. */
function vipsFrom(addresses: readonly string[], network: string): Vips | undefined {
  const blocks = addresses.map(parseCidr).filter((block) => block !== undefined);
  if (blocks.length < addresses.length) return undefined;
  return {
    vips: blocks.filter(({ ip, length }) => length === fullLength(ip)).map(({ ip }) => ({ network, ip })),
    cidrVips: blocks
      .filter(({ ip, length }) => length < fullLength(ip))
      .map(({ ip, length }) => ({ network, ip: firstOf(ip, length), length })),
  };
}

/** A status is written by the mesh, but anyone may have edited it: what is no address is passed over. */
function allocatedVips(allocated: readonly Allocation[] | undefined, network: string): Vips {
  const ips = (allocated ?? []).map(({ value }) => parseIp(value)).filter((ip) => ip !== undefined);
  return { vips: ips.map((ip) => ({ network, ip })), cidrVips: [] };
}

/** The first address of the block that it lies in. */
function firstOf(ip: Ip, length: number): Ip {
  const masked = ipToBytes(ip).map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, length - at * 8))));
  return ipFromBytes(masked) ?? ip;
}
