// Server-side apply, and the tracking of field managers by every other write: the two operations on managedFields.
// Called by the server between conversion and admission. Pure: the time comes in, conflicts go out as values.
import { isObject, type Json, type KubeObject } from '../patch/json.ts';
import type { OpenApiSchema } from '../schema/open-api.ts';
import { badRequest } from '../status-error.ts';
import { type Comparison, compare } from './compare.ts';
import { type Conflict, type Conflicts, describeConflicts, withoutLastApplied } from './conflicts.ts';
import { fieldsOf } from './fields.ts';
import { beforeFirstApply, isSameManager, type Manager, readManagers, tracked, withManagers } from './managed-fields.ts';
import { merged, without } from './merge.ts';
import { ancestors, type FieldSet, type Path } from './path.ts';

/** Which lists are maps or sets, which maps are one value: the kind's schema says it. */
export type Structure = OpenApiSchema;

export interface ManagerOptions {
  readonly manager: string;
  /** Empty: the object itself. */
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  readonly structure: Structure;
  /** Whether status is written through its subresource only. Default: the schema has one. */
  readonly hasStatus?: boolean;
}

/**
 * The object after `applied` by `manager`: its fields set, fields that it applied before and nobody else manages removed.
 * Without `force`, another value for a field that others manage is a conflict and nothing changes.
 * @throws StatusError when `applied` cannot be applied at all: fields not in the schema, list items without keys.
 */
export function serverSideApply(
  current: Readonly<KubeObject> | undefined,
  applied: Readonly<KubeObject>,
  options: ManagerOptions & { readonly force: boolean },
): KubeObject | Conflicts {
  if (applied.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const { structure, subresource } = options;
  const hasStatus = options.hasStatus ?? structure.properties?.status !== undefined;
  const live = current ?? emptied(applied);
  const config = relevant(applied, subresource, hasStatus);
  const managers = readManagers(live) ?? [];
  const others = managers.length > 0 || current === undefined ? managers : [everythingOf(live, structure, hasStatus)];

  const identity: Manager = { name: options.manager, operation: 'Apply', apiVersion: applied.apiVersion, subresource, fields: new Set() };
  const last = others.find((each) => isSameManager(each, identity));
  const mine: Manager = {
    ...identity,
    time: options.now,
    fields: tracked(fieldsOf(config, structure, nameOf(applied)), subresource, hasStatus),
  };
  const rest = others.filter((each) => each !== last);

  const full = merged(live, config, structure);
  const object = pruned(full, structure, last?.fields ?? new Set(), [...rest, mine]);
  const changes = compare(withoutManagedFields(live), withoutManagedFields(object), structure);
  const conflicts = conflictsWith(rest, changes.changed);
  const real = options.manager === 'kubectl' ? withoutLastApplied(conflicts, live, structure) : conflicts;
  if (!options.force && real.length > 0) return { conflicts: describeConflicts(real) };

  const unchanged = last !== undefined && changes.changed.size + changes.removed.size === 0 && isSame(last.fields, mine.fields);
  return withManagers(asObject(object, live), [...rest.map((each) => yielding(each, changes)), unchanged ? last : mine]);
}

/** `after` with its managedFields: whatever differs from `before` is now managed by `manager`. A client may have edited the entries themselves. */
export function trackUpdate(before: Readonly<KubeObject> | undefined, after: Readonly<KubeObject>, options: ManagerOptions): KubeObject {
  const { structure, subresource } = options;
  const hasStatus = options.hasStatus ?? structure.properties?.status !== undefined;
  const given = after.metadata.managedFields === undefined ? undefined : readManagers(after);
  const managers = (given !== undefined && given.length > 0 ? given : before && readManagers(before)) ?? [];
  const changes = compare(withoutManagedFields(before ?? emptied(after)), withoutManagedFields(after), structure);

  const identity: Manager = { name: options.manager, operation: 'Update', apiVersion: after.apiVersion, subresource, fields: new Set() };
  const last = managers.find((each) => isSameManager(each, identity));
  const changed = tracked(changes.changed, subresource, hasStatus);
  const kept = [...(last?.fields ?? [])].filter((path) => !changes.removed.has(path));
  const fields: FieldSet = new Set([...kept, ...changed]);
  const mine: Manager = last !== undefined && isSame(last.fields, fields) ? last : { ...identity, time: options.now, fields };
  const rest = managers.filter((each) => each !== last).map((each) => yielding(each, changes));
  return withManagers(after, [...rest, mine]);
}

const emptied = ({ apiVersion, kind }: Readonly<KubeObject>): KubeObject => ({ apiVersion, kind, metadata: {} });

/** Who loses what another has just changed or removed. */
function yielding(manager: Manager, { changed, removed }: Comparison): Manager {
  return { ...manager, fields: new Set([...manager.fields].filter((path) => !changed.has(path) && !removed.has(path))) };
}

const isSame = (a: FieldSet, b: FieldSet): boolean => a.size === b.size && [...a].every((path) => b.has(path));

function everythingOf(live: Readonly<KubeObject>, structure: Structure, hasStatus: boolean): Manager {
  const fields = tracked(compare(emptied(live), live, structure).changed, '', hasStatus);
  return { name: beforeFirstApply, operation: 'Update', apiVersion: live.apiVersion, subresource: '', fields };
}

/** Of what was sent, the part that this subresource may change. */
function relevant(applied: Readonly<KubeObject>, subresource: string, hasStatus: boolean): KubeObject {
  const { apiVersion, kind, metadata, status, ...rest } = applied;
  if (subresource === 'status') return { apiVersion, kind, metadata: {}, ...(status !== undefined && { status }) };
  return { apiVersion, kind, metadata, ...rest, ...(!hasStatus && status !== undefined && { status }) };
}

/** Without the fields that the manager applied last time and that nobody, itself included, manages now. */
function pruned(full: Json, structure: Structure, last: FieldSet, managers: readonly Manager[]): Json {
  const withAncestors = (paths: Iterable<Path>): Set<Path> => new Set([...paths].flatMap((path) => [path, ...ancestors(path)]));
  const owned = withAncestors(managers.flatMap(({ fields }) => [...fields]));
  const gone = [...withAncestors(last)].filter((path) => !owned.has(path) && !isRootField(path));
  return without(full, structure, new Set(gone));
}

/** `metadata` outlives the labels in it. */
const isRootField = (path: Path): boolean => path === 'f:metadata';

function conflictsWith(managers: readonly Manager[], changed: FieldSet): Conflict[] {
  return managers
    .map((manager) => ({ manager, paths: [...manager.fields].filter((path) => changed.has(path)) }))
    .filter(({ paths }) => paths.length > 0);
}

function withoutManagedFields(value: Json): Json {
  if (!isObject(value) || !isObject(value.metadata)) return value;
  const { managedFields: _, ...metadata } = value.metadata;
  return { ...value, metadata };
}

function asObject(value: Json, live: Readonly<KubeObject>): KubeObject {
  const metadata = isObject(value) && isObject(value.metadata) ? value.metadata : {};
  return { ...(isObject(value) ? value : {}), apiVersion: live.apiVersion, kind: live.kind, metadata };
}

function nameOf({ apiVersion, kind, metadata: { namespace, name } }: Readonly<KubeObject>): string {
  return `${namespace === undefined ? '' : `${namespace}/`}${name}; ${apiVersion}, Kind=${kind}`;
}
