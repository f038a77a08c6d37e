// Judges an object by the CEL rules of its schema (x-kubernetes-validations), transition rules included.
// Called by validate.ts once types, lengths and counts are right: rules may rely on them.
import { equal, isObject, type Json, own } from '../patch/json.ts';
import { evaluate, toCel } from './cel.ts';
import { counterpart, typeOf } from './check.ts';
import { child, type FieldError, forbidden, invalid, required } from './field-error.ts';
import { isDeclared, memberSchema, type OpenApiSchema, type ValidationRule } from './open-api.ts';

export function checkRules(value: Json, schema: OpenApiSchema | undefined, path: string, old?: Json): FieldError[] {
  if (schema === undefined || value === null) return [];
  return [
    ...(schema['x-kubernetes-validations'] ?? []).flatMap((rule) => judge(rule, value, schema, path, old)),
    ...inside(value, schema, path, old),
  ];
}

function inside(value: Json, schema: OpenApiSchema, path: string, old: Json | undefined): FieldError[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, i) =>
      checkRules(item, schema.items, `${path}[${i}]`, Array.isArray(old) ? counterpart(item, i, old, schema) : undefined),
    );
  }
  if (!isObject(value)) return [];
  const placeOf = (key: string): string => (isDeclared(schema, key) ? child(path, key) : `${path}[${key}]`);
  return Object.entries(value).flatMap(([key, member]) =>
    checkRules(member, memberSchema(schema, key), placeOf(key), isObject(old) ? own(old, key) : undefined),
  );
}

const usesOldSelf = (rule: ValidationRule): boolean => /\boldSelf\b/.test(rule.rule);

function judge(rule: ValidationRule, value: Json, schema: OpenApiSchema, path: string, old: Json | undefined): FieldError[] {
  const isTransition = usesOldSelf(rule);
  // A transition needs two states; a rule about the state alone does not judge again what did not change.
  if (isTransition ? old === undefined : old !== undefined && equal(old, value)) return [];
  const bindings = { self: toCel(value, schema), ...(old !== undefined && { oldSelf: toCel(old, schema) }) };
  const outcome = evaluate(rule.rule, bindings);
  if ('value' in outcome && outcome.value === true) return [];
  const place = rule.fieldPath === undefined ? path : path + (path === '' ? rule.fieldPath.replace(/^\./, '') : rule.fieldPath);
  const text = messageOf(rule, bindings);
  return [failure(rule, place, typeOf(value), 'error' in outcome ? `${outcome.error} evaluating rule: ${text}` : text)];
}

function messageOf(rule: ValidationRule, bindings: Parameters<typeof evaluate>[1]): string {
  const computed = rule.messageExpression === undefined ? undefined : evaluate(rule.messageExpression, bindings);
  if (computed !== undefined && 'value' in computed && typeof computed.value === 'string' && computed.value.trim() !== '')
    return computed.value;
  return rule.message ?? `failed rule: ${rule.rule.trim()}`;
}

function failure(rule: ValidationRule, path: string, type: string, text: string): FieldError {
  switch (rule.reason) {
    case 'FieldValueRequired':
      return required(path, text);
    case 'FieldValueForbidden':
      return forbidden(path, text);
    case 'FieldValueDuplicate':
      return { path, type: rule.reason, message: `Duplicate value: ${JSON.stringify(type)}` };
    default:
      return invalid(path, type, text);
  }
}
