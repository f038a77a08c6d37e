// What the cluster's DNS says about a name, told from Services and their endpoints. Pure; asked by server.ts for each question.
// Nothing is ever asked elsewhere: names outside the cluster do not exist.
import type { EndpointSlice, Service } from '../objects.ts';

export interface Record_ {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'SRV';
  /** An address, a name, or where a Service port is. */
  readonly data: string | { readonly port: number; readonly target: string; readonly priority: number; readonly weight: number };
}

/** Undefined: there is no such name. Empty: it has no records of the type. */
export type DnsAnswer = readonly Record_[] | undefined;

export interface ClusterNames {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
}

const zone = 'svc.cluster.local';

interface ReadyEndpoint {
  readonly addresses?: readonly string[];
  readonly hostname?: string;
  readonly conditions?: { readonly ready?: boolean };
}

export function answerOf(names: ClusterNames, question: string, type: string): DnsAnswer {
  const name = question.toLowerCase().replace(/\.$/, '');
  if (!name.endsWith(`.${zone}`)) return undefined;
  const labels = name.slice(0, -zone.length - 1).split('.');
  const [namespace = '', service = '', ...rest] = labels.toReversed();
  const found = names.service(namespace, service);
  if (found === undefined) return undefined;
  const slices = names.slices(namespace, service);
  if (rest.length === 0) return ofService(found, slices, name, type);
  if (rest.length === 1)
    return addresses(
      name,
      type,
      endpointsOf(slices)
        .filter(({ hostname }) => hostname === rest[0])
        .flatMap(ipsOf),
      true,
    );
  const [protocol = '', port = ''] = rest;
  return rest.length === 2 ? ofPort(found, name, type, { protocol, port }) : undefined;
}

function ofService({ spec }: Service, slices: readonly EndpointSlice[], name: string, type: string): DnsAnswer {
  if (spec.externalName !== undefined) return [{ name, type: 'CNAME', data: spec.externalName }];
  const ips = spec.clusterIPs ?? [];
  return addresses(name, type, ips[0] === 'None' ? endpointsOf(slices).flatMap(ipsOf) : ips, ips[0] === 'None');
}

/** @param isLive whether the name exists only while it has addresses. */
function addresses(name: string, type: string, ips: readonly string[], isLive: boolean): DnsAnswer {
  if (isLive && ips.length === 0) return undefined;
  if (type !== 'A' && type !== 'AAAA') return [];
  return ips.filter((ip) => ip.includes(':') === (type === 'AAAA')).map((data) => ({ name, type, data }));
}

/** `_port._protocol.service…` */
function ofPort(
  { metadata, spec }: Service,
  name: string,
  type: string,
  wish: { readonly protocol: string; readonly port: string },
): DnsAnswer {
  const found = (spec.ports ?? []).find(
    (port) => `_${port.name}` === wish.port && `_${(port.protocol ?? 'TCP').toLowerCase()}` === wish.protocol,
  );
  if (found === undefined) return undefined;
  if (type !== 'SRV') return [];
  const target = `${metadata.name}.${metadata.namespace}.${zone}`;
  return [{ name, type: 'SRV', data: { port: found.port, target, priority: 0, weight: 100 } }];
}

const endpointsOf = (slices: readonly EndpointSlice[]): ReadyEndpoint[] =>
  slices.flatMap(({ endpoints }) => (endpoints ?? []) as readonly ReadyEndpoint[]).filter(({ conditions }) => conditions?.ready !== false);

const ipsOf = ({ addresses: all = [] }: ReadyEndpoint): readonly string[] => all;
