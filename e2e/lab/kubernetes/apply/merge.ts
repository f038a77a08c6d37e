// Merges what an applier sent into an object, and takes fields out of one, both as the schema says.
// Used by server-side-apply.ts. Nothing here changes its arguments.
import { isObject, type Json, type JsonObject, own, put } from '../patch/json.ts';
import { memberSchema, type OpenApiSchema } from '../schema/open-api.ts';
import { type FieldSet, fieldStep, isAtomicMap, itemElement, listTypeOf, type Path, step } from './path.ts';

export function merged(live: Json | undefined, applied: Json, schema: OpenApiSchema | undefined): Json {
  if (isObject(live) && isObject(applied) && !isAtomicMap(schema)) {
    const result: JsonObject = { ...live };
    for (const [name, value] of Object.entries(applied)) put(result, name, merged(own(live, name), value, memberSchema(schema, name)));
    return result;
  }
  if (Array.isArray(live) && Array.isArray(applied) && listTypeOf(schema) !== 'atomic') return mergedItems(live, applied, schema);
  return applied;
}

/** Applied items come in their own order; the others stay before the applied item that they stood before. */
function mergedItems(live: readonly Json[], applied: readonly Json[], schema: OpenApiSchema | undefined): Json[] {
  const nameOf = (item: Json): string => itemElement(item, schema) ?? '';
  const liveByName = new Map(live.map((item) => [nameOf(item), item]));
  const appliedNames = new Set(applied.map(nameOf));
  const done = new Set<string>();
  const result: Json[] = [];
  let at = 0;
  for (const item of applied) {
    const name = nameOf(item);
    for (; at < live.length; at++) {
      const mine = nameOf(live[at] ?? null);
      if (mine === name || (appliedNames.has(mine) && !done.has(mine))) break;
      if (!appliedNames.has(mine)) result.push(live[at] ?? null);
    }
    result.push(merged(liveByName.get(name), item, schema?.items));
    done.add(name);
  }
  return [...result, ...live.slice(at).filter((item) => !appliedNames.has(nameOf(item)))];
}

/** The value without the fields and items at these paths, whatever is inside them included. */
export function without(value: Json, schema: OpenApiSchema | undefined, gone: FieldSet, path: Path = ''): Json {
  if (Array.isArray(value) && listTypeOf(schema) !== 'atomic') {
    const places = value.map((item) => [item, step(path, itemElement(item, schema) ?? '')] as const);
    return places.filter(([, place]) => !gone.has(place)).map(([item, place]) => without(item, schema?.items, gone, place));
  }
  if (!isObject(value) || isAtomicMap(schema)) return value;
  const kept: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    const place = fieldStep(path, name);
    if (!gone.has(place)) put(kept, name, without(member, memberSchema(schema, name), gone, place));
  }
  return kept;
}
