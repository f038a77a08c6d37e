// metadata.managedFields: who manages which fields, read from an object and written back.
// Used by server-side-apply.ts. Managers are told apart by name, operation, subresource and, for updates, version.
import { isObject, type Json, type JsonObject, type KubeObject } from '../patch/json.ts';
import { fromFieldsV1, toFieldsV1 } from './fields-v1.ts';
import { type FieldSet, isWithin, type Path } from './path.ts';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** Empty: the object itself. */
  readonly subresource: string;
  /** RFC 3339; absent in entries that clients wrote without. */
  readonly time?: string;
  readonly fields: FieldSet;
}

export const isSameManager = (a: Manager, b: Manager): boolean =>
  a.name === b.name &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion);

/** Undefined when an entry is unreadable: then none of them is believed. */
export function readManagers(object: Readonly<KubeObject>): readonly Manager[] | undefined {
  const entries = object.metadata.managedFields ?? [];
  if (!Array.isArray(entries)) return undefined;
  const managers = entries.map(readManager).filter((manager) => manager !== undefined);
  return managers.length === entries.length ? managers : undefined;
}

function readManager(entry: Json): Manager | undefined {
  if (!isObject(entry)) return undefined;
  const { manager, operation, apiVersion, time, fieldsType, fieldsV1, subresource } = entry;
  const fields = fromFieldsV1(fieldsV1);
  if (operation !== 'Apply' && operation !== 'Update') return undefined;
  if (typeof manager !== 'string' || typeof apiVersion !== 'string' || fieldsType !== 'FieldsV1' || fields === undefined) return undefined;
  const name = typeof subresource === 'string' ? subresource : '';
  return { name: manager, operation, apiVersion, subresource: name, fields, ...(typeof time === 'string' && { time }) };
}

/** The object with these managers; whoever manages nothing is left out. */
export function withManagers(object: Readonly<KubeObject>, managers: readonly Manager[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  const entries = managers
    .filter(({ fields }) => fields.size > 0)
    .sort(byOperationAndTime)
    .map(writeManager);
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}

function writeManager({ name, operation, apiVersion, time, fields, subresource }: Manager): JsonObject {
  return {
    manager: name,
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(fields),
    ...(subresource !== '' && { subresource }),
  };
}

function byOperationAndTime(a: Manager, b: Manager): number {
  const rank = ({ operation, time, name, apiVersion, subresource }: Manager): string =>
    [operation, time ?? '', name, apiVersion, subresource].join('\0');
  return rank(a) < rank(b) ? -1 : 1;
}

const untracked: FieldSet = new Set([
  'f:apiVersion',
  'f:kind',
  'f:metadata',
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map(
    (name) => `f:metadata\0f:${name}`,
  ),
]);

/** What is worth tracking of a write through this subresource: not the server's own fields, and of status and the rest only the one that it may change. */
export function tracked(fields: FieldSet, subresource: string, hasStatus: boolean): FieldSet {
  const isTracked = (path: Path): boolean => {
    if (untracked.has(path) || isWithin(path, 'f:metadata\0f:managedFields')) return false;
    const isStatus = isWithin(path, 'f:status');
    return subresource === 'status' ? isStatus : !(isStatus && hasStatus);
  };
  return new Set([...fields].filter(isTracked));
}

/** Who owned what before anybody was tracked. */
export const beforeFirstApply = 'before-first-apply';
