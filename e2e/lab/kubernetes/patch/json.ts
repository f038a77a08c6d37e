// JSON as a type, Kubernetes objects as JSON, and the few questions that patching, applying and validating ask of it.
// Used by every folder beside this one. Nothing here changes its arguments.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface ObjectMeta {
  name?: string;
  namespace?: string;
  generateName?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
  finalizers?: string[];
  /** Entries of managed-fields.ts; kept as JSON because clients may send anything. */
  managedFields?: Json[];
  [key: string]: Json;
}

/** What a client sent may lack or mistype any of these: admission (schema/validate.ts) finds out. */
export type KubeObject = { apiVersion: string; kind: string; metadata: ObjectMeta; [key: string]: Json };

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `parent[key]` without what JavaScript objects inherit: `constructor` is a legal label key. */
export const own = (parent: JsonObject, key: string): Json | undefined => (Object.hasOwn(parent, key) ? parent[key] : undefined);

/** Assignment that also holds for the key `__proto__`. */
export function put(parent: JsonObject, key: string, value: Json): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Deep equality; the order of an object's keys does not matter. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}

/** JSON with sorted keys: equal values have equal texts. */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(',')}}`;
}
