// Services as nftables rules of one node: a Service's address and port lead to one of its ready endpoints, by chance. Pure text; carried out by proxy.ts.
// For pods outside the mesh and for the node's own processes; what a ztunnel carries goes to pods' addresses and meets none of these rules.
import type { EndpointSlice, Service } from '../objects.ts';
import { keyOf, readyEndpoints, serviceKeyOf } from '../selectors.ts';

/** An endpoint and its port, of one family. */
export interface Backend {
  readonly ip: string;
  readonly port: number;
}

export interface Frontend {
  readonly ip: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly backends: readonly Backend[];
}

const table = 'inet lab-services';

const isV6 = (ip: string): boolean => ip.includes(':');
const protocolOf = (text = 'TCP'): 'tcp' | 'udp' | undefined => (text === 'TCP' ? 'tcp' : text === 'UDP' ? 'udp' : undefined);

export function frontendsOf(services: Iterable<Service>, slices: Iterable<EndpointSlice>): Frontend[] {
  const byService = Map.groupBy(slices, serviceKeyOf);
  return [...services].flatMap((service) => {
    const own = byService.get(keyOf(service)) ?? [];
    const ips = (service.spec.clusterIPs ?? []).filter((ip) => ip !== 'None');
    return ips.flatMap((ip) =>
      (service.spec.ports ?? []).flatMap(({ name = '', port, protocol: text }): Frontend[] => {
        const protocol = protocolOf(text);
        return protocol === undefined ? [] : [{ ip, protocol, port, backends: backends(own, ip, name, protocol) }];
      }),
    );
  });
}

/** Each once: while a pod moves from one slice to another, both may list it. */
function backends(slices: readonly EndpointSlice[], vip: string, portName: string, protocol: 'tcp' | 'udp'): Backend[] {
  const found = slices.flatMap((slice) => {
    if ((slice.addressType === 'IPv6') !== isV6(vip)) return [];
    const port = slice.ports?.find(({ name = '', protocol: text }) => name === portName && protocolOf(text) === protocol)?.port;
    if (port === undefined) return [];
    return readyEndpoints(slice).flatMap(({ addresses: [ip] }) => (ip === undefined ? [] : [{ ip, port }]));
  });
  return [...new Map(found.map((each) => [`${each.ip} ${each.port}`, each])).values()];
}

/** Replaces the whole table, in one transaction. */
export function serviceRules(frontends: readonly Frontend[]): string {
  const working = frontends.filter(({ backends: all }) => all.length > 0);
  const dead = frontends.filter(({ backends: all }) => all.length === 0);
  const own = [...new Set(working.flatMap(({ backends: all }) => all.map(({ ip }) => ip)))];
  const lines = [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    ...['prerouting', 'output'].flatMap((hook) => [
      `add chain ${table} ${hook} { type nat hook ${hook} priority -110 ; }`,
      ...working.map((each) => `add rule ${table} ${hook} ${translation(each)}`),
    ]),
    ...['forward', 'output'].flatMap((hook) => [
      `add chain ${table} refuse-${hook} { type filter hook ${hook} priority -110 ; }`,
      ...dead.map(({ ip, protocol, port }) => {
        const match = `${isV6(ip) ? 'ip6' : 'ip'} daddr ${ip} ${protocol} dport ${port}`;
        return `add rule ${table} refuse-${hook} ${match} reject${protocol === 'tcp' ? ' with tcp reset' : ''}`;
      }),
    ]),
    `add chain ${table} postrouting { type nat hook postrouting priority 90 ; }`,
    // A pod that reaches itself through its Service must see the answer come from there.
    ...own.map((ip) => {
      const family = isV6(ip) ? 'ip6' : 'ip';
      return `add rule ${table} postrouting ct status dnat ${family} saddr ${ip} ${family} daddr ${ip} masquerade`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

function translation({ ip, protocol, port, backends: all }: Frontend): string {
  const family = isV6(ip) ? 'ip6' : 'ip';
  const to = (backend: Backend): string => (isV6(ip) ? `[${backend.ip}]:${backend.port}` : `${backend.ip}:${backend.port}`);
  const match = `${family} daddr ${ip} ${protocol} dport ${port}`;
  const [first] = all;
  if (all.length === 1 && first !== undefined) return `${match} dnat ${family} to ${to(first)}`;
  const map = all.map((backend, at) => `${at} : ${backend.ip} . ${backend.port}`).join(', ');
  return `${match} dnat ${family} to numgen random mod ${all.length} map { ${map} }`;
}
