// Sets of fields as the `fieldsV1` of a managedFields entry, and back.
// Used by managed-fields.ts.
import { isObject, type Json, type JsonObject } from '../patch/json.ts';
import { elementsOf, type FieldSet, type Path, step } from './path.ts';

const itself = '.';
/** Deeper than any object; what is deeper was written to hurt. */
const maxDepth = 500;

/** A leaf is `{}`; a parent that is owned itself has a `.` among its members. */
export function toFieldsV1(fields: FieldSet): JsonObject {
  const root: JsonObject = {};
  for (const path of [...fields].sort()) {
    let at = root;
    for (const element of elementsOf(path)) {
      const next = at[element];
      const child = isObject(next) ? next : {};
      at[element] = child;
      at = child;
    }
    at[itself] = {};
  }
  return withoutLonelyDots(root);
}

function withoutLonelyDots(node: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(node).map(([element, value]) => {
      const child = isObject(value) ? value : {};
      return [element, Object.keys(child).length === 1 && itself in child ? {} : withoutLonelyDots(child)];
    }),
  );
}

/** Undefined when it is none: clients may write anything there. */
export function fromFieldsV1(fields: Json | undefined): FieldSet | undefined {
  const found = new Set<Path>();
  return isObject(fields) && collect(fields, '', found, 0) ? found : undefined;
}

function collect(node: JsonObject, path: Path, found: Set<Path>, depth: number): boolean {
  if (depth > maxDepth) return false;
  return Object.entries(node).every(([element, value]) => {
    if (!isObject(value)) return false;
    if (element === itself) {
      found.add(path);
      return true;
    }
    if (!isElement(element)) return false;
    const place = step(path, element);
    if (Object.keys(value).length === 0) found.add(place);
    return collect(value, place, found, depth + 1);
  });
}

function isElement(element: string): boolean {
  const content = element.slice(2);
  if (element.startsWith('f:')) return !content.includes('\0');
  if (element.startsWith('i:')) return /^\d+$/.test(content);
  if (!element.startsWith('k:') && !element.startsWith('v:')) return false;
  try {
    const value: unknown = JSON.parse(content);
    return element.startsWith('v:') || isObject(value);
  } catch {
    return false;
  }
}
