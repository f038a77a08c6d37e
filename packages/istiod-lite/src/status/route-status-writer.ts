// Writes what the index says of routes into their status: an entry for each parent that is a service, and nothing that is somebody else's.
// Run by the leader (facts: gateway-api-mesh §3.8). Entries of Gateways stay even under our controller's name: whoever serves those writes them.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Kind } from '@ambient-mesh/kube/kind';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { saysAlready, type Condition as TimedCondition, withTimes } from '@ambient-mesh/kube/status';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { conditionChange } from '@ambient-mesh/translate/condition-change';
import { type ParentRef, type RouteParentStatus, routeController } from '@ambient-mesh/translate/kinds/route-parts';
import { type RouteTable, routeTables } from '@ambient-mesh/translate/mesh-routes';
import { same } from '@ambient-mesh/translate/same';
import type { StatusReport } from './condition-writer.ts';
import { timedConditions } from './timed-conditions.ts';
import { WorkQueue } from './work-queue.ts';

/** A route as the cache has it. */
export interface StatusedRoute {
  readonly meta: { readonly namespace: string; readonly name: string };
  /** Entries under our controller's name. */
  readonly parents: readonly RouteParentStatus[];
}

export interface RouteStatusWriterOptions {
  readonly client: KubeClient;
  readonly kinds: Readonly<Record<RouteTable, Kind<StatusedRoute>>>;
  readonly route: (table: RouteTable, key: string) => StatusedRoute | undefined;
  /** What the index wants now; undefined: the route is not ours to speak of. */
  readonly wanted: (table: RouteTable, key: string) => readonly RouteParentStatus[] | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: StatusReport;
}

type Json = Readonly<Record<string, unknown>>;

export class RouteStatusWriter {
  readonly #options: RouteStatusWriterOptions;
  readonly #queue: WorkQueue;

  /** Writes until the signal aborts. */
  constructor(options: RouteStatusWriterOptions, signal: AbortSignal) {
    this.#options = options;
    const { clock, random, report } = options;
    const failed = (key: string, why: unknown): void => report.failed(...subjectOf(key), why);
    this.#queue = new WorkQueue({ work: (key) => this.#write(...subjectOf(key), signal), clock, random, failed }, signal);
  }

  /** The route, or what is wanted of it, has changed. */
  touch(table: RouteTable, key: string): void {
    this.#queue.add(`${table} ${key}`);
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Reads, changes and writes the whole status: its entries are one list to the API server. Somebody else's write in between is a reason to try again. */
  async #write(table: RouteTable, key: string, signal: AbortSignal): Promise<void> {
    const { client, kinds, route, wanted, clock, report } = this.#options;
    const [found, parents] = [route(table, key), wanted(table, key)];
    if (found === undefined || parents === undefined || saysAll(found.parents, parents)) return;
    const at = { namespace: found.meta.namespace, name: found.meta.name };
    const now = await client.get(whole(kinds[table]), at, { signal });
    if (now === undefined) return;
    const entries = entriesAfter(now, parents, new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'));
    if (entries === undefined || saysAlready(objectOf(now.status).parents, entries)) return;
    const body = { ...now, status: { ...objectOf(now.status), parents: entries } };
    const options = { manager: routeController, subresource: 'status', signal, timeout: ms(10_000) } as const;
    await client.replace(kinds[table], at, body, options).catch((e: unknown) => {
      if (statusOf(e) !== 404) throw e;
    });
    report.written(table, key);
  }
}

/** Whether a parent can be ours: waypoints serve services only. */
const isService = ({ group, kind }: Partial<ParentRef>): boolean =>
  (kind === 'Service' && (group === '' || group === 'core')) || (kind === 'ServiceEntry' && group === 'networking.istio.io');

/** Whether entries say all that is wanted of ours, each once, and nothing more. */
export function saysAll(existing: readonly RouteParentStatus[], wanted: readonly RouteParentStatus[]): boolean {
  const own = existing.filter(({ parentRef }) => isService(parentRef));
  const saidOf = (parent: RouteParentStatus): boolean => {
    const entry = own.find(({ parentRef }) => same(parentRef, parent.parentRef));
    return entry !== undefined && conditionChange(entry.conditions, parent.conditions) === undefined;
  };
  return own.length === wanted.length && wanted.every(saidOf);
}

/**
 * All entries of the status as they should be: others' as they are, then ours, each with others' conditions in it.
 * Undefined when a newer generation than the wanted one has been judged: by ourselves, or by who leads in our place.
 */
export function entriesAfter(route: Json, wanted: readonly RouteParentStatus[], now: string): readonly Json[] | undefined {
  const { parents } = objectOf(route.status);
  const existing = (Array.isArray(parents) ? parents : []).map(objectOf);
  const isOurs = (entry: Json): boolean => entry.controllerName === routeController && isService(objectOf(entry.parentRef));
  const written: Json[] = [];
  for (const { parentRef, conditions } of wanted) {
    const before = existing.find((entry) => isOurs(entry) && refersAlike(objectOf(entry.parentRef), parentRef));
    const known = timedConditions(before?.conditions);
    const isNewer = ({ type, observedGeneration = 0 }: TimedCondition): boolean =>
      conditions.some((one) => one.type === type && one.observedGeneration < observedGeneration);
    if (known.some(isNewer)) return undefined;
    const others = (Array.isArray(before?.conditions) ? before.conditions : []).filter((one) => !ownTypes.has(textOf(objectOf(one).type)));
    written.push({
      parentRef,
      controllerName: routeController,
      conditions: [...withTimes(known, conditions, now), ...others],
    });
  }
  return [...existing.filter((entry) => !isOurs(entry)), ...written];
}

const ownTypes: ReadonlySet<string> = new Set(['Accepted', 'ResolvedRefs', 'ResolvedWaypoints', 'PartiallyInvalid']);

/** Fields that are absent are the same as undefined ones. */
const refersAlike = (written: Json, wanted: ParentRef): boolean =>
  Object.entries(wanted).every(([field, value]) => written[field] === value);

/** The same kind, kept as it came. */
const whole = (kind: Kind<unknown>): Kind<Json> => ({ ...kind, narrow: objectOf });

function subjectOf(key: string): [RouteTable, string] {
  const cut = key.indexOf(' ');
  const table = routeTables.find((each) => each === key.slice(0, cut));
  if (table === undefined) throw new TypeError(`no table of routes: ${key}`);
  return [table, key.slice(cut + 1)];
}
