// Builders for tests: objects of the mesh with every field filled in plainly, so that a test states only what it is about.
// For tests and benches of any package; never imported by a program.
import { type Ip, parseIp } from '../address.ts';
import type { MeshDelta } from '../delta.ts';
import { Mesh } from '../mesh.ts';
import type { Match, Policy } from '../policy.ts';
import type { Service } from '../service.ts';
import { spiffeId } from '../spiffe.ts';
import type { PortMap, Workload } from '../workload.ts';

/** Throws on anything that is no address: a test's own mistake. */
export function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new TypeError(`not an IP address: ${text}`);
  return parsed;
}

export interface WorkloadSketch extends Partial<Omit<Workload, 'addresses' | 'services'>> {
  readonly name: string;
  readonly ips?: readonly string[];
  readonly serviceAccount?: string;
  /** `namespace/hostname` -> the workload's own ports, as `{ 80: 8080 }`. */
  readonly serves?: Readonly<Record<string, Readonly<Record<number, number>>>>;
}

/** A healthy pod of namespace `ns` on node `n1` that speaks clear text. */
export function workload({ name, ips = [], serviceAccount = 'default', serves = {}, ...given }: WorkloadSketch): Workload {
  const namespace = given.namespace ?? 'ns';
  return {
    uid: `cluster1//Pod/${namespace}/${name}`,
    name,
    namespace,
    addresses: ips.map(ip),
    network: '',
    protocol: 'TCP',
    identity: spiffeId('cluster.local', namespace, serviceAccount),
    node: 'n1',
    canonicalName: '',
    canonicalRevision: '',
    workloadType: 'pod',
    workloadName: name,
    nativeTunnel: false,
    authorizationPolicies: [],
    health: 'Healthy',
    clusterId: 'Kubernetes',
    hostname: '',
    services: new Map(Object.entries(serves).map(([key, ports]) => [key, portMap(ports)])),
    locality: { region: '', zone: '', subzone: '' },
    networkMode: 'Standard',
    capacity: 1,
    ...given,
  };
}

export interface ServiceSketch extends Partial<Omit<Service, 'vips' | 'ports'>> {
  readonly hostname: string;
  /** On the network `""` unless written `network/ip`. */
  readonly vips?: readonly string[];
  readonly ports?: Readonly<Record<number, number>>;
}

/** A public service of namespace `ns` that maps 80 to 8080. */
export function service({ hostname, vips = [], ports = { 80: 8080 }, ...given }: ServiceSketch): Service {
  return {
    name: hostname.split('.')[0] ?? hostname,
    namespace: 'ns',
    hostname,
    vips: vips.map((vip) => {
      const [address = '', network = ''] = vip.split('/').reverse();
      return { network, ip: ip(address) };
    }),
    cidrVips: [],
    ports: portMap(ports),
    subjectAltNames: [],
    weightedWaypoints: [],
    canonical: false,
    visibility: 'Public',
    ...given,
  };
}

const emptyMatch: Match = {
  namespaces: [],
  notNamespaces: [],
  principals: [],
  notPrincipals: [],
  serviceAccounts: [],
  notServiceAccounts: [],
  sourceIps: [],
  notSourceIps: [],
  destinationIps: [],
  notDestinationIps: [],
  destinationPorts: [],
  notDestinationPorts: [],
};

export const match = (given: Partial<Match>): Match => ({ ...emptyMatch, ...given });

/** An enforced allow policy for the workloads of namespace `ns`. */
export function policy({ name, ...given }: Partial<Policy> & { readonly name: string }): Policy {
  const namespace = given.namespace ?? 'ns';
  return { key: `${namespace}/${name}`, name, namespace, scope: 'Namespace', action: 'Allow', rules: [], dryRun: false, ...given };
}

export const delta = (given: Partial<MeshDelta>): MeshDelta => ({
  workloads: [],
  services: [],
  policies: [],
  removedAddresses: [],
  removedPolicies: [],
  ...given,
});

/** A mesh that has applied this much; `node` as in `Mesh`. */
export function meshOf(given: Partial<MeshDelta>, node = ''): Mesh {
  const mesh = new Mesh({ node });
  mesh.apply(delta(given));
  return mesh;
}

const portMap = (ports: Readonly<Record<number, number>>): PortMap =>
  new Map(Object.entries(ports).map(([port, target]) => [Number(port), target]));
