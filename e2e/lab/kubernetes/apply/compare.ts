// The fields in which two states of an object differ, told apart as the schema says.
// Used by managed-fields.ts: whoever makes a change owns what is in `changed`, and nobody owns what is in `removed`.
import { equal, isObject, type Json, type JsonObject, own } from '../patch/json.ts';
import { memberSchema, type OpenApiSchema } from '../schema/open-api.ts';
import { type FieldSet, fieldStep, isAtomicMap, itemElement, listTypeOf, type Path, step } from './path.ts';

export interface Comparison {
  /** Added or modified. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

interface Findings {
  readonly changed: Set<Path>;
  readonly removed: Set<Path>;
}

export function compare(before: Json | undefined, after: Json | undefined, schema: OpenApiSchema): Comparison {
  const findings: Findings = { changed: new Set(), removed: new Set() };
  walk(before, after, schema, '', findings);
  return findings;
}

function walk(before: Json | undefined, after: Json | undefined, schema: OpenApiSchema | undefined, path: Path, findings: Findings): void {
  if (path !== '' && before === undefined && after !== undefined) findings.changed.add(path);
  if (path !== '' && before !== undefined && after === undefined) findings.removed.add(path);
  if (areBranches(before, after, isObject) && !isAtomicMap(schema)) walkMembers(before ?? {}, after ?? {}, schema, path, findings);
  else if (areBranches(before, after, Array.isArray) && listTypeOf(schema) !== 'atomic') {
    walkItems(itemsByElement(before ?? [], schema), itemsByElement(after ?? [], schema), schema, path, findings);
  } else if (before !== undefined && after !== undefined && !equal(before, after)) findings.changed.add(path);
}

function areBranches<T extends Json>(a: Json | undefined, b: Json | undefined, is: (value: Json) => value is T): boolean {
  return (a === undefined || is(a)) && (b === undefined || is(b)) && !(a === undefined && b === undefined);
}

function walkMembers(before: Json, after: Json, schema: OpenApiSchema | undefined, path: Path, findings: Findings): void {
  const [a, b]: readonly [JsonObject, JsonObject] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    walk(own(a, name), own(b, name), memberSchema(schema, name), fieldStep(path, name), findings);
  }
}

type Items = ReadonlyMap<string, Json>;

function walkItems(before: Items, after: Items, schema: OpenApiSchema | undefined, path: Path, findings: Findings): void {
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    walk(before.get(element), after.get(element), schema?.items, step(path, element), findings);
  }
}

/** Items that the schema cannot tell apart go by their place. */
function itemsByElement(list: Json, schema: OpenApiSchema | undefined): Items {
  return new Map((Array.isArray(list) ? list : []).map((item, i) => [itemElement(item, schema) ?? `i:${i}`, item]));
}
