// Makes one workload cheap to keep: what many workloads share (namespaces, nodes, identities, port maps) is kept once.
// Every workload of a mesh passes here, so that two that say the same compare field by field with `===`. Called by workload-store.ts.
import type { SpiffeId } from './spiffe.ts';
import type { ApplicationTunnel, GatewayAddress, Locality, PortMap, Workload } from './workload.ts';

/** Distinct values of one kind that are remembered. Beyond it the memory starts anew: sharing suffers a little, correctness does not. */
const rememberedValues = 65_536;

export class Compactor {
  readonly #texts = new Map<string, string>();
  readonly #identities = new Map<string, SpiffeId>();
  readonly #localities = new Map<string, Locality>();
  readonly #gateways = new Map<string, GatewayAddress>();
  readonly #tunnels = new Map<string, ApplicationTunnel>();
  readonly #ports = new Map<string, PortMap>();
  readonly #services = new Map<string, Workload['services']>();
  readonly #policies = new Map<string, readonly string[]>();

  /** A workload of equal content. The same fields in the same order for each, so that the engine keeps one shape. */
  workload(w: Workload): Workload {
    const compact: { -readonly [F in keyof Workload]: Workload[F] } = {
      uid: w.uid,
      name: w.name,
      namespace: this.#text(w.namespace),
      addresses: w.addresses,
      network: this.#text(w.network),
      protocol: w.protocol,
      identity: shared(this.#identities, w.identity.uri, w.identity),
      node: this.#text(w.node),
      canonicalName: this.#text(w.canonicalName),
      canonicalRevision: this.#text(w.canonicalRevision),
      workloadType: this.#text(w.workloadType),
      workloadName: this.#text(w.workloadName),
      nativeTunnel: w.nativeTunnel,
      authorizationPolicies: shared(this.#policies, w.authorizationPolicies.join('\n'), w.authorizationPolicies),
      health: w.health,
      clusterId: this.#text(w.clusterId),
      hostname: w.hostname,
      services: this.#servicesOf(w),
      locality: shared(this.#localities, `${w.locality.region}\n${w.locality.zone}\n${w.locality.subzone}`, w.locality),
      networkMode: w.networkMode,
      capacity: w.capacity,
    };
    if (w.waypoint) compact.waypoint = shared(this.#gateways, JSON.stringify(w.waypoint), w.waypoint);
    if (w.networkGateway) compact.networkGateway = shared(this.#gateways, JSON.stringify(w.networkGateway), w.networkGateway);
    if (w.applicationTunnel) compact.applicationTunnel = shared(this.#tunnels, JSON.stringify(w.applicationTunnel), w.applicationTunnel);
    return compact;
  }

  #text(text: string): string {
    return shared(this.#texts, text, text);
  }

  #servicesOf(w: Workload): Workload['services'] {
    let content = '';
    for (const [key, ports] of w.services) {
      content += `${key}=`;
      for (const [port, target] of ports) content += `${port}:${target},`;
      content += '\n';
    }
    const known = this.#services.get(content);
    if (known) return known;
    const own = new Map<string, PortMap>();
    for (const [key, ports] of w.services) own.set(this.#text(key), shared(this.#ports, [...ports].join(';'), ports));
    return shared(this.#services, content, own);
  }
}

/** Whether two compacted workloads say the same. A false "no" (after a memory started anew) only costs a needless update. */
export function sameWorkload(a: Workload, b: Workload): boolean {
  const fields = Object.keys(a) as (keyof Workload)[];
  if (fields.length !== Object.keys(b).length) return false;
  return fields.every((field) => (field === 'addresses' ? a.addresses.join() === b.addresses.join() : a[field] === b[field]));
}

function shared<V>(known: Map<string, V>, content: string, value: V): V {
  const first = known.get(content);
  if (first !== undefined) return first;
  if (known.size >= rememberedValues) known.clear();
  known.set(content, value);
  return value;
}
