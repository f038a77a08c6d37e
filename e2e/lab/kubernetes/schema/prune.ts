// Takes out of an object what its schema does not know, and puts in the defaults of what is missing.
// Called by validate.ts before anything is judged. Neither changes its arguments.
import { isObject, type Json, own, put } from '../patch/json.ts';
import { child } from './field-error.ts';
import { isDeclared, memberSchema, type OpenApiSchema } from './open-api.ts';

/** Of very foreign objects only this many fields are listed. */
const maxReported = 100;

/** `unknown` grows by the path of every field that is left out. */
export function prune(value: Json, schema: OpenApiSchema | undefined, path: string, unknown: string[]): Json {
  if (schema === undefined) return value;
  if (Array.isArray(value)) return value.map((item, i) => prune(item, schema.items, `${path}[${i}]`, unknown));
  if (!isObject(value)) return value;
  const kept: { [key: string]: Json } = {};
  for (const [key, member] of Object.entries(value)) {
    const known = memberSchema(schema, key);
    if (known !== undefined) put(kept, key, prune(member, known, child(path, key), unknown));
    else if (keepsUnknown(schema)) put(kept, key, member);
    else if (unknown.length < maxReported) unknown.push(child(path, key));
  }
  return kept;
}

/** An untyped schema (int-or-string, anything goes) has no idea of its fields. */
const keepsUnknown = (schema: OpenApiSchema): boolean =>
  schema['x-kubernetes-preserve-unknown-fields'] === true ||
  schema.additionalProperties === true ||
  (schema.type !== 'object' && schema.properties === undefined);

/** With every default of the schema in place; a null where none is allowed counts as missing if there is a default. */
export function withDefaults(value: Json, schema: OpenApiSchema | undefined): Json {
  if (schema === undefined) return value;
  if (Array.isArray(value)) return schema.items === undefined ? value : value.map((item) => withDefaults(item, schema.items));
  if (!isObject(value)) return value;
  const filled: { [key: string]: Json } = {};
  for (const [key, member] of Object.entries(value)) put(filled, key, withDefaults(member, memberSchema(schema, key)));
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const present = own(filled, key);
    const missing = present === undefined || (present === null && property.nullable !== true);
    if (missing && property.default !== undefined) put(filled, key, withDefaults(structuredClone(property.default), property));
  }
  return filled;
}

/** Built-in kinds read null as absent, wherever the schema declares the field. */
export function withoutNulls(value: Json, schema: OpenApiSchema | undefined): Json {
  if (schema === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, schema.items));
  if (!isObject(value)) return value;
  const kept: { [key: string]: Json } = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === null && isDeclared(schema, key)) continue;
    put(kept, key, withoutNulls(member, memberSchema(schema, key)));
  }
  return kept;
}
