// The index: holds what Kubernetes says, and tells which workloads, services, policies and statuses of the mesh change with it (facts: control-plane §3).
// Fed and settled by istiod-lite. Every output knows what it was made from; a change computes anew only what has read what changed.
import type { Policy } from '@ambient-mesh/model/policy';
import type { Service } from '@ambient-mesh/model/service';
import { serviceKey } from '@ambient-mesh/model/service';
import type { Workload } from '@ambient-mesh/model/workload';
import type { Unenforced } from './authorization-policy.ts';
import { Derivation, type DerivationOptions } from './derive/derivation.ts';
import type { Dependant, Table } from './derive/table.ts';
import type { Inputs } from './kinds/all.ts';
import type { Condition } from './kinds/meta.ts';
import { selectionKey } from './label-pairs.ts';
import {
  entryStatus,
  policyStatus,
  portPolicyOf,
  type Status,
  sentPolicy,
  serviceStatus,
  strictPolicy,
  verdictOf,
  waypointPolicy,
  workloadEntryStatus,
} from './mesh-policies.ts';
import { selectionOfPods } from './mesh-selection.ts';
import { infosOf, type Reading, settledOf, targetSliceOf, waypointOf } from './mesh-services.ts';
import { openTables, type Settled, type Tables } from './mesh-tables.ts';
import { endpointWorkloads, entryWorkload, podWorkload, sliceWorkloads } from './mesh-workloads.ts';
import { same } from './same.ts';
import type { TranslateSettings } from './settings.ts';

/** Hears of what changed; undefined: it is gone. What is computed anew may come again unchanged. */
export interface IndexSink {
  workload(uid: string, workload: Workload | undefined): void;
  service(key: string, service: Service | undefined): void;
  policy(key: string, policy: Policy | undefined): void;
  /** What the object's status should say of ours, which may be nothing; undefined: the object is not ours to speak of. */
  status(subject: StatusSubject, conditions: readonly Condition[] | undefined): void;
  /** Undefined: all of the policy is enforced. */
  unenforced(policy: string, unenforced: Unenforced | undefined): void;
}

export interface StatusSubject {
  readonly table: 'services' | 'serviceEntries' | 'workloadEntries' | 'authorizationPolicies';
  /** `namespace/name`. */
  readonly key: string;
}

type Exists = (source: string) => boolean;

/** How sources of services are named: `Service/namespace/name`. */
const serviceObject = 'Service/';
const entryObject = 'ServiceEntry/';

type Touch<V> = (key: string, after: V | undefined, before: V | undefined) => void;
type Compute<O> = (reading: Reading, source: string, by: Dependant) => Iterable<readonly [string, O]>;

export class MeshIndex {
  readonly #reading: Reading;
  readonly #tables: Tables;
  /** In the order in which they build on each other. */
  readonly #order: readonly { run(): void }[];
  /** By the table whose keys are their sources. */
  readonly #touched: { readonly [K in keyof Inputs]: readonly Touch<Inputs[K]>[] };
  #sink: IndexSink | undefined;

  constructor(settings: TranslateSettings) {
    const tables = openTables();
    this.#tables = tables;
    this.#reading = { tables, settings };
    const has = (table: { peek(key: string): unknown }) => (key: string) => table.peek(key) !== undefined;
    const policy = (compute: Compute<Policy>, exists: Exists) => this.#derive(compute, exists, (key, made) => this.#out.policy(key, made));
    const settled = this.#derive(
      settledOf,
      () => false,
      (hostname, now) => this.#settled(hostname, now),
    );
    const waypointPolicies = policy(waypointPolicy, has(tables.waypoints));
    const waypoints = this.#derive(waypointOf, has(tables.gateways), (key, waypoint) => {
      tables.waypoints.set(key, waypoint);
      waypointPolicies.touch(key);
    });
    const objects: Exists = (object) =>
      object.startsWith(serviceObject)
        ? tables.services.peek(object.slice(serviceObject.length)) !== undefined
        : tables.serviceEntries.peek(object.slice(entryObject.length)) !== undefined;
    const infos = this.#derive(infosOf, objects, (key, info) => {
      const before = tables.infos.peek(key);
      tables.infos.set(key, info);
      for (const each of [before, info]) if (each !== undefined) settled.touch(each.service.hostname);
    });
    const targetSlices = this.#derive(targetSliceOf, has(tables.endpointSlices), (key, slice) => tables.targetSlices.set(key, slice));
    const selections = this.#derive(
      selectionOfPods,
      (key) => tables.pods.holds('labels', key),
      (key, selection) => tables.selections.set(key, selection),
    );
    const relabelled = (pod: Inputs['pods'] | undefined): void => {
      if (pod === undefined) return;
      const key = selectionKey(pod.meta);
      if (tables.pods.holds('labels', key) !== (tables.selections.peek(key) !== undefined)) selections.touch(key);
    };
    const sent = policy(sentPolicy, has(tables.verdicts));
    const verdicts = this.#derive(verdictOf, has(tables.authorizationPolicies), (key, verdict) => {
      tables.verdicts.set(key, verdict);
      sent.touch(key);
    });
    const workloads = (compute: Compute<Workload>, exists: Exists) =>
      this.#derive(compute, exists, (uid, workload) => this.#out.workload(uid, workload));
    const pods = workloads(podWorkload, has(tables.pods));
    const entries = workloads(entryWorkload, has(tables.workloadEntries));
    const endpoints = workloads(endpointWorkloads, has(tables.serviceEntries));
    const slices = workloads(sliceWorkloads, has(tables.endpointSlices));
    const portPolicies = policy(portPolicyOf, has(tables.peerAuthentications));
    const strict = policy(strictPolicy, () => false);
    const statuses = (table: StatusSubject['table'], compute: Compute<Status>) =>
      this.#derive(compute, has(tables[table]), (key, status) => this.#status({ table, key }, status));
    const serviceStatuses = statuses('services', serviceStatus);
    const entryStatuses = statuses('serviceEntries', entryStatus);
    const workloadEntryStatuses = statuses('workloadEntries', workloadEntryStatus);
    const policyStatuses = statuses('authorizationPolicies', policyStatus);
    this.#order = [
      ...[waypoints, infos, settled, targetSlices, verdicts, selections],
      ...[pods, entries, endpoints, slices, sent, portPolicies, strict, waypointPolicies],
      ...[serviceStatuses, entryStatuses, workloadEntryStatuses, policyStatuses],
    ];
    const touches = (...all: readonly { touch(key: string): void }[]) => all.map((each) => (key: string) => each.touch(key));
    this.#touched = {
      pods: [
        ...touches(pods),
        (_, after, before) => {
          relabelled(before);
          relabelled(after);
        },
      ],
      services: [(key) => infos.touch(`${serviceObject}${key}`), ...touches(serviceStatuses)],
      endpointSlices: touches(targetSlices, slices),
      nodes: [],
      namespaces: [],
      gateways: touches(waypoints),
      gatewayClasses: [],
      serviceEntries: [(key) => infos.touch(`${entryObject}${key}`), ...touches(endpoints, entryStatuses)],
      workloadEntries: touches(entries, workloadEntryStatuses),
      authorizationPolicies: touches(verdicts, policyStatuses),
      peerAuthentications: [...touches(portPolicies), () => strict.touch('strict')],
    };
  }

  /** An object has changed; undefined: it is gone. Key as `namespace/name`, or `name` outside namespaces. Computes nothing yet. */
  set<K extends keyof Inputs>(table: K, key: string, object: Inputs[K] | undefined): void {
    // One of the tables of this very kind: the compiler cannot follow a key through a record of tables.
    const own = this.#tables[table] as Pick<Table<Inputs[K]>, 'peek' | 'set'>;
    const before = own.peek(key);
    own.set(key, object);
    for (const touch of this.#touched[table]) touch(key, object, before);
  }

  /** Computes what depends on the changes since the last call, and nothing else. */
  settle(sink: IndexSink): void {
    this.#sink = sink;
    for (const derivation of this.#order) derivation.run();
    this.#sink = undefined;
  }

  get #out(): IndexSink {
    if (this.#sink === undefined) throw new TypeError('an output outside of settle');
    return this.#sink;
  }

  #derive<O>(compute: Compute<O>, exists: Exists, emit: DerivationOptions<O>['emit']): Derivation<O> {
    return new Derivation({ compute: (source, by) => compute(this.#reading, source, by), exists, emit });
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

  #status(subject: StatusSubject, status: Status | undefined): void {
    this.#out.status(subject, status?.conditions);
    if (subject.table === 'authorizationPolicies') this.#out.unenforced(subject.key, status?.unenforced);
  }
}
