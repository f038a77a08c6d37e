// One service port (or a subset of it) as this waypoint sends to it: its endpoints, how they are chosen, and its limits.
// Kept by destinations.ts; asked by transaction.ts for each attempt and by tcp/ for each connection.
// Follows the mesh lazily: the list is made anew when the mesh has changed since it was last asked for.
import { eligibleEndpoints, type Upstream } from '@ambient-mesh/model/endpoint-choice';
import type { TrafficPolicy } from '@ambient-mesh/model/l7/destination';
import type { Service } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import type { World } from '../world.ts';
import { choose } from './balance.ts';
import { Endpoint } from './endpoint.ts';
import { type LinkPorts, Links } from './links.ts';
import { near } from './locality.ts';
import { type AttemptResult, healthy, noteResult } from './outliers.ts';

/** Envoy's default: what idles for an hour is closed. */
const idleMs = 3_600_000;

type Settings = ReturnType<World['settingsFor']>;
const plain: Settings = { policy: { ports: [] }, members: undefined };

export interface DestinationPorts {
  readonly world: World;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** How to open connections to an endpoint of this destination. */
  readonly links: (destination: Destination, upstream: Upstream) => LinkPorts;
}

export type DestinationName =
  /** `service`: `namespace/hostname`. */
  | { readonly service: string; readonly port: number; readonly subset?: string | undefined }
  /** `workload`: its uid. */
  | { readonly workload: string; readonly port: number }
  /** A service that stands for many hosts, and the one of them that is meant: an address, or a hostname to be resolved. */
  | { readonly service: string; readonly port: number; readonly host: string; readonly hostPort: number; readonly stand: Workload };

export const describe = (name: DestinationName): string =>
  `${'host' in name ? name.host : 'service' in name ? name.service : name.workload} port ${name.port}`;

/** What an attempt needs of its destination. */
export type Sending = Pick<Destination, 'name' | 'settings' | 'choose' | 'find' | 'note' | 'active' | 'pending' | 'retries'>;

export class Destination {
  readonly name: DestinationName;
  /** Requests in progress, attempts waiting for a connection, retries in progress. */
  active = 0;
  pending = 0;
  retries = 0;
  readonly #ports: DestinationPorts;
  #seen = -1;
  #turn = 0;
  #service: Service | undefined;
  #settings: TrafficPolicy;
  #endpoints: readonly Endpoint[] = [];

  constructor(name: DestinationName, ports: DestinationPorts) {
    this.name = name;
    this.#ports = ports;
    this.#settings = { ports: [] };
  }

  /** The last look found nobody by this name. */
  get isGone(): boolean {
    this.#follow();
    return this.#endpoints.length === 0 && this.#service === undefined;
  }

  /** What its certificate should say; undefined where only an address or a pattern is known. */
  get serverName(): string | undefined {
    const { name } = this;
    const host = 'host' in name ? name.stand.hostname : (this.service?.hostname ?? '');
    return host === '' || host.startsWith('*') ? undefined : host;
  }

  /** Undefined: the mesh does not know it. */
  get service(): Service | undefined {
    this.#follow();
    return this.#service;
  }

  get settings(): TrafficPolicy {
    this.#follow();
    return this.#settings;
  }

  get endpoints(): readonly Endpoint[] {
    this.#follow();
    return this.#endpoints;
  }

  /** Connections open or being opened to all endpoints. */
  get connections(): number {
    return this.#endpoints.reduce((sum, { links }) => sum + links.size, 0);
  }

  /** Undefined: there is nobody. Endpoints in `tried` are chosen only when there are no others. */
  choose(hash: number | undefined, tried: readonly Endpoint[]): Endpoint | undefined {
    this.#follow();
    const { outliers, balance } = this.#settings;
    const { clock, random, world } = this.#ports;
    const now = clock.monotonic();
    const fit = healthy(this.#endpoints, outliers, now);
    const untried = tried.length === 0 ? fit : fit.filter((each) => !tried.includes(each));
    const fresh = untried.length > 0 ? untried : fit;
    const from = balance?.locality === undefined ? fresh : near(fresh, world.self.locality, balance.locality, random);
    this.#turn += 1;
    const draw = { by: balance?.by ?? 'least-request', random, turn: this.#turn, hash } as const;
    const warmup = balance?.warmup;
    return choose(from, warmup === undefined ? draw : { ...draw, weight: (each) => each.workload.capacity * warmth(each, now, warmup) });
  }

  /** The endpoint that a session sticks to; undefined when it is gone. */
  find(uid: string): Endpoint | undefined {
    return this.endpoints.find(({ workload }) => workload.uid === uid);
  }

  note(endpoint: Endpoint, result: AttemptResult): void {
    const rules = this.#settings.outliers;
    if (rules !== undefined) noteResult(endpoint, result, { rules, all: this.#endpoints, now: this.#ports.clock.monotonic() });
  }

  /** Nobody sends here any more. */
  close(): void {
    for (const { links } of this.#endpoints) links.close();
    this.#endpoints = [];
  }

  destroy(): void {
    for (const { links } of this.#endpoints) links.destroy();
  }

  #follow(): void {
    const { world } = this.#ports;
    if (this.#seen === world.version) return;
    this.#seen = world.version;
    const { service, settings, upstreams } = this.#look();
    const poolChanged =
      JSON.stringify([settings.policy.pool, settings.policy.tls]) !== JSON.stringify([this.#settings.pool, this.#settings.tls]);
    this.#service = service;
    this.#settings = settings.policy;
    const members = settings.members === undefined ? upstreams : upstreams.filter(({ workload }) => settings.members?.has(workload.uid));
    const old = new Map(this.#endpoints.map((each) => [`${each.workload.uid} ${each.port}`, each]));
    this.#endpoints = members.map((upstream) => {
      const key = `${upstream.workload.uid} ${upstream.port}`;
      const before = old.get(key);
      if (before === undefined || poolChanged || !before.isStill(upstream)) return this.#endpoint(upstream);
      old.delete(key);
      return before;
    });
    for (const { links } of old.values()) links.close();
  }

  #look(): { readonly service: Service | undefined; readonly settings: Settings; readonly upstreams: readonly Upstream[] } {
    const { name } = this;
    const { world } = this.#ports;
    if ('service' in name) {
      const service = world.mesh.service(name.service);
      const settings = world.settingsFor(name.service, name.port, 'host' in name ? undefined : name.subset);
      if ('host' in name)
        return { service, settings, upstreams: service === undefined ? [] : [{ workload: name.stand, port: name.hostPort }] };
      return { service, settings, upstreams: service === undefined ? [] : eligibleEndpoints(world.mesh, service, name.port, world.self) };
    }
    const workload = world.mesh.workload(name.workload);
    return { service: undefined, settings: plain, upstreams: workload === undefined ? [] : [{ workload, port: name.port }] };
  }

  #endpoint(upstream: Upstream): Endpoint {
    const { pool } = this.#settings;
    const limits = { idle: ms(pool?.idleTimeout ?? idleMs), requestsPerConnection: pool?.maxRequestsPerConnection ?? 0 };
    // Those that were there when we first looked are warm.
    const since = this.#endpoints.length === 0 ? 0 : this.#ports.clock.monotonic();
    return new Endpoint(upstream, new Links(this.#ports.links(this, upstream), limits), since);
  }
}

/** A newcomer's share grows from a tenth to the whole. */
const warmth = ({ since }: Endpoint, now: number, warmup: number): number =>
  since === 0 ? 1 : Math.min(1, Math.max(0.1, (now - since) / warmup));
