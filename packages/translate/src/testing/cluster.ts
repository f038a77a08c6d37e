// A small cluster for scenarios: objects are applied and removed, and the index's answers looked up by short names.
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import type { GatewayAddress, Workload } from '@ambient-mesh/model/workload';
import type { Inputs } from '../kinds/all.ts';
import type { Condition, Labels, Meta } from '../kinds/meta.ts';
import { MeshIndex, type StatusSubject } from '../mesh-index.ts';
import type { TranslateSettings } from '../settings.ts';
import { Outputs } from './outputs.ts';
import { namespaceOf, plainSettings } from './services.ts';

export class Cluster {
  readonly out: Outputs = new Outputs();
  readonly #index: MeshIndex;

  constructor(settings: Partial<TranslateSettings> = {}) {
    this.#index = new MeshIndex({ ...plainSettings, ...settings });
    // What it says of an empty cluster is no news.
    this.#settle();
  }

  /** Settles afterwards; answers what was said: `w`, `s` or `p`, then the key. */
  apply<K extends keyof Inputs>(table: K, ...objects: readonly Inputs[K][]): readonly string[] {
    for (const object of objects) this.#index.set(table, keyOf(object), object);
    return this.#settle();
  }

  remove(table: keyof Inputs, ...keys: readonly string[]): readonly string[] {
    for (const key of keys) this.#index.set(table, key, undefined);
    return this.#settle();
  }

  label(namespace: string, labels: Labels): readonly string[] {
    return this.apply('namespaces', namespaceOf(namespace, labels));
  }

  /** Of a pod as `ns/name`; of others, the end of the uid. */
  workload(name: string): Workload | undefined {
    return this.out.workloads.get(`Kubernetes//Pod/${name}`) ?? this.out.workloads.get(`Kubernetes/${name}`);
  }

  service(key: string): Service | undefined {
    return this.out.services.get(key);
  }

  policy(key: string): Policy | undefined {
    return this.out.policies.get(key);
  }

  conditions(table: StatusSubject['table'], key: string): readonly Condition[] {
    return this.out.statuses.get(`${table} ${key}`) ?? [];
  }

  #settle(): readonly string[] {
    this.out.said.length = 0;
    this.#index.settle(this.out);
    return this.out.said.toSorted();
  }
}

const keyOf = ({ meta: { namespace, name } }: { readonly meta: Meta }): string => (namespace === '' ? name : `${namespace}/${name}`);

/** `host` or `address` of a waypoint; empty for none. */
export function addressOf(waypoint: GatewayAddress | undefined): string {
  if (waypoint === undefined) return '';
  return 'hostname' in waypoint.destination ? waypoint.destination.hostname.hostname : waypoint.destination.address.ip;
}
