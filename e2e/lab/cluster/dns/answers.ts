// What the cluster's DNS says about a name, told from Services and their endpoints. Pure; asked by reply.ts for each question.
// Nothing is ever asked elsewhere: names outside the cluster do not exist.
import type { EndpointSlice, Service, SliceEndpoint } from '../objects.ts';
import { readyEndpoints } from '../selectors.ts';

export interface DnsRecord {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'SRV';
  /** An address, a name, or where a port is. */
  readonly data: string | { readonly port: number; readonly target: string; readonly priority: number; readonly weight: number };
}

/** Undefined: there is no such name. Empty: it has no records of the type. */
export type DnsAnswer = readonly DnsRecord[] | undefined;

export interface ClusterNames {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
}

const zone = 'svc.cluster.local';
/** An alias of an alias, and so on: they may go in circles. */
const mostAliases = 8;

/** Of an alias, also what the name behind it has, if that is the cluster's: programs in pods do not ask a second time. */
export function answerOf(names: ClusterNames, question: string, type: string): DnsAnswer {
  const answer: DnsRecord[] = [];
  for (let name = question; ; ) {
    const found = recordsOf(names, name.toLowerCase().replace(/\.$/, ''), type);
    if (found === undefined) return answer.length === 0 ? undefined : answer;
    answer.push(...found);
    const [alias] = found;
    if (alias?.type !== 'CNAME' || typeof alias.data !== 'string' || type === 'CNAME' || answer.length > mostAliases) return answer;
    name = alias.data;
  }
}

/** A Service with what is known of it, and the question. */
interface Asked {
  readonly service: Service;
  readonly slices: readonly EndpointSlice[];
  readonly name: string;
  readonly type: string;
}

function recordsOf(names: ClusterNames, name: string, type: string): DnsAnswer {
  if (!name.endsWith(`.${zone}`)) return undefined;
  const labels = name.slice(0, -zone.length - 1).split('.');
  const [namespace = '', own = '', ...rest] = labels.toReversed();
  const service = names.service(namespace, own);
  if (service === undefined) return undefined;
  const asked = { service, slices: names.slices(namespace, own), name, type };
  const [first = '', second = ''] = rest;
  if (rest.length === 0) return ofService(asked);
  if (service.spec.externalName !== undefined || rest.length > 2) return undefined;
  if (rest.length === 1)
    return isHeadless(service)
      ? whileThere(
          asked,
          ipsOf(asked, (endpoint) => hostOf(endpoint) === first),
        )
      : undefined;
  return ofPort(asked, { protocol: first, port: second });
}

function ofService(asked: Asked): DnsAnswer {
  const { spec } = asked.service;
  if (spec.externalName !== undefined) return [{ name: asked.name, type: 'CNAME', data: spec.externalName.replace(/\.$/, '') }];
  return isHeadless(asked.service) ? whileThere(asked, ipsOf(asked)) : addresses(asked, spec.clusterIPs ?? []);
}

const isHeadless = ({ spec }: Service): boolean => spec.clusterIP === 'None';

const ipsOf = ({ slices }: Asked, wanted: (endpoint: SliceEndpoint) => boolean = () => true): string[] =>
  slices.flatMap((slice) => readyEndpoints(slice).filter(wanted)).flatMap((endpoint) => endpoint.addresses);

/** Of a headless Service: a name that exists only as long as somebody is there. */
const whileThere = (asked: Asked, ips: readonly string[]): DnsAnswer => (ips.length === 0 ? undefined : addresses(asked, ips));

function addresses({ name, type }: Asked, ips: readonly string[]): readonly DnsRecord[] {
  if (type !== 'A' && type !== 'AAAA') return [];
  return [...new Set(ips)].filter((ip) => ip.includes(':') === (type === 'AAAA')).map((data) => ({ name, type, data }));
}

/** An endpoint's own label below its Service. */
const hostOf = ({ hostname, addresses: [ip = ''] }: SliceEndpoint): string => hostname ?? ip.replace(/[.:]/g, '-');

/** `_port._protocol.service…` */
function ofPort(asked: Asked, wish: { readonly protocol: string; readonly port: string }): DnsAnswer {
  const { service, name, type } = asked;
  const isWished = (port: { readonly name?: string; readonly protocol?: string }): boolean =>
    `_${port.name ?? ''}` === wish.port && `_${(port.protocol ?? 'TCP').toLowerCase()}` === wish.protocol;
  const found = (service.spec.ports ?? []).find(isWished);
  const places = found === undefined ? [] : isHeadless(service) ? endpointPlaces(asked, isWished) : [{ host: '', port: found.port }];
  if (places.length === 0) return undefined;
  if (type !== 'SRV') return [];
  const below = `${service.metadata.name}.${service.metadata.namespace}.${zone}`;
  return places.map(({ host, port }) => ({
    name,
    type,
    data: { port, target: host === '' ? below : `${host}.${below}`, priority: 0, weight: 100 },
  }));
}

/** Once for an endpoint that is listed with both families. */
function endpointPlaces(
  { slices }: Asked,
  isWished: (port: { readonly name?: string; readonly protocol?: string }) => boolean,
): { readonly host: string; readonly port: number }[] {
  const all = slices.flatMap((slice) => {
    const port = slice.ports?.find(isWished)?.port;
    return port === undefined ? [] : readyEndpoints(slice).map((endpoint) => ({ host: hostOf(endpoint), port }));
  });
  return [...new Map(all.map((place) => [`${place.host}:${place.port}`, place])).values()];
}
