// Judges a value by its schema: types, ranges, patterns, unions. Every mistake is reported, in Kubernetes' words.
// Called by validate.ts after defaults are in place. CEL rules are judged by rules.ts, sets and maps in lists by list-types.ts.
import { equal, isObject, type Json, own } from '../patch/json.ts';
import { child, type FieldError, invalid, required, tooLong, tooMany, unsupported, wrongType } from './field-error.ts';
import { hasFormat } from './formats.ts';
import { goRegExp } from './go-regexp.ts';
import { memberSchema, type OpenApiSchema } from './open-api.ts';

/** Deeper objects than this are refused instead of walked. */
const maxDepth = 200;

/** `old`: what stood here before; an unchanged part is not judged again, so that a stricter schema does not lock existing objects. */
export function check(value: Json, schema: OpenApiSchema, path: string, old?: Json, depth = 0): FieldError[] {
  if (old !== undefined && equal(value, old)) return [];
  if (value === null && schema.nullable === true) return [];
  if (depth > maxDepth) return [invalid(path, 'object', 'nested too deeply')];
  const typeError = checkType(value, schema, path);
  if (typeError !== undefined) return [typeError];
  return [
    ...checkOwn(value, schema, path),
    ...checkMembers(value, schema, { path, old, depth }),
    ...checkUnions(value, schema, path, depth),
  ];
}

function checkType(value: Json, schema: OpenApiSchema, path: string): FieldError | undefined {
  const actual = typeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    return actual === 'integer' || actual === 'string' ? undefined : mismatch(path, actual, 'integer,string');
  }
  const { type } = schema;
  if (type === undefined || actual === type || (type === 'number' && actual === 'integer')) return undefined;
  return mismatch(path, actual, type);
}

function mismatch(path: string, actual: string, wanted: string): FieldError {
  return wrongType(path, actual, `${path} in body must be of type ${wanted}: "${actual}"`);
}

export function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function checkOwn(value: Json, schema: OpenApiSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.enum !== undefined && !schema.enum.some((allowed) => equal(allowed, value)))
    errors.push(unsupported(path, value, schema.enum));
  if (typeof value === 'string') errors.push(...checkString(value, schema, path));
  if (typeof value === 'number') errors.push(...checkNumber(value, schema, path));
  if (Array.isArray(value)) errors.push(...checkCount(value.length, [schema.minItems, schema.maxItems], path, 'items'));
  else if (isObject(value))
    errors.push(...checkCount(Object.keys(value).length, [schema.minProperties, schema.maxProperties], path, 'properties'));
  if (
    Array.isArray(value) &&
    schema.uniqueItems === true &&
    value.some((item, i) => value.slice(i + 1).some((other) => equal(item, other)))
  ) {
    errors.push(invalid(path, value, `${path} in body shouldn't contain duplicates`));
  }
  return errors;
}

type Limits = readonly [min: number | undefined, max: number | undefined];

function* checkCount(count: number, [min = 0, max = Infinity]: Limits, path: string, what: string): Iterable<FieldError> {
  if (count < min) yield invalid(path, count, `${path} in body should have at least ${min} ${what}`);
  if (count > max) yield tooMany(path, count, max);
}

function* checkString(value: string, schema: OpenApiSchema, path: string): Iterable<FieldError> {
  const length = schema.minLength === undefined && schema.maxLength === undefined ? 0 : [...value].length;
  if (schema.minLength !== undefined && length < schema.minLength) {
    yield invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`);
  }
  if (schema.maxLength !== undefined && length > schema.maxLength) yield tooLong(path, schema.maxLength);
  if (schema.pattern !== undefined && !goRegExp(schema.pattern).test(value)) {
    yield invalid(path, value, `${path} in body should match '${schema.pattern}'`);
  }
  if (schema.format !== undefined && !hasFormat(value, schema.format)) {
    yield invalid(path, value, `${path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`);
  }
}

function* checkNumber(value: number, schema: OpenApiSchema, path: string): Iterable<FieldError> {
  const { minimum = -Infinity, maximum = Infinity, multipleOf } = schema;
  const [openBelow, openAbove] = [schema.exclusiveMinimum === true, schema.exclusiveMaximum === true];
  if (value < minimum || (openBelow && value === minimum)) {
    yield invalid(path, value, `${path} in body should be greater than ${openBelow ? '' : 'or equal to '}${minimum}`);
  }
  if (value > maximum || (openAbove && value === maximum)) {
    yield invalid(path, value, `${path} in body should be less than ${openAbove ? '' : 'or equal to '}${maximum}`);
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    yield invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`);
  }
}

function checkMembers(value: Json, schema: OpenApiSchema, at: { path: string; old: Json | undefined; depth: number }): FieldError[] {
  const { path, old, depth } = at;
  const { items } = schema;
  if (Array.isArray(value)) {
    if (items === undefined) return [];
    return value.flatMap((item, i) =>
      check(item, items, `${path}[${i}]`, Array.isArray(old) ? counterpart(item, i, old, schema) : undefined, depth + 1),
    );
  }
  if (!isObject(value)) return [];
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(value, key)).map((key) => required(child(path, key)));
  const wrong = Object.entries(value).flatMap(([key, member]) => {
    const known = memberSchema(schema, key);
    return known === undefined ? [] : check(member, known, child(path, key), isObject(old) ? own(old, key) : undefined, depth + 1);
  });
  return [...missing, ...wrong];
}

/** The item of the old list that an item continues: the one with the same keys, or in a list without keys the equal one. */
export function counterpart(item: Json, index: number, old: readonly Json[], schema: OpenApiSchema): Json | undefined {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (keys === undefined || !isObject(item)) return equal(old[index], item) ? old[index] : old.find((each) => equal(each, item));
  return old.find((each) => isObject(each) && keys.every((key) => equal(own(each, key), own(item, key))));
}

/** Errors of unions stand nowhere and show no value: the real API server's are so. What failed least is explained. */
function checkUnions(value: Json, schema: OpenApiSchema, path: string, depth: number): FieldError[] {
  const errorsOf = (each: OpenApiSchema): FieldError[] => check(value, each, path, undefined, depth + 1);
  const fails = (text: string): FieldError => invalid('<nil>', '', `${JSON.stringify(path)} ${text}`);
  const errors = (schema.allOf ?? []).flatMap(errorsOf);
  if (errors.length > 0) errors.push(fails('must validate all the schemas (allOf)'));
  const anyOf = schema.anyOf?.map(errorsOf);
  if (anyOf !== undefined && !anyOf.some(isEmpty)) errors.push(fails('must validate at least one schema (anyOf)'), ...fewest(anyOf));
  const oneOf = schema.oneOf?.map(errorsOf);
  const passed = oneOf?.filter(isEmpty).length;
  if (oneOf !== undefined && passed !== 1) {
    const found = passed === 0 ? 'Found none valid' : `Found ${passed} valid alternatives`;
    errors.push(fails(`must validate one and only one schema (oneOf). ${found}`), ...(passed === 0 ? fewest(oneOf) : []));
  }
  if (schema.not !== undefined && isEmpty(errorsOf(schema.not))) errors.push(fails('must not validate the schema (not)'));
  return errors;
}

const isEmpty = (errors: readonly FieldError[]): boolean => errors.length === 0;
const fewest = (alternatives: readonly FieldError[][]): FieldError[] =>
  alternatives.reduce((best, each) => (each.length < best.length ? each : best), alternatives[0] ?? []);
