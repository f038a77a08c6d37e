// Chooses one endpoint of a service: who is eligible, who is near enough, and then by weight.
// Linear in the number of endpoints, without allocating per endpoint; called once a connection by next-hop.ts and waypoint.ts.
import type { SocketAddress } from './address.ts';
import type { Mesh } from './mesh.ts';
import { type LoadBalancer, type LocalityScope, type Service, serviceKey } from './service.ts';
import type { Workload } from './workload.ts';

export interface Upstream {
  readonly workload: Workload;
  /** The port to reach on the workload. */
  readonly port: number;
  /** The service that the workload was chosen for; absent when its own address was asked for. */
  readonly service?: Service;
}

export interface Choice {
  readonly source: Workload;
  /** `waypoint`: the port is that of a waypoint's tunnel listener, which its service need not list. */
  readonly mode: 'standard' | 'waypoint';
  /** 0 <= x < 1; called at most once. */
  readonly random: () => number;
}

/** What answers at an address of the mesh: an endpoint of the service there, else the workload there. Undefined also when the service wants to be left alone. */
export function upstreamAt(mesh: Mesh, network: string, to: SocketAddress, choice: Choice): Upstream | undefined {
  const service = mesh.serviceAt(network, to.ip, { clientNamespace: choice.source.namespace });
  if (service) return service.loadBalancer?.mode === 'Passthrough' ? undefined : chooseEndpoint(mesh, service, to.port, choice);
  const workload = mesh.workloadAt(network, to.ip);
  return workload && { workload, port: to.port };
}

/** Undefined when the service does not list the port, or no endpoint is eligible, near enough and of any weight. */
export function chooseEndpoint(mesh: Mesh, service: Service, port: number, choice: Choice): Upstream | undefined {
  if (choice.mode === 'standard' && !service.ports.has(port)) return undefined;
  const wanted: Wanted = { key: serviceKey(service), port, ofService: service.ports.get(port), source: choice.source, mode: choice.mode };
  const endpoints = mesh.endpoints(service);
  const ranks = new Int32Array(endpoints.length);
  let best = 0;
  let totalWeight = 0;
  for (const [at, endpoint] of endpoints.entries()) {
    const rank = targetPort(wanted, endpoint) === undefined ? unfit : rankOf(service.loadBalancer, choice.source, endpoint);
    ranks[at] = rank;
    if (rank > best) [best, totalWeight] = [rank, 0];
    if (rank === best) totalWeight += endpoint.capacity;
  }
  if (totalWeight <= 0) return undefined;

  let left = choice.random() * totalWeight;
  for (const [at, workload] of endpoints.entries()) {
    if (ranks[at] !== best) continue;
    left -= workload.capacity;
    const target = left < 0 ? targetPort(wanted, workload) : undefined;
    if (target !== undefined) return { workload, port: target, service };
  }
  return undefined;
}

/** Everyone whom `chooseEndpoint` would choose among: those of the best rank that have any weight. For proxies that keep a list. */
export function eligibleEndpoints(mesh: Mesh, service: Service, port: number, source: Workload): readonly Upstream[] {
  if (!service.ports.has(port)) return [];
  const wanted: Wanted = { key: serviceKey(service), port, ofService: service.ports.get(port), source, mode: 'standard' };
  let best = 0;
  let eligible: Upstream[] = [];
  for (const workload of mesh.endpoints(service)) {
    const target = targetPort(wanted, workload);
    const rank = rankOf(service.loadBalancer, source, workload);
    if (target === undefined || workload.capacity <= 0 || rank < best) continue;
    if (rank > best) [best, eligible] = [rank, []];
    eligible.push({ workload, port: target, service });
  }
  return eligible;
}

const unfit = -1;

/** One service port, looked up once for all endpoints. */
interface Wanted {
  readonly key: string;
  readonly port: number;
  /** What the service maps the port to: 0 for a named port, undefined when it does not list it. */
  readonly ofService: number | undefined;
  readonly source: Workload;
  readonly mode: Choice['mode'];
}

/** The port of this endpoint that stands behind the service's port; undefined when the endpoint cannot be reached or does not serve it. */
function targetPort({ key, port, ofService, source, mode }: Wanted, endpoint: Workload): number | undefined {
  const nameless = endpoint.addresses.length === 0 && endpoint.hostname === '';
  if (nameless && (endpoint.network === source.network || !endpoint.networkGateway)) return undefined;
  if (ofService === undefined && !endpoint.applicationTunnel) return undefined;
  const own = endpoint.services.get(key)?.get(port) ?? ofService;
  if (own !== undefined && own > 0) return own;
  // A named port that the endpoint does not map is one that it does not have; a waypoint's application tunnel takes any port.
  return mode === 'waypoint' && endpoint.applicationTunnel?.port !== undefined ? port : undefined;
}

/** How many preferences in a row the endpoint shares with the source; `unfit` where strictness rules it out. */
function rankOf(balancer: LoadBalancer | undefined, source: Workload, endpoint: Workload): number {
  if (!balancer || balancer.mode === 'Standard') return 0;
  const preferences = balancer.routingPreferences;
  const networkFirst = preferences[0] === 'Network';
  let shared = 0;
  for (const scope of preferences) {
    if (shares(scope, source, endpoint)) shared++;
    else if (!(networkFirst && scope === 'Network')) break;
  }
  if (balancer.mode === 'Strict' && shared < preferences.length) return unfit;
  // Another network costs a gateway: any endpoint of the own network goes before all others.
  return networkFirst && shares('Network', source, endpoint) ? shared + preferences.length - 1 : shared;
}

function shares(scope: LocalityScope, source: Workload, endpoint: Workload): boolean {
  switch (scope) {
    case 'Region':
      return source.locality.region === endpoint.locality.region;
    case 'Zone':
      return source.locality.zone === endpoint.locality.zone;
    case 'Subzone':
      return source.locality.subzone === endpoint.locality.subzone;
    case 'Node':
      return source.node === endpoint.node;
    case 'Cluster':
      return source.clusterId === endpoint.clusterId;
    case 'Network':
      return source.network === endpoint.network;
    default:
      return scope satisfies never;
  }
}
