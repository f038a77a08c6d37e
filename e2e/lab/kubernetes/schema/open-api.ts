// The subset of OpenAPI v3 that Kubernetes calls a structural schema, as a type.
// Spoken by admission, server-side apply, strategic merge patches, CRDs and discovery. Has no behaviour.
import type { Json } from '../patch/json.ts';

export interface ValidationRule {
  /** CEL over `self`, and over `oldSelf` in a rule that judges transitions. */
  readonly rule: string;
  readonly message?: string;
  /** CEL that gives the message; `message` where it fails. */
  readonly messageExpression?: string;
  /** `FieldValueInvalid` when absent. */
  readonly reason?: string;
  /** Where the error is reported, relative to the schema's own place: `.spec.x`. */
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export interface OpenApiSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly default?: Json;
  readonly nullable?: boolean;
  readonly enum?: readonly Json[];

  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: OpenApiSchema | boolean;
  readonly required?: readonly string[];
  readonly minProperties?: number;
  readonly maxProperties?: number;

  readonly items?: OpenApiSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;

  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;

  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;

  readonly allOf?: readonly OpenApiSchema[];
  readonly anyOf?: readonly OpenApiSchema[];
  readonly oneOf?: readonly OpenApiSchema[];
  readonly not?: OpenApiSchema;

  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  /** Default `atomic`. */
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  /** Default `granular`. */
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  /** Strategic merge patches (built-in kinds only): `merge`, `retainKeys` or both, with a comma. */
  readonly 'x-kubernetes-patch-strategy'?: string;
  readonly 'x-kubernetes-patch-merge-key'?: string;
}

/** The schema of one member of an object: declared, or what the map holds; undefined = nothing is known of it. */
export function memberSchema(schema: OpenApiSchema | undefined, key: string): OpenApiSchema | undefined {
  if (schema?.properties !== undefined && Object.hasOwn(schema.properties, key)) return schema.properties[key];
  return typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

export const isDeclared = (schema: OpenApiSchema | undefined, key: string): boolean =>
  schema?.properties !== undefined && Object.hasOwn(schema.properties, key);
