// Which fields an object sets, told apart as its schema says.
// Used by server-side-apply.ts for what an applier sent; what an update changed is compare.ts.
import { isObject, type Json } from '../patch/json.ts';
import { isDeclared, memberSchema, type OpenApiSchema } from '../schema/open-api.ts';
import { StatusError } from '../status-error.ts';
import { describePath, type FieldSet, fieldStep, isAtomicMap, itemElement, listTypeOf, type Path, step } from './path.ts';

/** @throws StatusError when an associative list has an item without its keys, or a field is not in the schema. `about` names the object. */
export function fieldsOf(value: Json, schema: OpenApiSchema, about: string): FieldSet {
  const found = new Set<Path>();
  collect(value, schema, '', found, (path, why) => {
    throw new StatusError(500, '', `failed to create typed patch object (${about}): ${describePath(path)}: ${why}`);
  });
  return found;
}

type Refuse = (path: Path, why: string) => void;

function collect(value: Json, schema: OpenApiSchema | undefined, path: Path, found: Set<Path>, refuse: Refuse): void {
  if (schema?.type === 'array' && !Array.isArray(value)) refuse(path, `expected list, got &{${shown(value)}}`);
  if (schema?.type === 'object' && !isObject(value)) refuse(path, `expected map, got &{${shown(value)}}`);
  if (Array.isArray(value)) collectItems(value, schema, path, found, refuse);
  else if (isObject(value) && !isAtomicMap(schema)) {
    for (const [name, member] of Object.entries(value)) {
      const place = fieldStep(path, name);
      if (!isKnown(schema, name)) refuse(place, 'field not declared in schema');
      collect(member, memberSchema(schema, name), place, found, refuse);
      const isEmpty = typeof member === 'object' && Object.keys(member ?? {}).length === 0;
      if (isEmpty || !isDeclared(schema, name)) found.add(place);
    }
  } else found.add(path);
}

const shown = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

function collectItems(list: readonly Json[], schema: OpenApiSchema | undefined, path: Path, found: Set<Path>, refuse: Refuse): void {
  if (listTypeOf(schema) === 'atomic') {
    found.add(path);
    return;
  }
  for (const [i, item] of list.entries()) {
    const element = itemElement(item, schema);
    if (element === undefined) {
      const keys = schema?.['x-kubernetes-list-map-keys']?.map((key) => JSON.stringify(key)).join(', ');
      refuse(path, `element ${i}: associative list with keys has an element that omits key field ${keys} (and doesn't have default value)`);
      continue;
    }
    const place = step(path, element);
    if (found.has(place)) refuse(place, 'duplicate entries for key');
    if (isObject(item)) collect(item, schema?.items, place, found, refuse);
    found.add(place);
  }
}

function isKnown(schema: OpenApiSchema | undefined, name: string): boolean {
  if (schema === undefined || memberSchema(schema, name) !== undefined) return true;
  return schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true || schema.type === undefined;
}
