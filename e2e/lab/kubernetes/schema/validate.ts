// Admission of an object by its schema: pruned, defaulted, judged. The order is Kubernetes': later steps rely on earlier ones.
// Called by the server for everything that is created or changed. Which kind is built in shows in the schema itself.
import { isObject, type Json, type JsonObject, type KubeObject } from '../patch/json.ts';
import { badRequest, type StatusError } from '../status-error.ts';
import { builtinSchema, groupOf } from './builtin.ts';
import { withComputedDefaults } from './builtin-defaults.ts';
import { builtinRules } from './builtin-rules.ts';
import { check } from './check.ts';
import type { FieldError } from './field-error.ts';
import { checkListTypes } from './list-types.ts';
import { checkMetadata } from './metadata.ts';
import type { OpenApiSchema } from './open-api.ts';
import { prune, withDefaults, withoutNulls } from './prune.ts';
import { checkRules } from './rules.ts';

export interface Admission {
  readonly object: KubeObject;
  /** Empty = admitted. */
  readonly errors: readonly FieldError[];
  /** For `Warning` headers. */
  readonly warnings: readonly string[];
}

/** @throws StatusError 400 when the object cannot be read as its kind, or has unknown fields under `Strict`. */
export function admit(
  schema: OpenApiSchema,
  object: KubeObject,
  old: Readonly<KubeObject> | undefined,
  options: { readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore' },
): Admission {
  const isBuiltin = builtinSchema(groupOf(object.apiVersion), object.kind) === schema;
  const unknown: string[] = [];
  const pruned = prune(isBuiltin ? withoutNulls(object, schema) : object, schema, '', unknown);
  if (options.fieldValidation === 'Strict' && unknown.length > 0) {
    throw unreadable(object, `strict decoding error: ${unknown.map(describeUnknown).join(', ')}`);
  }
  const warnings = options.fieldValidation === 'Warn' ? unknown.map(describeUnknown) : [];
  const defaulted = asObject(withDefaults(pruned, schema), object);
  return { ...(isBuiltin ? judgeBuiltin(defaulted, schema, old) : judgeCustom(defaulted, schema, old)), warnings };
}

type Judged = Pick<Admission, 'object' | 'errors'>;

const describeUnknown = (path: string): string => `unknown field "${path}"`;

function judgeBuiltin(defaulted: KubeObject, schema: OpenApiSchema, old: Readonly<KubeObject> | undefined): Judged {
  const errors = check(defaulted, schema, '');
  const mistyped = errors.find((error) => error.type === 'FieldValueTypeInvalid');
  if (mistyped !== undefined) throw unreadable(defaulted, goWords(mistyped, defaulted.kind));
  if (errors.some(({ message }) => message.includes('must be of type byte')))
    throw unreadable(defaulted, 'illegal base64 data at input byte 0');
  const object = withComputedDefaults(defaulted);
  return { object, errors: [...checkMetadata(object), ...errors.map(inGo), ...builtinRules(object, old)] };
}

function judgeCustom(object: KubeObject, schema: OpenApiSchema, old: Readonly<KubeObject> | undefined): Judged {
  const errors = [...checkMetadata(object), ...check(object, schema, '', old), ...checkListTypes(object, schema, '')];
  if (!errors.some((error) => blocking.has(error.type))) return { object, errors: [...errors, ...checkRules(object, schema, '', old)] };
  if (!hasRules(schema)) return { object, errors };
  const text = 'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
  return { object, errors: [...errors, { path: '<nil>', type: 'FieldValueInvalid', message: `Invalid value: null: ${text}` }] };
}

/** After these a rule could meet a value of a type or size that it does not expect. */
const blocking: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

function hasRules(schema: OpenApiSchema): boolean {
  const { properties = {}, additionalProperties, items } = schema;
  const children = [
    ...Object.values(properties),
    ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
    ...(items ? [items] : []),
  ];
  return schema['x-kubernetes-validations'] !== undefined || children.some(hasRules);
}

function asObject(value: Json, object: KubeObject): KubeObject {
  if (isObject(value) && isObject(value.metadata))
    return { ...value, apiVersion: object.apiVersion, kind: object.kind, metadata: withoutEmpty(value.metadata) };
  throw unreadable(object, 'metadata must be an object');
}

/** Metadata keeps no empty lists and maps. */
const withoutEmpty = (metadata: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(metadata).filter(([, value]) => typeof value !== 'object' || Object.keys(value ?? {}).length > 0));

/** Built-in kinds are checked by code, which does not speak of bodies. */
const inGo = (error: FieldError): FieldError => ({ ...error, message: error.message.replace(/: \S+ in body should /, ': must ') });

const goTypes: Readonly<Record<string, string>> = { integer: 'int32', boolean: 'bool', object: 'map', array: 'slice' };

/** How Go's JSON decoder complains of a wrong type. */
function goWords({ path, message }: FieldError, kind: string): string {
  const [, actual = 'value', wanted = 'unknown'] = /"(\w+)": .* must be of type ([\w,]+)/.exec(message) ?? [];
  const field = path.startsWith('spec.') ? `${kind}Spec.${path}` : `${kind}.${path}`;
  return `json: cannot unmarshal ${actual === 'integer' ? 'number' : actual} into Go struct field ${field} of type ${goTypes[wanted] ?? wanted}`;
}

function unreadable({ apiVersion, kind }: KubeObject, why: string): StatusError {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
}
