// The services of a mesh, their indices, and who stands behind each: which workloads list it, healthy or not, known or not yet.
// Written only by mesh.ts. A workload may list a service before that service is known: it waits here (is "staged").
import type { Ip } from './address.ts';
import { CidrIndex } from './cidr-index.ts';
import { AddressIndex, MultiMap } from './multi-map.ts';
import { type Service, serviceKey } from './service.ts';
import type { Workload } from './workload.ts';

/** Who asks, and what breaks ties between services of one address or hostname. */
export interface Preference {
  /** Services that this namespace may not see do not exist for it; its own come first. Absent: all are visible. */
  readonly clientNamespace?: string | undefined;
  /** After the client's own namespace and canonical services. */
  readonly preferredNamespace?: string | undefined;
}

interface ServiceRecord {
  service?: Service;
  /** Every workload that lists this service, by uid, whatever its health. */
  readonly members: Map<string, Workload>;
  /** Those that may be chosen; computed when first wanted after a change, so that a push of many endpoints costs one pass. */
  serving?: readonly Workload[] | undefined;
}

const nobody: readonly Workload[] = [];

export class ServiceStore {
  readonly #records = new Map<string, ServiceRecord>();
  readonly #byVip = new AddressIndex<Service>();
  readonly #byCidr = new CidrIndex();
  readonly #byHostname = new MultiMap<string, Service>();

  get(key: string): Service | undefined {
    return this.#records.get(key)?.service;
  }

  *all(): Generator<Service> {
    for (const { service } of this.#records.values()) if (service) yield service;
  }

  /** Services that workloads list but that have not arrived: key -> the waiting workloads. */
  *staged(): Generator<readonly [key: string, workloads: readonly Workload[]]> {
    for (const [key, { service, members }] of this.#records) if (!service) yield [key, [...members.values()]];
  }

  /** By exact virtual address, else by the CIDR block that holds it. */
  at(network: string, ip: Ip, preference: Preference = {}): Service | undefined {
    const exact = this.#byVip.at(network, ip);
    return (exact.length > 0 ? preferred(exact, preference) : undefined) ?? this.#byBlock(network, ip, preference);
  }

  /** `eligible` narrows the candidates before the best is chosen. */
  byHostname(hostname: string, preference: Preference, eligible?: (service: Service) => boolean): Service | undefined {
    const candidates = this.#byHostname.get(hostname);
    if (candidates.length === 0) return undefined;
    return preferred(eligible ? candidates.filter(eligible) : candidates, preference);
  }

  endpoints(key: string): readonly Workload[] {
    const record = this.#records.get(key);
    if (!record?.service) return nobody;
    record.serving ??= [...record.members.values()].filter(
      ({ health }) => health === 'Healthy' || record.service?.loadBalancer?.healthPolicy === 'AllowAll',
    );
    return record.serving;
  }

  /** Whether the workload stands behind the service, healthy or not. */
  isMember(key: string, uid: string): boolean {
    return this.#records.get(key)?.members.has(uid) ?? false;
  }

  put(service: Service): void {
    const key = serviceKey(service);
    const record = this.#recordOf(key);
    const previous = record.service;
    if (previous) this.#unindex(previous, service);
    for (const { network, ip } of service.vips) this.#byVip.put(network, ip, service, previous);
    for (const vip of service.cidrVips) this.#byCidr.put(vip, service, previous);
    this.#byHostname.put(service.hostname, service, previous);
    record.service = service;
    record.serving = undefined;
  }

  remove(key: string): boolean {
    const record = this.#records.get(key);
    if (!record?.service) return false;
    this.#unindex(record.service);
    this.#byHostname.drop(record.service.hostname, record.service);
    delete record.service;
    this.#forgetIfEmpty(key, record);
    return true;
  }

  join(workload: Workload): void {
    for (const key of workload.services.keys()) {
      const record = this.#recordOf(key);
      record.members.set(workload.uid, workload);
      record.serving = undefined;
    }
  }

  /** `next`, if given, replaces the workload: services that it lists too are left to `join`. */
  leave(workload: Workload, next?: Workload): void {
    for (const key of workload.services.keys()) {
      const record = this.#records.get(key);
      if (!record || next?.services.has(key)) continue;
      record.members.delete(workload.uid);
      record.serving = undefined;
      this.#forgetIfEmpty(key, record);
    }
  }

  #recordOf(key: string): ServiceRecord {
    const known = this.#records.get(key);
    if (known) return known;
    const record: ServiceRecord = { members: new Map() };
    this.#records.set(key, record);
    return record;
  }

  #forgetIfEmpty(key: string, record: ServiceRecord): void {
    if (!record.service && record.members.size === 0) this.#records.delete(key);
  }

  /** Takes the service off the addresses that `next` does not have too. */
  #unindex(service: Service, next?: Service): void {
    const keeps = (a: { network: string; ip: Ip; length?: number }) => (b: { network: string; ip: Ip; length?: number }) =>
      a.network === b.network && a.ip === b.ip && a.length === b.length;
    for (const vip of service.vips) if (!next?.vips.some(keeps(vip))) this.#byVip.drop(vip.network, vip.ip, service);
    for (const vip of service.cidrVips) if (!next?.cidrVips.some(keeps(vip))) this.#byCidr.drop(vip, service);
  }

  /** The client's own namespace beats a longer prefix, which beats a canonical service. */
  #byBlock(network: string, ip: Ip, preference: Preference): Service | undefined {
    let best: Service | undefined;
    for (const services of this.#byCidr.holding(network, ip)) {
      const found = preferred(services, preference);
      if (found && found.namespace === preference.clientNamespace) return found;
      best ??= found;
    }
    return best;
  }
}

/** The client's own namespace, then canonical (the last of several), then the preferred namespace, then the first that came. */
function preferred(candidates: readonly Service[], { clientNamespace, preferredNamespace }: Preference): Service | undefined {
  let best: Service | undefined;
  for (const service of candidates) {
    if (service.namespace === clientNamespace) return service;
    if (service.visibility === 'Namespace' && clientNamespace !== undefined) continue;
    const wins =
      service.canonical || (!best?.canonical && service.namespace === preferredNamespace && best?.namespace !== preferredNamespace);
    if (!best || wins) best = service;
  }
  return best;
}
