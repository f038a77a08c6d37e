// Writes the conditions that the index wants to the status of objects: only where they say something new, as the field manager that others expect.
// Run by the leader (facts: control-plane §4.5). What the conditions are is translate's; here is who owns which, and the writing.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf } from '@ambient-mesh/kube/raw';
import { type Condition as TimedCondition, withTimes } from '@ambient-mesh/kube/status';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { conditionChange } from '@ambient-mesh/translate/condition-change';
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import { waypointRequired } from '@ambient-mesh/translate/require-waypoint';
import { timedConditions } from './timed-conditions.ts';
import { WorkQueue } from './work-queue.ts';

/** The tables whose objects carry conditions of ours. */
export const conditionTables = [
  'services',
  'serviceEntries',
  'workloadEntries',
  'authorizationPolicies',
  'requestAuthentications',
  'rateLimits',
  'wasmPlugins',
  'telemetries',
] as const;
export type ConditionTable = (typeof conditionTables)[number];

const ofWaypoints = { 'istio-ambient-waypoint-policy': ['WaypointAccepted'] };

/** Which manager owns which types of conditions: independent writers own different conditions of one object. */
const owners: Readonly<Record<ConditionTable, Readonly<Record<string, readonly string[]>>>> = {
  services: { 'istio-ambient-service': ['istio.io/WaypointBound', waypointRequired] },
  serviceEntries: { 'istio-ambient-service': ['istio.io/WaypointBound', 'istio.io/WaypointMissing', waypointRequired] },
  workloadEntries: { 'istio-ambient-workloadentry': ['istio.io/WaypointBound'] },
  requestAuthentications: ofWaypoints,
  rateLimits: ofWaypoints,
  wasmPlugins: ofWaypoints,
  telemetries: ofWaypoints,
  authorizationPolicies: { 'istio-ambient-ztunnel-policy': ['ZtunnelAccepted'], 'istio-ambient-waypoint-policy': ['WaypointAccepted'] },
};

export interface Write {
  readonly manager: string;
  /** All that the manager says from now on. */
  readonly conditions: readonly Condition[];
}

/** What has to be written; nothing where the object says all of it already. */
export function writesFor(table: ConditionTable, existing: readonly Condition[], wanted: readonly Condition[]): readonly Write[] {
  const writes = Object.entries(owners[table]).flatMap(([manager, types]) => {
    const own = (conditions: readonly Condition[]) => conditions.filter(({ type }) => types.includes(type));
    const conditions = conditionChange(own(existing), own(wanted));
    return conditions === undefined ? [] : [{ manager, conditions }];
  });
  // Where a definition makes the conditions one list, whoever takes back takes all: so that goes first.
  return writes.toSorted((a, b) => a.conditions.length - b.conditions.length);
}

/** An object as the cache has it. */
export interface ConditionedObject {
  readonly meta: { readonly namespace: string; readonly name: string };
  readonly conditions: readonly Condition[];
}

export interface ConditionWriterOptions {
  readonly client: KubeClient;
  readonly kinds: Readonly<Record<ConditionTable, Kind<ConditionedObject>>>;
  readonly object: (table: ConditionTable, key: string) => ConditionedObject | undefined;
  /** What the index wants now; undefined: the object is not ours to speak of. */
  readonly wanted: (table: ConditionTable, key: string) => readonly Condition[] | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: StatusReport;
}

export interface StatusReport {
  written(table: string, key: string): void;
  /** Given up, after retries. */
  failed(table: string, key: string, why: unknown): void;
}

export class ConditionWriter {
  readonly #options: ConditionWriterOptions;
  readonly #queue: WorkQueue;

  /** Writes until the signal aborts. */
  constructor(options: ConditionWriterOptions, signal: AbortSignal) {
    this.#options = options;
    const { clock, random, report } = options;
    const failed = (key: string, why: unknown): void => report.failed(...subjectOf(key), why);
    this.#queue = new WorkQueue({ work: (key) => this.#write(...subjectOf(key), signal), clock, random, failed }, signal);
  }

  /** The object, or what is wanted of it, has changed. */
  touch(table: ConditionTable, key: string): void {
    this.#queue.add(`${table} ${key}`);
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #write(table: ConditionTable, key: string, signal: AbortSignal): Promise<void> {
    const { client, kinds, object, wanted, clock, report } = this.#options;
    const found = object(table, key);
    const conditions = wanted(table, key);
    if (found === undefined || conditions === undefined) return;
    const writes = writesFor(table, found.conditions, conditions);
    if (writes.length === 0) return;
    const at = { namespace: found.meta.namespace, name: found.meta.name };
    const timed = await client.get(timesOf(kinds[table]), at, { signal });
    if (timed === undefined) return;
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    for (const write of writes) {
      const status = { conditions: withTimes(timed, write.conditions.map(said), now) };
      const { manager } = write;
      await client
        .apply(kinds[table], at, { status }, { manager, subresource: 'status', signal, timeout: ms(10_000) })
        .catch((e: unknown) => {
          if (statusOf(e) !== 404) throw e;
        });
    }
    report.written(table, key);
  }
}

/** A generation of 0 is not said. */
function said({ observedGeneration, ...others }: Condition): TimedCondition {
  return observedGeneration === 0 ? others : { ...others, observedGeneration };
}

/** The same kind, read for the times of its conditions. */
const timesOf = (kind: Kind<unknown>): Kind<readonly TimedCondition[]> => ({
  ...kind,
  narrow: (raw) => timedConditions(objectOf(objectOf(raw).status).conditions),
});

function subjectOf(key: string): [ConditionTable, string] {
  const cut = key.indexOf(' ');
  const table = conditionTables.find((each) => each === key.slice(0, cut));
  if (table === undefined) throw new TypeError(`no table of conditions: ${key}`);
  return [table, key.slice(cut + 1)];
}
