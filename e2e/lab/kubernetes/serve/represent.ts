// Writes objects, lists and watch events as JSON in the form that a client asked for.
// Objects in their storage version are copied as text that the store made once; the rest is made anew.

import type { Clock } from '@ambient-mesh/runtime/time';
import type { Resource } from '../kinds/registry.ts';
import type { Json, JsonObject, KubeObject } from '../patch/json.ts';
import type { Page } from '../read/list.ts';
import { apiVersionOf } from '../served-kind.ts';
import type { Stored } from '../store/stored.ts';
import { columnsOf, rowOf } from '../tables/table.ts';
import type { Form } from './accept.ts';

export interface Representation {
  readonly resource: Resource;
  readonly form: Form;
  /** What a table's rows carry of their objects. */
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  readonly clock: Pick<Clock, 'now'>;
}

export function objectText(object: Readonly<KubeObject>, as: Representation): string {
  switch (as.form) {
    case 'object':
      return JSON.stringify(object);
    case 'metadata':
      return JSON.stringify(metadataOf(object));
    case 'table':
      return tableText([object], as, { resourceVersion: object.metadata.resourceVersion ?? '' });
    default:
      throw as.form satisfies never;
  }
}

export function listText({ items, revision, continueToken, remaining }: Page, as: Representation): string {
  const { resource, form } = as;
  const meta: JsonObject = {
    resourceVersion: String(revision),
    ...(continueToken === undefined ? {} : { continue: continueToken }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
  if (form === 'table')
    return tableText(
      items.map(({ object }) => resource.fromStored(object)),
      as,
      meta,
    );
  const [kind, apiVersion] =
    form === 'metadata' ? ['PartialObjectMetadataList', 'meta.k8s.io/v1'] : [`${resource.kind}List`, apiVersionOf(resource)];
  const head = JSON.stringify({ kind, apiVersion, metadata: meta }).slice(0, -1);
  return `${head},"items":[${items.map((item) => itemText(item, as)).join(',')}]}`;
}

/** Items of built-in kinds leave out what the list says; those of custom kinds repeat it. As in the real API. */
function itemText(item: Stored, { resource, form }: Representation): string {
  if (form === 'metadata') return JSON.stringify(metadataOf(resource.fromStored(item.object)));
  if (isAsStored(item, resource)) return resource.isBuiltin ? item.itemText : item.text;
  const { kind, apiVersion, ...rest } = resource.fromStored(item.object);
  return JSON.stringify(resource.isBuiltin ? rest : { kind, apiVersion, ...rest });
}

/** @param isFirst of its watch: only then do columns go along with a table's row. */
export function eventText(type: string, item: Stored, as: Representation, isFirst: boolean): string {
  const { resource, form } = as;
  if (form === 'object' && isAsStored(item, resource)) return `{"type":"${type}","object":${item.text}}\n`;
  const object = resource.fromStored(item.object);
  const meta = { resourceVersion: String(item.revision) };
  const text = form === 'table' ? tableText([object], as, meta, isFirst) : objectText(object, as);
  return `{"type":"${type}","object":${text}}\n`;
}

export function bookmarkText(revision: number, endOfInitialEvents: boolean, { resource, form }: Representation): string {
  const annotations = endOfInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...annotations };
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
  const object = {
    object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata },
    metadata: partial,
    table: {
      ...tableHead,
      metadata: { resourceVersion: String(revision) },
      columnDefinitions: null,
      rows: [{ cells: [], object: partial }],
    },
  }[form];
  return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
}

const tableHead = { kind: 'Table', apiVersion: 'meta.k8s.io/v1' } as const;

function tableText(objects: readonly Readonly<KubeObject>[], as: Representation, metadata: JsonObject, withColumns = true): string {
  const now = as.clock.now();
  const rows = objects.map((object) => ({
    cells: [...rowOf(as.resource, object, now)],
    ...(as.includeObject === 'None' ? {} : { object: as.includeObject === 'Object' ? object : metadataOf(object) }),
  }));
  return JSON.stringify({ ...tableHead, metadata, columnDefinitions: withColumns ? columnsOf(as.resource) : null, rows });
}

const metadataOf = ({ metadata }: Readonly<KubeObject>): JsonObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata: metadata as Json,
});

const isAsStored = ({ object }: Stored, resource: Resource): boolean => object.apiVersion === apiVersionOf(resource);
