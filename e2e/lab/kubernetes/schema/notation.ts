// Words in which the built-in kinds' schemas are written: `listMap(port, ['port', 'protocol'])`.
// Used by the builtin-*.ts tables. Custom kinds bring plain OpenAPI instead.
import type { Json } from '../patch/json.ts';
import type { OpenApiSchema } from './open-api.ts';

export const string: OpenApiSchema = { type: 'string' };
export const int32: OpenApiSchema = { type: 'integer', format: 'int32' };
export const int64: OpenApiSchema = { type: 'integer', format: 'int64' };
export const boolean: OpenApiSchema = { type: 'boolean' };
export const time: OpenApiSchema = { type: 'string', format: 'date-time' };
export const bytes: OpenApiSchema = { type: 'string', format: 'byte' };
/** A number or a text such as `25%`. */
export const intOrString: OpenApiSchema = { 'x-kubernetes-int-or-string': true };
/** `500m`, `64Mi`, or a bare number. */
export const quantity: OpenApiSchema = { 'x-kubernetes-preserve-unknown-fields': true };
/** A part of a kind that no lab needs in detail: kept as it came. */
export const anything: OpenApiSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

type Properties = Readonly<Record<string, OpenApiSchema>>;

export const object = (properties: Properties, ...required: readonly string[]): OpenApiSchema =>
  required.length === 0 ? { type: 'object', properties } : { type: 'object', properties, required };

/** Fields beyond the declared ones are kept too: for statuses, which only programs write. */
export const open = (properties: Properties): OpenApiSchema => ({ ...object(properties), 'x-kubernetes-preserve-unknown-fields': true });

/** Server-side apply owns it as one value. */
export const whole = (schema: OpenApiSchema): OpenApiSchema => ({ ...schema, 'x-kubernetes-map-type': 'atomic' });

export const mapOf = (value: OpenApiSchema): OpenApiSchema => ({ type: 'object', additionalProperties: value });
export const strings: OpenApiSchema = { type: 'array', items: string, 'x-kubernetes-list-type': 'atomic' };

export const list = (items: OpenApiSchema): OpenApiSchema => ({ type: 'array', items, 'x-kubernetes-list-type': 'atomic' });

/** Values of which each may occur once; strategic patches merge it too. */
export const setOf = (items: OpenApiSchema): OpenApiSchema => ({
  type: 'array',
  items,
  'x-kubernetes-list-type': 'set',
  'x-kubernetes-patch-strategy': 'merge',
});

/** Items told apart by `keys`; strategic patches, older, know only one key, by default the first. */
export const listMap = (items: OpenApiSchema, keys: readonly [string, ...string[]], patchKey = keys[0]): OpenApiSchema => ({
  type: 'array',
  items,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  'x-kubernetes-patch-strategy': 'merge',
  'x-kubernetes-patch-merge-key': patchKey,
});

/** A list that server-side apply takes as a whole, while strategic patches merge it. */
export const patchMerged = (items: OpenApiSchema, key: string): OpenApiSchema => ({
  ...list(items),
  'x-kubernetes-patch-strategy': 'merge',
  'x-kubernetes-patch-merge-key': key,
});

export const oneOf = (...values: readonly string[]): OpenApiSchema => ({ type: 'string', enum: values });
export const defaulted = (schema: OpenApiSchema, value: Json): OpenApiSchema => ({ ...schema, default: value });
