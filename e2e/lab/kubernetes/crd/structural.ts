// Whether a schema is structural: every part typed outside of its unions, nothing that the API server could not prune by.
// Called by definition.ts. Patterns and CEL rules are compiled here, so that a definition that cannot work is refused when it comes.
import { isObject, type Json, type JsonObject, own } from '../patch/json.ts';
import { compile } from '../schema/cel.ts';
import { type FieldError, forbidden, invalid, required, unsupported } from '../schema/field-error.ts';
import { goRegExp } from '../schema/go-regexp.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const unions = ['allOf', 'anyOf', 'oneOf'];
const unsupportedWords = ['$ref', 'definitions', 'dependencies', 'patternProperties', 'id', 'additionalItems'];
/** Inside unions these would change what a value may hold, not only judge it. */
const outsideOnly = ['type', 'description', 'default', 'additionalProperties', 'nullable'];

export function schemaErrors(schema: JsonObject, path: string): FieldError[] {
  const root = schema.type === 'object' ? [] : [invalid(`${path}.type`, own(schema, 'type') ?? '', 'must be object at the root')];
  return [...root, ...partErrors(schema, path, 'at the root')];
}

function partErrors(schema: JsonObject, path: string, where: string): FieldError[] {
  return [
    ...typeErrors(schema, path, where),
    ...wordErrors(schema, path),
    ...compileErrors(schema, path),
    ...listErrors(schema, path),
    ...unionErrors(schema, schema, path),
    ...children(schema, path).flatMap(([each, place, kind]) => partErrors(each, place, kind)),
  ];
}

type Child = readonly [schema: JsonObject, path: string, where: string];

function children(schema: JsonObject, path: string): Child[] {
  const found: Child[] = Object.entries(isObject(schema.properties) ? schema.properties : {}).flatMap(([key, value]) =>
    isObject(value) ? [[value, `${path}.properties[${key}]`, 'for specified object fields'] as const] : [],
  );
  if (isObject(schema.items)) found.push([schema.items, `${path}.items`, 'for specified array items']);
  if (isObject(schema.additionalProperties))
    found.push([schema.additionalProperties, `${path}.additionalProperties`, 'for specified object fields']);
  return found;
}

function typeErrors(schema: JsonObject, path: string, where: string): FieldError[] {
  const { type } = schema;
  if (type !== undefined) return typeof type === 'string' && types.includes(type) ? [] : [unsupported(`${path}.type`, type, types)];
  const isFree = schema['x-kubernetes-preserve-unknown-fields'] === true || schema['x-kubernetes-int-or-string'] === true;
  return isFree ? [] : [required(`${path}.type`, `must not be empty ${where}`)];
}

function wordErrors(schema: JsonObject, path: string): FieldError[] {
  const refs = unsupportedWords
    .filter((word) => own(schema, word) !== undefined)
    .map((word) => forbidden(`${path}.${word}`, `${word} is not supported`));
  const both = schema.properties !== undefined && schema.additionalProperties !== undefined;
  const closed = schema.additionalProperties === false;
  return [
    ...refs,
    ...(both ? [forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive')] : []),
    ...(closed ? [forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false')] : []),
    ...(schema.uniqueItems === true
      ? [forbidden(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic')]
      : []),
  ];
}

function listErrors(schema: JsonObject, path: string): FieldError[] {
  if (schema.type === 'array' && !isObject(schema.items)) return [required(`${path}.items`, 'must be specified')];
  if (schema['x-kubernetes-list-type'] !== 'map') return [];
  const keys = schema['x-kubernetes-list-map-keys'];
  if (Array.isArray(keys) && keys.length > 0) return [];
  return [required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map')];
}

function compileErrors(schema: JsonObject, path: string): FieldError[] {
  const { pattern } = schema;
  const errors: FieldError[] = [];
  if (typeof pattern === 'string') errors.push(...attempt(`${path}.pattern`, pattern, () => goRegExp(pattern)));
  const rules = schema['x-kubernetes-validations'];
  for (const [i, rule] of (Array.isArray(rules) ? rules : []).entries()) {
    const expression = isObject(rule) ? rule.rule : undefined;
    const place = `${path}.x-kubernetes-validations[${i}].rule`;
    if (typeof expression === 'string' && expression.trim() !== '') errors.push(...attempt(place, expression, () => compile(expression)));
    else errors.push(required(place, 'rule is not specified'));
  }
  return errors;
}

function attempt(path: string, source: string, build: () => unknown): FieldError[] {
  try {
    build();
    return [];
  } catch (why) {
    return [invalid(path, source, `compilation failed: ${why instanceof Error ? why.message : String(why)}`)];
  }
}

/** Members of unions may only name what `outer`, the schema around them, declares. */
function unionErrors(schema: JsonObject, outer: JsonObject, path: string): FieldError[] {
  const members: [Json, string][] = unions.flatMap((word) => {
    const list = own(schema, word);
    return Array.isArray(list) ? list.map((each, i): [Json, string] => [each, `${path}.${word}[${i}]`]) : [];
  });
  if (schema.not !== undefined) members.push([schema.not, `${path}.not`]);
  return members.flatMap(([member, place]) => (isObject(member) ? memberErrors(member, outer, place) : []));
}

function memberErrors(member: JsonObject, outer: JsonObject, path: string): FieldError[] {
  // int-or-string is written as a union of two types: the one legal use of `type` there.
  const banned = outer['x-kubernetes-int-or-string'] === true ? [] : outsideOnly;
  const declared = isObject(outer.properties) ? outer.properties : {};
  const errors = banned
    .filter((word) => own(member, word) !== undefined)
    .map((word) => forbidden(`${path}.${word}`, 'must be empty to be structural'));
  for (const [key, inner] of Object.entries(isObject(member.properties) ? member.properties : {})) {
    const known = own(declared, key);
    const place = `${path}.properties[${key}]`;
    if (isObject(known)) errors.push(...(isObject(inner) ? memberErrors(inner, known, place) : []));
    else errors.push(required(place, `because it is defined in ${place}`));
  }
  if (isObject(member.items) && isObject(outer.items)) errors.push(...memberErrors(member.items, outer.items, `${path}.items`));
  return [...errors, ...unionErrors(member, outer, path)];
}
