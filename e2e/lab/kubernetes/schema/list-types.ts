// Lists that are sets or maps hold nothing twice.
// Called by validate.ts for custom kinds; built-in kinds have their own words for it (builtin-rules.ts).
import { canonical, isObject, type Json, own } from '../patch/json.ts';
import { child, duplicate, type FieldError, required } from './field-error.ts';
import { memberSchema, type OpenApiSchema } from './open-api.ts';

export function checkListTypes(value: Json, schema: OpenApiSchema | undefined, path: string): FieldError[] {
  if (schema === undefined) return [];
  if (isObject(value)) {
    return Object.entries(value).flatMap(([key, member]) => checkListTypes(member, memberSchema(schema, key), child(path, key)));
  }
  if (!Array.isArray(value)) return [];
  return [...repeated(value, schema, path), ...value.flatMap((item, i) => checkListTypes(item, schema.items, `${path}[${i}]`))];
}

function repeated(list: readonly Json[], schema: OpenApiSchema, path: string): FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, item] of list.entries()) {
    const identity = type === 'set' ? item : keysOf(item, schema);
    const text = canonical(identity);
    if (seen.has(text)) errors.push(duplicate(`${path}[${i}]`, identity));
    seen.add(text);
    if (type === 'map' && isObject(item)) errors.push(...missingKeys(item, schema, `${path}[${i}]`));
  }
  return errors;
}

const mapKeys = (schema: OpenApiSchema): readonly string[] => schema['x-kubernetes-list-map-keys'] ?? [];

function keysOf(item: Json, schema: OpenApiSchema): Json {
  if (!isObject(item)) return item;
  return Object.fromEntries(mapKeys(schema).flatMap((key) => [[key, own(item, key) ?? null] as const]));
}

/** A key is required, or has a default. A missing required one is already reported by check.ts. */
function missingKeys(item: { [key: string]: Json }, schema: OpenApiSchema, path: string): FieldError[] {
  const optional = mapKeys(schema).filter((key) => !schema.items?.required?.includes(key));
  return optional.filter((key) => own(item, key) === undefined).map((key) => required(child(path, key)));
}
