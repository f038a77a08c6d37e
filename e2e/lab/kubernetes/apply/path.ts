// Paths into objects as managedFields writes them: `f:spec`, `k:{"name":"web"}`, `v:"finalizer"`; and as conflicts show them: `.spec.ports[port=80]`.
// A path is its elements joined by NUL, so that a set of fields is a plain set of strings. Used by everything in apply/.
import { canonical, isObject, type Json, own } from '../patch/json.ts';
import { memberSchema, type OpenApiSchema } from '../schema/open-api.ts';

/** The root is the empty path. */
export type Path = string;
export type FieldSet = ReadonlySet<Path>;

const separator = '\0';

export const step = (path: Path, element: string): Path => (path === '' ? element : path + separator + element);
export const elementsOf = (path: Path): string[] => (path === '' ? [] : path.split(separator));
export const fieldStep = (path: Path, name: string): Path => step(path, `f:${name}`);
export const isWithin = (path: Path, ancestor: Path): boolean => path === ancestor || path.startsWith(ancestor + separator);

/** Every path above this one, the root excluded. */
export function ancestors(path: Path): Path[] {
  const found: Path[] = [];
  for (let at = path.lastIndexOf(separator); at > 0; at = path.lastIndexOf(separator, at - 1)) found.push(path.slice(0, at));
  return found;
}

/** How one list counts its items: as one value, each by itself, or each by its keys. Unknown lists are one value. */
export const listTypeOf = (schema: OpenApiSchema | undefined): 'atomic' | 'set' | 'map' => schema?.['x-kubernetes-list-type'] ?? 'atomic';
export const isAtomicMap = (schema: OpenApiSchema | undefined): boolean => schema?.['x-kubernetes-map-type'] === 'atomic';

/** The element that names an item of a set or map list; undefined when the item lacks a key that has no default. */
export function itemElement(item: Json, schema: OpenApiSchema | undefined): string | undefined {
  if (listTypeOf(schema) === 'set') return `v:${canonical(item)}`;
  if (!isObject(item)) return undefined;
  const keys: { [key: string]: Json } = {};
  for (const key of schema?.['x-kubernetes-list-map-keys'] ?? []) {
    const value = own(item, key) ?? memberSchema(schema?.items, key)?.default;
    if (value === undefined) return undefined;
    keys[key] = value;
  }
  return `k:${canonical(keys)}`;
}

/** `.spec.template.spec.containers[name="web"].image`. */
export function describePath(path: Path): string {
  return elementsOf(path).map(describeElement).join('');
}

function describeElement(element: string): string {
  const content = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'k:': {
      const keys: Json = JSON.parse(content);
      const pairs = Object.entries(isObject(keys) ? keys : {}).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      return `[${pairs.join(',')}]`;
    }
    case 'v:':
      return `[=${content}]`;
    case 'i:':
      return `[${content}]`;
    default:
      return `.${content}`;
  }
}
