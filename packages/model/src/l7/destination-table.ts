// DestinationRules by service: which one applies, with its subset and port (facts: control-plane §6.6). Pure.
// Kept by the waypoint's world; asked when a destination is set up or the mesh has changed.
import { wildcards } from '../dns-names.ts';
import { MultiMap } from '../multi-map.ts';
import type { DestinationSettings, TrafficPolicy } from './destination.ts';
import type { Home } from './route-table.ts';

export interface ResolvedPolicy {
  /** Of this port; `ports` is empty. */
  readonly policy: TrafficPolicy;
  /** Uids of the workloads of the subset; undefined: all of the service. A subset that nobody defines has none. */
  readonly members: ReadonlySet<string> | undefined;
}

const nothing: TrafficPolicy = { ports: [] };

export class DestinationTables {
  readonly #settings = new Map<string, DestinationSettings>();
  /** By `namespace/host`. */
  readonly #byHost = new MultiMap<string, DestinationSettings>();
  readonly #resolved = new Map<string, ResolvedPolicy>();
  readonly #waypointNamespace: string;
  #rootNamespace: string;

  constructor({ waypointNamespace, rootNamespace }: Home) {
    this.#waypointNamespace = waypointNamespace;
    this.#rootNamespace = rootNamespace;
  }

  set rootNamespace(name: string) {
    if (name === this.#rootNamespace) return;
    this.#rootNamespace = name;
    this.#resolved.clear();
  }

  put(name: string, settings: DestinationSettings): void {
    this.remove(name);
    this.#settings.set(name, settings);
    this.#byHost.put(`${settings.namespace}/${settings.host}`, settings);
    this.#resolved.clear();
  }

  remove(name: string): void {
    const settings = this.#settings.get(name);
    if (settings === undefined) return;
    this.#settings.delete(name);
    this.#byHost.drop(`${settings.namespace}/${settings.host}`, settings);
    this.#resolved.clear();
  }

  forService(hostname: string, namespace: string, port: number, subset?: string): ResolvedPolicy {
    const key = `${namespace}/${hostname} ${port} ${subset ?? ''}`;
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    const made = this.#resolve(hostname, namespace, port, subset);
    if (this.#resolved.size >= mostResolved) this.#resolved.clear();
    this.#resolved.set(key, made);
    return made;
  }

  #resolve(hostname: string, namespace: string, port: number, subset: string | undefined): ResolvedPolicy {
    const rules = this.#rulesFor(hostname, namespace);
    if (subset === undefined) return { policy: ofPort(rules[0]?.policy ?? nothing, port), members: undefined };
    const named = rules.flatMap(({ subsets }) => subsets).find(({ name }) => name === subset);
    return { policy: ofPort(named?.policy ?? nothing, port), members: new Set(named?.workloads) };
  }

  /** All rules of the deciding namespace and the most specific host there, oldest first: the first one's policy counts, subsets of all. */
  #rulesFor(hostname: string, namespace: string): readonly DestinationSettings[] {
    const own = this.#waypointNamespace;
    const levels = [...(own === this.#rootNamespace ? [] : [own]), namespace, this.#rootNamespace];
    const hosts = [hostname, ...wildcards(hostname), '*'];
    for (const level of levels)
      for (const host of hosts) {
        const rules = this.#byHost.get(`${level}/${host}`).filter((each) => this.#mayUse(each));
        if (rules.length > 0) return rules.toSorted((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));
      }
    return [];
  }

  #mayUse({ exportTo, namespace }: DestinationSettings): boolean {
    const own = this.#waypointNamespace;
    if (namespace === own || exportTo.length === 0) return true;
    return exportTo.some((each) => each === '*' || each === own);
  }
}

/** Answers that are remembered. */
const mostResolved = 10_000;

function ofPort(policy: TrafficPolicy, wanted: number): TrafficPolicy {
  const own = policy.ports.find(({ port }) => port === wanted);
  if (own === undefined) return { ...policy, ports: [] };
  const { port: _, ...parts } = own;
  return { ...policy, ...parts, ports: [] };
}
