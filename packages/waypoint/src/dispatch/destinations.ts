// Every destination that this waypoint has sent to lately, by service, port and subset.
// Asked by route/ and tcp/ when a backend has been chosen. Those whose service is gone are let go of now and then.
import { parseIp } from '@ambient-mesh/model/address';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import { Destination, type DestinationName, type DestinationPorts } from './destination.ts';

/** Looked through when there are this many more than last time. */
const sweepAfter = 64;

export class Destinations {
  readonly #ports: DestinationPorts;
  readonly #held = new Map<string, Destination>();
  #sweepAt = sweepAfter;

  constructor(ports: DestinationPorts) {
    this.#ports = ports;
  }

  /** `service`: `namespace/hostname`. */
  service(service: string, port: number, subset?: string): Destination {
    return this.#get(`${service} ${port} ${subset ?? ''}`, () => ({ service, port, subset }));
  }

  /** `uid` of a workload, at its own address. */
  workload(uid: string, port: number): Destination {
    return this.#get(`${uid} ${port}`, () => ({ workload: uid, port }));
  }

  /** One of the hosts that a service stands for, by address or name, treated as the service is. */
  host(service: string, port: number, { host, hostPort }: { readonly host: string; readonly hostPort: number }): Destination {
    return this.#get(`${service} ${port} host ${host} ${hostPort}`, () => ({ service, port, host, hostPort, stand: outside(host) }));
  }

  #get(key: string, name: () => DestinationName): Destination {
    const held = this.#held.get(key);
    if (held !== undefined) return held;
    if (this.#held.size >= this.#sweepAt) this.#sweep();
    const made = new Destination(name(), this.#ports);
    this.#held.set(key, made);
    return made;
  }

  all(): Iterable<Destination> {
    return this.#held.values();
  }

  destroy(): void {
    for (const each of this.#held.values()) each.destroy();
  }

  #sweep(): void {
    for (const [key, each] of this.#held)
      if (each.active === 0 && (each.isGone || 'host' in each.name)) {
        each.close();
        this.#held.delete(key);
      }
    this.#sweepAt = this.#held.size + sweepAfter;
  }
}

/** What is outside the mesh, as a workload: reached in clear. */
function outside(host: string): Workload {
  const ip = parseIp(host);
  return {
    uid: `outside/${host}`,
    name: host,
    namespace: '',
    addresses: ip === undefined ? [] : [ip],
    network: '',
    protocol: 'TCP',
    identity: spiffeId('outside', 'outside', 'outside'),
    node: '',
    canonicalName: '',
    canonicalRevision: '',
    workloadType: 'pod',
    workloadName: '',
    nativeTunnel: false,
    authorizationPolicies: [],
    health: 'Healthy',
    clusterId: '',
    hostname: ip === undefined ? host : '',
    services: new Map(),
    locality: { region: '', zone: '', subzone: '' },
    networkMode: 'Standard',
    capacity: 1,
  };
}
