// Gives Services their cluster IPs and node ports, as the API server does on creation, and keeps those they have.
// Called by strategies.ts. What is taken is read from the store each time: nothing to get out of step.
import { type Ip, ipFromBytes, ipToBytes, parseIp } from '@ambient-mesh/model/address';
import { listAt, mapAt, numberAt, textAt } from '../object.ts';
import { isObject, type JsonObject, type KubeObject } from '../patch/json.ts';
import { invalid } from '../status-error.ts';
import type { KubeStore } from '../store/kube-store.ts';

const nodePorts = { first: 30_000, last: 32_767 } as const;

interface Range {
  readonly family: 'IPv4' | 'IPv6';
  readonly base: bigint;
  readonly bytes: number;
  /** Addresses that may be given away. */
  readonly size: bigint;
  next: bigint;
}

export class ServiceAddresses {
  readonly #ranges: readonly Range[];
  readonly #store: KubeStore;
  #nextPort: number = nodePorts.first;

  /** @param cidrs the first is the default family; at most one of each. */
  constructor(store: KubeStore, cidrs: readonly string[]) {
    this.#store = store;
    this.#ranges = cidrs.map(readRange);
  }

  /** Completes a new Service, or one that is about to replace `current`. Changes `service`, which nobody else holds. */
  assign(service: KubeObject, current?: Readonly<KubeObject>): void {
    const spec = isObject(service.spec) ? service.spec : {};
    service.spec = spec;
    const type = spec.type ?? 'ClusterIP';
    if (type === 'ExternalName') {
      for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) delete spec[field];
      return;
    }
    const had = mapAt(current?.spec);
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) {
      const value = had[field];
      if ((spec[field] === undefined || spec[field] === '') && value !== undefined) spec[field] = structuredClone(value);
    }
    spec.internalTrafficPolicy ??= 'Cluster';
    if (type !== 'ClusterIP') spec.externalTrafficPolicy ??= 'Cluster';
    if (type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
    this.#assignIps(service, spec);
    this.#assignPorts(spec, listAt(current?.spec, 'ports'), type !== 'ClusterIP' && spec.allocateLoadBalancerNodePorts !== false);
  }

  #assignIps(service: KubeObject, spec: JsonObject): void {
    const policy = textAt(spec, 'ipFamilyPolicy') ?? 'SingleStack';
    const wanted = listAt(spec, 'ipFamilies').map(String);
    const first = typeof spec.clusterIP === 'string' && spec.clusterIP !== '' ? spec.clusterIP : listAt(spec, 'clusterIPs')[0];
    const firstFamily = typeof first === 'string' && first !== 'None' ? (first.includes(':') ? 'IPv6' : 'IPv4') : undefined;
    const order = [...(firstFamily === undefined ? [] : [firstFamily]), ...wanted, ...this.#ranges.map(({ family }) => family)];
    const families = [...new Set(order)].slice(0, policy === 'SingleStack' && wanted.length < 2 ? 1 : 2);
    spec.ipFamilyPolicy = policy;
    spec.ipFamilies = families;
    if (first === 'None') {
      Object.assign(spec, { clusterIP: 'None', clusterIPs: ['None'] });
      return;
    }
    const given = [first, ...listAt(spec, 'clusterIPs').slice(1)].filter((ip) => typeof ip === 'string');
    const ips = families.map((family, i) => given[i] ?? this.#freeIp(family, service));
    for (const ip of given) this.#mustBeFree(ip, service);
    Object.assign(spec, { clusterIP: ips[0] ?? '', clusterIPs: ips });
  }

  #mustBeFree(ip: string, service: KubeObject): void {
    const name = service.metadata.name ?? '';
    const kind = { group: '', kind: 'Service' };
    const refuse = (why: string) =>
      invalid(kind, name, [
        { reason: 'FieldValueInvalid', field: 'spec.clusterIPs', message: `Invalid value: ${JSON.stringify([ip])}: ${why}` },
      ]);
    if (parseIp(ip) === undefined) throw refuse('must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
    if (this.#taken(service).has(ip)) throw refuse(`failed to allocate IP ${ip}: provided IP is already allocated`);
  }

  #freeIp(family: string, service: KubeObject): string {
    const range = this.#ranges.find((each) => each.family === family);
    if (range === undefined) {
      const message = `Invalid value: "${family}": not configured on this cluster`;
      throw invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', [
        { reason: 'FieldValueInvalid', field: 'spec.ipFamilies[0]', message },
      ]);
    }
    const taken = this.#taken(service);
    for (let tried = 0n; tried < range.size; tried++) {
      const ip = toIp(range.base + 1n + range.next, range.bytes);
      range.next = (range.next + 1n) % range.size;
      if (!taken.has(ip)) return ip;
    }
    throw new RangeError(`no cluster IP is left in the ${family} range`);
  }

  #taken(except: KubeObject): ReadonlySet<string> {
    const { namespace, name } = except.metadata;
    const others = this.#store
      .list('services')
      .filter(({ object }) => object.metadata.name !== name || object.metadata.namespace !== namespace);
    return new Set(others.flatMap(({ object }) => listAt(object.spec, 'clusterIPs').map(String)));
  }

  #assignPorts(spec: JsonObject, had: readonly unknown[], withNodePorts: boolean): void {
    const before = had.filter((port) => isObject(port));
    for (const port of listAt(spec, 'ports')) {
      if (!isObject(port)) continue;
      port.targetPort ??= port.port ?? 0;
      if (!withNodePorts) {
        delete port.nodePort;
      } else if (numberAt(port, 'nodePort') === undefined) {
        const old = before.find((each) => each.port === port.port && (each.protocol ?? 'TCP') === (port.protocol ?? 'TCP'));
        port.nodePort = numberAt(old, 'nodePort') ?? this.#freePort();
      }
    }
  }

  #freePort(): number {
    const ports = this.#store.list('services').flatMap(({ object }) => listAt(object.spec, 'ports'));
    const taken = new Set(ports.map((port) => numberAt(port, 'nodePort')));
    for (let tried = nodePorts.first; tried <= nodePorts.last; tried++) {
      const port = this.#nextPort;
      this.#nextPort = port === nodePorts.last ? nodePorts.first : port + 1;
      if (!taken.has(port)) return port;
    }
    throw new RangeError('no node port is left');
  }
}

function readRange(cidr: string): Range {
  const [text = '', length = ''] = cidr.split('/');
  const ip = parseIp(text);
  if (ip === undefined || !/^\d+$/.test(length)) throw new TypeError(`not a CIDR: ${cidr}`);
  const bytes = ipToBytes(ip);
  const free = bytes.length * 8 - Number(length);
  return {
    family: bytes.length === 4 ? 'IPv4' : 'IPv6',
    base: BigInt(`0x${Buffer.from(bytes).toString('hex')}`),
    bytes: bytes.length,
    size: (1n << BigInt(free)) - 2n,
    next: 0n,
  };
}

function toIp(value: bigint, bytes: number): Ip {
  const ip = ipFromBytes(Buffer.from(value.toString(16).padStart(bytes * 2, '0'), 'hex'));
  if (ip === undefined) throw new RangeError('beyond the address space');
  return ip;
}
