// Reads what may be missing or mistyped in an object: the questions that the server asks of JSON that clients sent.
// The types are patch/json.ts's. Knows no particular kind.
import { isObject, type Json, type JsonObject, type KubeObject, own } from './patch/json.ts';

/** The map at `path`, or an empty one: for reading only. */
export function mapAt(value: Json | undefined, ...path: readonly string[]): Readonly<JsonObject> {
  const found = valueAt(value, ...path);
  return isObject(found) ? found : {};
}

export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The text at `path`; undefined when there is none or it is something else. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

export function valueAt(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let at = value;
  for (const key of path) {
    if (!isObject(at)) return undefined;
    at = own(at, key);
  }
  return at;
}

/** `namespace/name`, or `name` alone. */
export const keyOf = ({ metadata }: KubeObject): string =>
  metadata.namespace === undefined ? (metadata.name ?? '') : `${metadata.namespace}/${metadata.name ?? ''}`;
