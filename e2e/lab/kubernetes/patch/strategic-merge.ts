// Strategic merge patch: a merge patch that knows, from the kind's schema, which lists merge and by which key, and understands `$` directives.
// Called by patch.ts with the schema of a built-in kind. The order of merged lists is in list-order.ts.
import { memberSchema, type OpenApiSchema } from '../schema/open-api.ts';
import { badRequest, type StatusError } from '../status-error.ts';
import { canonical, equal, isObject, type Json, type JsonObject, own, put } from './json.ts';
import { interleave } from './list-order.ts';

const orderPrefix = '$setElementOrder/';
const removalPrefix = '$deleteFromPrimitiveList/';

export function strategicMerge(original: JsonObject, patch: JsonObject, schema: OpenApiSchema | undefined): JsonObject {
  const directive = own(patch, '$patch');
  if (directive === 'delete') return {};
  if (directive === 'replace') return plain(patch);
  if (directive !== undefined && directive !== 'merge') throw malformed(`unknown patch type found: ${JSON.stringify(directive)}`);

  const merged = retained(original, patch);
  for (const field of new Set(Object.keys(patch).map(fieldOf))) {
    if (field === undefined) continue;
    const change = own(patch, field);
    if (change === null) {
      delete merged[field];
      continue;
    }
    const value = mergedField(own(merged, field), change, memberSchema(schema, field), {
      order: listIn(patch, orderPrefix + field),
      removed: listIn(patch, removalPrefix + field),
    });
    if (value !== undefined) put(merged, field, value);
  }
  return merged;
}

interface ListDirectives {
  /** The order that the client wants for the items it knows: values, or objects that hold the merge key. */
  readonly order: readonly Json[] | undefined;
  readonly removed: readonly Json[] | undefined;
}

function mergedField(before: Json | undefined, change: Json | undefined, schema: OpenApiSchema | undefined, list: ListDirectives) {
  if (isObject(change)) {
    const replaced = schema?.['x-kubernetes-patch-strategy'] === 'replace';
    return strategicMerge(isObject(before) && !replaced ? before : {}, change, schema);
  }
  const asList = Array.isArray(change) || (change === undefined && Array.isArray(before));
  if (!asList) return change;
  if (!mergesLists(schema)) return Array.isArray(change) ? change : before;
  return mergedList(Array.isArray(before) ? before : [], Array.isArray(change) ? change : [], schema, list);
}

const mergesLists = (schema: OpenApiSchema | undefined): boolean =>
  schema?.['x-kubernetes-patch-strategy']?.split(',').includes('merge') ?? false;

function mergedList(original: readonly Json[], patch: readonly Json[], schema: OpenApiSchema | undefined, list: ListDirectives): Json[] {
  const key = schema?.['x-kubernetes-patch-merge-key'];
  const sameItem = (a: Json, b: Json): boolean =>
    key === undefined ? equal(a, b) : isObject(a) && isObject(b) && equal(own(a, key), own(b, key));

  const wanted = patch.filter((item) => !(isObject(item) && (item.$patch === 'delete' || onlyReplaces(item))));
  if (patch.some((item) => isObject(item) && item.$patch === 'replace')) return wanted.map((item) => (isObject(item) ? plain(item) : item));
  if (key !== undefined) for (const item of patch) requireKey(item, key);

  const dropped = [...(list.removed ?? []), ...patch.filter((item) => isObject(item) && item.$patch === 'delete')];
  const merged = original.filter((item) => !dropped.some((gone) => sameItem(item, gone)));
  for (const item of wanted) {
    const at = merged.findIndex((existing) => sameItem(existing, item));
    const existing = at === -1 ? undefined : merged[at];
    const value = isObject(item) ? strategicMerge(isObject(existing) ? existing : {}, item, schema?.items) : item;
    if (at === -1) merged.push(value);
    else merged[at] = value;
  }
  return interleave(merged, list.order ?? wanted, original, sameItem);
}

const onlyReplaces = (item: JsonObject): boolean => item.$patch === 'replace' && Object.keys(item).length === 1;

function requireKey(item: Json, key: string): void {
  if (isObject(item) && own(item, key) !== undefined) return;
  throw malformed(`map: ${canonical(item)} does not contain declared merge key: ${key}`);
}

/** A copy of `original`, of which `$retainKeys` keeps only what it lists. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const kept = listIn(patch, '$retainKeys');
  if (kept === undefined) return { ...original };
  return Object.fromEntries(Object.entries(original).filter(([name]) => kept.includes(name)));
}

/** The field that a key of a patch speaks about; undefined for directives about the whole object. */
function fieldOf(key: string): string | undefined {
  if (key === '$patch' || key === '$retainKeys') return undefined;
  const prefix = [orderPrefix, removalPrefix].find((each) => key.startsWith(each));
  return prefix === undefined ? key : key.slice(prefix.length);
}

function listIn(patch: JsonObject, key: string): readonly Json[] | undefined {
  const value = own(patch, key);
  if (value === undefined || Array.isArray(value)) return value;
  throw malformed(`${key} must be a list`);
}

/** Without the directives of this level. */
const plain = (patch: JsonObject): JsonObject => Object.fromEntries(Object.entries(patch).filter(([key]) => fieldOf(key) === key));

const malformed = (why: string): StatusError => badRequest(`error decoding patch: ${why}`);
