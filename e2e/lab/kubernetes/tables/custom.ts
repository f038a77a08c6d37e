// Columns of custom kinds: NAME, then what the definition's additionalPrinterColumns say, or AGE when it says nothing.
// Called by table.ts.
import type { Resource } from '../kinds/registry.ts';
import type { Json, KubeObject } from '../patch/json.ts';
import type { PrinterColumn } from '../served-kind.ts';
import { ageOf } from './age.ts';
import { findAll } from './json-path.ts';
import type { Column } from './printer.ts';

const nameColumn: Column = { name: 'Name', type: 'string', priority: 0 };
const ageColumn: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

const columns = ({ printerColumns }: Resource): readonly PrinterColumn[] => (printerColumns.length === 0 ? [ageColumn] : printerColumns);

export const customColumns = (resource: Resource): readonly Column[] => [
  nameColumn,
  ...columns(resource).map(({ jsonPath: _path, priority = 0, ...column }) => ({ ...column, priority })),
];

export const customRow = (resource: Resource, object: Readonly<KubeObject>, now: number): readonly Json[] => [
  object.metadata.name ?? '',
  ...columns(resource).map((column) => cell(column, object, now)),
];

function cell({ type, jsonPath }: PrinterColumn, object: Readonly<KubeObject>, now: number): Json {
  const [first] = findAll(object, jsonPath);
  if (first === undefined || first === null) return type === 'date' ? '<unknown>' : null;
  switch (type) {
    case 'date':
      return ageOf(first, now);
    case 'integer':
    case 'number':
      return typeof first === 'number' ? first : null;
    case 'boolean':
      return typeof first === 'boolean' ? first : null;
    case 'string':
      return typeof first === 'object' ? JSON.stringify(first) : String(first);
    default:
      throw type satisfies never;
  }
}
