// Tables as `kubectl get` prints them: the server says which columns and what is in their cells.
// Built-in kinds have printers of their own, custom kinds the columns of their definition.
import type { Resource } from '../kinds/registry.ts';
import type { Json, JsonObject, KubeObject } from '../patch/json.ts';
import { customColumns, customRow } from './custom.ts';
import type { Printer } from './printer.ts';
import { printers } from './printers.ts';

export function columnsOf(resource: Resource): JsonObject[] {
  const columns = printerOf(resource)?.columns ?? customColumns(resource);
  return columns.map(({ format = '', description = '', name, type, priority }) => ({
    name,
    type,
    format: name === 'Name' ? 'name' : format,
    description: description === '' ? name : description,
    priority,
  }));
}

export function rowOf(resource: Resource, object: Readonly<KubeObject>, now: number): readonly Json[] {
  return printerOf(resource)?.cells(object, now) ?? customRow(resource, object, now);
}

const printerOf = ({ isBuiltin, kind, group }: Resource): Printer | undefined => (isBuiltin ? printers.get(`${group}/${kind}`) : undefined);
