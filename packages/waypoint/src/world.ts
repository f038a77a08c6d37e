// Everything that this waypoint has been told: the mesh, routes, policies, settings; changed in one place, read by every request.
// Fed by control.ts. What was compiled from it is remembered per chain and made anew when what it was made from has changed.

import type { MeshDelta } from '@ambient-mesh/model/delta';
import { attachedTo } from '@ambient-mesh/model/l7/attachment';
import { compileRequestPolicies, type RequestPolicies } from '@ambient-mesh/model/l7/authorize-request';
import type { TrafficPolicy } from '@ambient-mesh/model/l7/destination';
import { DestinationTables } from '@ambient-mesh/model/l7/destination-table';
import type { RateLimit, RequestAuthentication, RequestPolicy, WasmFilter } from '@ambient-mesh/model/l7/policy';
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import { RouteTables, type ServiceRoutes } from '@ambient-mesh/model/l7/route-table';
import type { MeshSettings, Provider, TelemetrySettings, WaypointSettings } from '@ambient-mesh/model/l7/settings';
import { Mesh, reachedOtherwise } from '@ambient-mesh/model/mesh';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Rejection } from '@ambient-mesh/wire/xds/subscription';
import type { Config } from './config.ts';

/** What applies to one service, or to workloads that were addressed directly. */
export interface Rules {
  readonly http: RequestPolicies;
  readonly tcp: RequestPolicies;
  readonly authentication: readonly RequestAuthentication[];
  readonly limits: readonly RateLimit[];
  readonly plugins: readonly WasmFilter[];
  /** Weakest first. */
  readonly telemetry: readonly TelemetrySettings[];
}

const noMesh: MeshSettings = {
  trustDomain: 'cluster.local',
  trustDomainAliases: [],
  rootNamespace: 'istio-system',
  pathNormalization: 'BASE',
  providers: [],
  defaultProviders: { accessLogging: [], tracing: [], metrics: [] },
};

export class World {
  readonly mesh: Mesh = new Mesh();
  /** Grows with every change. */
  version = 0;
  readonly #routes: RouteTables;
  readonly #destinations: DestinationTables;
  readonly #config: Config;
  readonly #policies = new Map<string, RequestPolicy>();
  readonly #authentications = new Map<string, RequestAuthentication>();
  readonly #limits = new Map<string, RateLimit>();
  readonly #plugins = new Map<string, WasmFilter>();
  readonly #telemetry = new Map<string, TelemetrySettings>();
  readonly #waypoints = new Map<string, WaypointSettings>();
  /** What is in force, by name, as it came. */
  readonly #resources = new Map<string, L7Resource>();
  readonly #rules = new Map<string, Rules>();
  readonly #forgotten: (uid: string) => void;
  #settings: MeshSettings;
  #self: Workload | undefined;
  #selfAt = -1;

  /** `forgotten`: a workload is reached otherwise from now on, or not at all. */
  constructor(config: Config, forgotten: (uid: string) => void) {
    this.#config = config;
    this.#forgotten = forgotten;
    this.#settings = { ...noMesh, trustDomain: config.trustDomain };
    const tables = { waypointNamespace: config.podNamespace, rootNamespace: noMesh.rootNamespace };
    this.#routes = new RouteTables(tables);
    this.#destinations = new DestinationTables(tables);
  }

  get settings(): MeshSettings {
    return this.#settings;
  }

  /** Of the Gateway that this waypoint belongs to. */
  get waypoint(): WaypointSettings {
    const { podNamespace: namespace, gateway: name } = this.#config;
    return (
      this.#waypoints.get(`waypoint/${namespace}/${name}`) ?? { namespace, name, class: 'istio-waypoint', includeClientIdentity: false }
    );
  }

  /** Our own workload; until the mesh knows it, one that is like us in what choosing endpoints looks at. */
  get self(): Workload {
    if (this.#selfAt !== this.version || this.#self === undefined) {
      const { ip, network } = this.#config;
      this.#self = (ip && this.mesh.workloadAt(network, ip)) ?? standIn(this.#config);
      this.#selfAt = this.version;
    }
    return this.#self;
  }

  /** All at once; what cannot be used is refused by name, and its last good version stays in force. */
  apply(delta: MeshDelta): readonly Rejection[] {
    const change = this.mesh.apply(delta);
    const rejected: Rejection[] = [];
    for (const { name, resource } of delta.l7?.changed ?? []) {
      try {
        this.#put(name, resource);
        this.#resources.set(name, resource);
      } catch (e) {
        rejected.push({ name, reason: e instanceof Error ? e.message : String(e) });
      }
    }
    for (const name of delta.l7?.removed ?? []) this.#remove(name);
    if (delta.l7 !== undefined) this.#rules.clear();
    this.version += 1;
    for (const one of change.workloads) if (reachedOtherwise(one)) this.#forgotten(one.uid);
    return rejected;
  }

  /** For the debug page: everything beside the mesh, by name. */
  get resources(): ReadonlyMap<string, L7Resource> {
    return this.#resources;
  }

  /** `client`: whose consumer routes count. */
  routesFor(service: string, port: number, clientNamespace: string | undefined): ServiceRoutes | undefined {
    return this.#routes.forService(service, port, clientNamespace === undefined ? undefined : { namespace: clientNamespace });
  }

  /** `service`: `namespace/hostname`; undefined for what is addressed to a workload itself. */
  rulesFor(service: string | undefined): Rules {
    const key = service ?? '';
    const known = this.#rules.get(key);
    if (known !== undefined) return known;
    const { namespace, name, class: waypointClass } = this.waypoint;
    const chain = { waypoint: `${namespace}/${name}`, waypointClass, ...(service !== undefined && { service }) };
    const { rootNamespace, trustDomain, trustDomainAliases } = this.#settings;
    const attached = <P extends RequestPolicy | RequestAuthentication | RateLimit | WasmFilter | TelemetrySettings>(
      all: ReadonlyMap<string, P>,
    ) => attachedTo(all.values(), chain, rootNamespace);
    const policies = attached(this.#policies);
    const trustDomains = [trustDomain, ...trustDomainAliases];
    const rules: Rules = {
      http: compileRequestPolicies(policies, { http: true, trustDomains }),
      tcp: compileRequestPolicies(policies, { http: false, trustDomains }),
      authentication: attached(this.#authentications),
      limits: attached(this.#limits),
      plugins: attached(this.#plugins),
      telemetry: [...this.#telemetryOf(rootNamespace), ...this.#telemetryOf(namespace), ...attached(this.#telemetry)],
    };
    this.#rules.set(key, rules);
    return rules;
  }

  /** The one object that speaks for a whole namespace, which is the oldest; for the mesh, in the root namespace. */
  #telemetryOf(namespace: string): readonly TelemetrySettings[] {
    const all = [...this.#telemetry.values()].filter((each) => each.targets.length === 0 && each.namespace === namespace);
    return all.sort((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1)).slice(0, 1);
  }

  /** How the destination is treated, and who of its endpoints belongs to the subset. */
  settingsFor(
    service: string,
    port: number,
    subset: string | undefined,
  ): { readonly policy: TrafficPolicy; readonly members: ReadonlySet<string> | undefined } {
    const slash = service.indexOf('/');
    return this.#destinations.forService(service.slice(slash + 1), service.slice(0, slash), port, subset);
  }

  get plugins(): Iterable<WasmFilter> {
    return this.#plugins.values();
  }

  /** Whether everything that comes to this waypoint is its business, whatever service it is for. */
  isOnEveryChain(policy: WasmFilter): boolean {
    const { namespace, name, class: waypointClass } = this.waypoint;
    return attachedTo([policy], { waypoint: `${namespace}/${name}`, waypointClass }, this.#settings.rootNamespace).length > 0;
  }

  provider(name: string): Provider | undefined {
    return this.#settings.providers.find((each) => each.name === name);
  }

  #put(name: string, resource: L7Resource): void {
    switch (resource.is) {
      case 'route':
        this.#routes.put(name, resource.route);
        break;
      case 'destination':
        this.#destinations.put(name, resource.settings);
        break;
      case 'authorization':
        this.#policies.set(name, resource.policy);
        break;
      case 'authentication':
        this.#authentications.set(name, resource.authentication);
        break;
      case 'rate-limit':
        this.#limits.set(name, resource.limit);
        break;
      case 'wasm':
        this.#plugins.set(name, resource.plugin);
        break;
      case 'telemetry':
        this.#telemetry.set(name, resource.telemetry);
        break;
      case 'waypoint':
        this.#waypoints.set(name, resource.settings);
        break;
      case 'mesh':
        this.#settings = resource.settings;
        this.#routes.rootNamespace = resource.settings.rootNamespace;
        this.#destinations.rootNamespace = resource.settings.rootNamespace;
        break;
      default:
        resource satisfies never;
    }
  }

  #remove(name: string): void {
    this.#routes.remove(name);
    this.#destinations.remove(name);
    for (const held of [
      this.#resources,
      this.#policies,
      this.#authentications,
      this.#limits,
      this.#plugins,
      this.#telemetry,
      this.#waypoints,
    ])
      held.delete(name);
  }
}

function standIn({ podName, podNamespace, serviceAccount, trustDomain, nodeName, network, clusterId, ip }: Config): Workload {
  return {
    uid: `${clusterId}//Pod/${podNamespace}/${podName}`,
    name: podName,
    namespace: podNamespace,
    addresses: ip === undefined ? [] : [ip],
    network,
    protocol: 'HBONE',
    identity: spiffeId(trustDomain, podNamespace, serviceAccount),
    node: nodeName,
    canonicalName: serviceAccount,
    canonicalRevision: 'latest',
    workloadType: 'deployment',
    workloadName: serviceAccount,
    nativeTunnel: false,
    authorizationPolicies: [],
    health: 'Healthy',
    clusterId,
    hostname: '',
    services: new Map(),
    locality: { region: '', zone: '', subzone: '' },
    networkMode: 'Standard',
    capacity: 1,
  };
}
