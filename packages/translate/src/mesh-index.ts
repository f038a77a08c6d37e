// The index: holds what Kubernetes says, and tells which workloads, services, policies and statuses of the mesh change with it (facts: control-plane §3).
// Fed and settled by istiod-lite. Every output knows what it was made from; a change computes anew only what has read what changed.
import type { L7Resource } from '@ambient-mesh/model/l7/resource';
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import { serviceKey } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Unenforced } from './authorization-policy.ts';
import { Derivation, type Emit } from './derive/derivation.ts';
import type { Dependant, Table } from './derive/table.ts';
import type { Inputs } from './kinds/all.ts';
import type { Condition } from './kinds/meta.ts';
import type { RouteParentStatus } from './kinds/route-parts.ts';
import { selectionKey } from './label-pairs.ts';
import {
  authenticationTold,
  authorizationTold,
  destinationRuleTold,
  meshTold,
  rateLimitTold,
  type Told,
  telemetryTold,
  virtualServiceTold,
  wasmTold,
  waypointTold,
} from './mesh-l7.ts';
import {
  entryStatus,
  portPolicyOf,
  requiredPolicy,
  type Status,
  sentPolicy,
  serviceStatus,
  strictPolicy,
  verdictOf,
  waypointPolicy,
  workloadEntryStatus,
} from './mesh-policies.ts';
import { kindOfTable, placesIn, type RouteTable, routesIn, routeTables, targetsOf } from './mesh-routes.ts';
import { selectionOfPods } from './mesh-selection.ts';
import { infosOf, objectFrom, type Reading, settledOf, targetSliceOf, waypointOf } from './mesh-services.ts';
import { openTables, type Settled, type Tables } from './mesh-tables.ts';
import { endpointWorkloads, entryWorkload, podWorkload, sliceWorkloads } from './mesh-workloads.ts';
import { same } from './same.ts';
import type { TranslateSettings } from './settings.ts';

/** Hears of what changed; undefined: it is gone. What is computed anew may come again unchanged. */
export interface IndexSink {
  workload(uid: string, workload: Workload | undefined): void;
  service(key: string, service: Service | undefined): void;
  policy(key: string, policy: Policy | undefined): void;
  /** What waypoints are told; names as in the model. */
  l7(name: string, resource: L7Resource | undefined): void;
  /** What the object's status should say of ours, which may be nothing; undefined: the object is not ours to speak of. */
  status(subject: StatusSubject, conditions: readonly Condition[] | undefined): void;
  /** What the route's status should say of each parent that is ours; undefined: the route is not ours to speak of. */
  routeStatus(subject: RouteSubject, parents: readonly RouteParentStatus[] | undefined): void;
  /** What of an object is not carried out as written, for people; named as in `l7`. Undefined: nothing. */
  problems(name: string, problems: readonly string[] | undefined): void;
  /** Undefined: all of the policy is enforced. */
  unenforced(policy: string, unenforced: Unenforced | undefined): void;
}

/** Policies that waypoints enforce. */
type PolicyTable = 'authorizationPolicies' | 'requestAuthentications' | 'rateLimits' | 'wasmPlugins' | 'telemetries';

export interface StatusSubject {
  readonly table: 'services' | 'serviceEntries' | 'workloadEntries' | PolicyTable;
  /** `namespace/name`. */
  readonly key: string;
}

export interface RouteSubject {
  readonly table: RouteTable;
  /** `namespace/name`. */
  readonly key: string;
}

type Exists = (source: string) => boolean;

type Touch<V> = (key: string, after: V | undefined, before: V | undefined) => void;
type Compute<O> = (reading: Reading, source: string, by: Dependant) => Iterable<readonly [string, O]>;

const has =
  (table: { peek(key: string): unknown }): Exists =>
  (key) =>
    table.peek(key) !== undefined;
/** Computations without an object of their own live as long as they make something. */
const never: Exists = () => false;

export class MeshIndex {
  readonly #reading: Reading;
  readonly #tables: Tables = openTables();
  /** As they were made: in the order in which they build on each other. */
  readonly #order: { run(): void }[] = [];
  /** By the table whose keys are their sources. Nodes and the like are only read. */
  readonly #touched: { readonly [K in keyof Inputs]: Touch<Inputs[K]>[] } = {
    pods: [],
    services: [],
    endpointSlices: [],
    nodes: [],
    namespaces: [],
    gateways: [],
    gatewayClasses: [],
    serviceEntries: [],
    workloadEntries: [],
    authorizationPolicies: [],
    peerAuthentications: [],
    httpRoutes: [],
    grpcRoutes: [],
    tlsRoutes: [],
    tcpRoutes: [],
    virtualServices: [],
    destinationRules: [],
    requestAuthentications: [],
    rateLimits: [],
    wasmPlugins: [],
    telemetries: [],
  };
  #sink: IndexSink | undefined;

  constructor(settings: TranslateSettings) {
    this.#reading = { tables: this.#tables, settings };
    this.#deriveWaypoints();
    this.#deriveServices();
    this.#derivePolicies();
    this.#deriveSelections();
    this.#deriveWorkloads();
    this.#deriveRoutes();
    this.#deriveL7();
    this.#deriveStatuses();
  }

  /** An object has changed; undefined: it is gone. Key as `namespace/name`, or `name` outside namespaces. Computes nothing yet. */
  set<K extends keyof Inputs>(table: K, key: string, object: Inputs[K] | undefined): void {
    // One of the tables of this very kind: the compiler cannot follow a key through a record of tables.
    const own = this.#tables[table] as Pick<Table<Inputs[K]>, 'peek' | 'set'>;
    const before = own.peek(key);
    own.set(key, object);
    // Nothing that anybody reads has changed.
    if (own.peek(key) === before) return;
    for (const touch of this.#touched[table]) touch(key, object, before);
  }

  /** Computes what depends on the changes since the last call, and nothing else. */
  settle(sink: IndexSink): void {
    this.#sink = sink;
    try {
      for (const derivation of this.#order) derivation.run();
    } finally {
      this.#sink = undefined;
    }
  }

  get #out(): IndexSink {
    if (this.#sink === undefined) throw new TypeError('an output outside of settle');
    return this.#sink;
  }

  #deriveWaypoints(): void {
    const { waypoints } = this.#tables;
    this.#from('gateways', waypointOf, (key, waypoint) => {
      waypoints.set(key, waypoint);
      policies.touch(key);
    });
    const policies = this.#derive(waypointPolicy, has(waypoints), this.#sendPolicy);
  }

  #deriveServices(): void {
    const { infos, services, serviceEntries, targets, targetSlices } = this.#tables;
    const exists: Exists = (object) => {
      const { kind, key } = objectFrom(object);
      return (kind === 'Service' ? services.peek(key) : serviceEntries.peek(key)) !== undefined;
    };
    const made = this.#derive(infosOf, exists, (key, info) => {
      const before = infos.peek(key);
      infos.set(key, info);
      for (const each of [before, info]) if (each !== undefined) settled.touch(each.service.hostname);
    });
    const settled = this.#derive(settledOf, never, (hostname, now) => this.#settled(hostname, now));
    const reached = this.#derive(targetsOf, exists, (key, target) => targets.set(key, target));
    const required = this.#derive(requiredPolicy, exists, this.#sendPolicy);
    for (const derivation of [made, reached, required]) {
      this.#touched.services.push((key) => derivation.touch(`Service/${key}`));
      this.#touched.serviceEntries.push((key) => derivation.touch(`ServiceEntry/${key}`));
    }
    this.#from('endpointSlices', targetSliceOf, (key, slice) => targetSlices.set(key, slice));
  }

  #derivePolicies(): void {
    const { verdicts } = this.#tables;
    this.#from('authorizationPolicies', verdictOf, (key, verdict) => {
      verdicts.set(key, verdict);
      sent.touch(key);
    });
    const sent = this.#derive(sentPolicy, has(verdicts), this.#sendPolicy);
    this.#from('peerAuthentications', portPolicyOf, this.#sendPolicy);
    const strict = this.#derive(strictPolicy, never, this.#sendPolicy);
    this.#touched.peerAuthentications.push(() => strict.touch('strict'));
  }

  /** There is one for all labels that pods have, and for no others. */
  #deriveSelections(): void {
    const { pods, selections } = this.#tables;
    const exists: Exists = (key) => pods.holds('labels', key);
    const made = this.#derive(selectionOfPods, exists, (key, selection) => selections.set(key, selection));
    const relabelled = (pod: Inputs['pods'] | undefined): void => {
      const key = pod && selectionKey(pod.meta);
      if (key !== undefined && exists(key) !== has(selections)(key)) made.touch(key);
    };
    this.#touched.pods.push((_, after, before) => {
      relabelled(before);
      relabelled(after);
    });
  }

  #deriveWorkloads(): void {
    const send = (uid: string, workload: Workload | undefined): void => this.#out.workload(uid, workload);
    this.#from('pods', podWorkload, send);
    this.#from('workloadEntries', entryWorkload, send);
    this.#from('serviceEntries', endpointWorkloads, send);
    this.#from('endpointSlices', sliceWorkloads, send);
  }

  /** Where all routes stand is known before any of them is translated: kinds go before each other. */
  #deriveRoutes(): void {
    const { standing, occupied } = this.#tables;
    for (const table of routeTables)
      this.#from(table, placesIn(table), (key, places) => {
        const route = `${kindOfTable(table)}/${key}`;
        const before = standing.peek(route) ?? [];
        standing.set(route, places);
        for (const place of [...before, ...(places ?? [])]) occupied.set(place, standing.holds('place', place) || undefined);
      });
    for (const table of routeTables)
      this.#from(table, routesIn(table), (key, made) => {
        this.#out.l7(`route/${kindOfTable(table)}/${key}`, made?.route && { is: 'route', route: made.route });
        this.#out.routeStatus({ table, key }, made?.parents);
      });
  }

  #deriveL7(): void {
    this.#tell('virtualServices', virtualServiceTold, 'route/VirtualService/');
    this.#tell('destinationRules', destinationRuleTold, 'destination/');
    this.#tell('gateways', waypointTold, 'waypoint/');
    this.#tellPolicy('authorizationPolicies', authorizationTold, 'authorization/');
    this.#tellPolicy('requestAuthentications', authenticationTold, 'authentication/');
    this.#tellPolicy('rateLimits', rateLimitTold, 'rate-limit/');
    this.#tellPolicy('wasmPlugins', wasmTold, 'wasm/');
    this.#tellPolicy('telemetries', telemetryTold, 'telemetry/');
    this.#derive(
      meshTold,
      () => true,
      (name, told) => this.#told(name, told),
    ).touch('mesh');
  }

  #deriveStatuses(): void {
    const from = (table: StatusSubject['table'], compute: Compute<Status>) =>
      this.#from(table, compute, (key, status) => {
        this.#out.status({ table, key }, status?.conditions);
      });
    from('services', serviceStatus);
    from('serviceEntries', entryStatus);
    from('workloadEntries', workloadEntryStatus);
  }

  readonly #sendPolicy: Emit<Policy> = (key, policy) => this.#out.policy(key, policy);

  /** One computation for each object of a table. */
  #from<O>(table: keyof Inputs, compute: Compute<O>, emit: Emit<O>): void {
    const derivation = this.#derive(compute, has(this.#tables[table]), emit);
    this.#touched[table].push((key: string) => derivation.touch(key));
  }

  /** The objects of a table, each as waypoints are told of it, under a name that begins so. */
  #tell(table: keyof Inputs, compute: Compute<Told>, prefix: string): void {
    this.#from(table, compute, (key, told) => this.#told(prefix + key, told));
  }

  #tellPolicy(table: PolicyTable, compute: Compute<Told>, prefix: string): void {
    this.#from(table, compute, (key, told) => {
      this.#told(prefix + key, told);
      this.#out.status({ table, key }, told?.status?.conditions);
      if (table === 'authorizationPolicies') this.#out.unenforced(key, told?.status?.unenforced);
    });
  }

  #told(name: string, told: Told | undefined): void {
    this.#out.l7(name, told?.resource);
    this.#out.problems(name, told?.problems);
  }

  #derive<O>(compute: Compute<O>, exists: Exists, emit: Emit<O>): Derivation<O> {
    const derivation = new Derivation<O>({ compute: (source, by) => compute(this.#reading, source, by), exists, emit });
    this.#order.push(derivation);
    return derivation;
  }

  #settled(hostname: string, now: Settled | undefined): void {
    const before = new Map(this.#tables.settled.peek(hostname)?.services.map((service) => [serviceKey(service), service]));
    this.#tables.settled.set(hostname, now);
    for (const service of now?.services ?? []) {
      const key = serviceKey(service);
      if (!same(before.get(key), service)) this.#out.service(key, service);
      before.delete(key);
    }
    for (const key of before.keys()) this.#out.service(key, undefined);
  }
}
