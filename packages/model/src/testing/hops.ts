// What the tests of next hops share: a client, a waypoint, a service, and a way to ask and to write down the answer.
import { formatSocket } from '../address.ts';
import type { MeshDelta } from '../delta.ts';
import { type Hop, type HopRequest, type Need, nextHop, type Refusal } from '../next-hop.ts';
import type { GatewayAddress } from '../workload.ts';
import { ip, meshOf, service, type WorkloadSketch, workload } from './index.ts';

/** A dual-stack pod of namespace `ns`. */
const client = workload({ name: 'client', ips: ['127.0.0.1', '::1'], protocol: 'HBONE' });

/** The next hop of `client` (or another source) to `to`, on port 80 unless said otherwise. Chance is always 0. */
export function hop(
  mesh: Partial<MeshDelta>,
  to: string,
  given: Partial<HopRequest> & { readonly port?: number } = {},
): Hop | Refusal | Need {
  const { port = 80, ...rest } = given;
  const source = rest.source ?? client;
  const all = { ...mesh, workloads: [source, ...(mesh.workloads ?? [])] };
  const request = {
    source,
    sourceIp: source.addresses[0] ?? ip('127.0.0.1'),
    destination: { ip: ip(to), port },
    network: '',
    random: () => 0,
  };
  return nextHop(meshOf(all), { ...request, ...rest });
}

/** One line: `by to [authority]`, `refuse why` or `need what`. */
export function line(answer: Hop | Refusal | Need): string {
  if ('refuse' in answer) return `refuse ${answer.refuse}`;
  if ('need' in answer) return `need ${answer.need} ${answer.need === 'dns' ? answer.hostname : answer.key}`;
  return `${answer.by} ${formatSocket(answer.to)}${'authority' in answer ? ` [${answer.authority}]` : ''}`;
}

export const byName = (hostname: string, hboneMtlsPort = 15_008): GatewayAddress => ({
  destination: { hostname: { namespace: 'ns', hostname } },
  hboneMtlsPort,
});
export const byIp = (address: string, hboneMtlsPort = 15_008, network = ''): GatewayAddress => ({
  destination: { address: { network, ip: ip(address) } },
  hboneMtlsPort,
});

export const example = service({
  hostname: 'example.com',
  vips: ['10.9.0.1'],
  subjectAltNames: ['spiffe://cluster.local/ns/ns/sa/extra', 'not an id'],
});
export const behind = { serves: { 'ns/example.com': {} } };
export const waypointSketch: WorkloadSketch = { name: 'waypoint', ips: ['10.0.0.9'], serviceAccount: 'waypoint', protocol: 'HBONE' };
export const waypoint = workload({ ...waypointSketch, serves: { 'ns/waypoint.example.com': {} } });
export const waypointService = service({
  hostname: 'waypoint.example.com',
  vips: ['10.9.0.9'],
  ports: { 15008: 15_008 },
  subjectAltNames: ['spiffe://cluster.local/ns/ns/sa/waypoint-extra'],
});
