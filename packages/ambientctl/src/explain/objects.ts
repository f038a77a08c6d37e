// Kubernetes objects by table, from a cluster or from files, and changes on top of them.
// Used by commands/explain.ts. What objects mean is mesh-of.ts's affair.
import { readFileSync } from 'node:fs';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { type RawObjects, type Table, tables } from '@ambient-mesh/translate/explain/mesh-of';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import { parseAllDocuments } from 'yaml';
import { failure } from '../failure.ts';

type Mutable = { -readonly [K in Table]?: unknown[] };

/** Everything that the mesh reads; kinds that the cluster does not know count as none. @throws what the client throws */
export async function objectsOf(client: KubeClient, signal: AbortSignal): Promise<RawObjects> {
  const found: Mutable = {};
  await Promise.all(
    tables.map(async (table) => {
      try {
        const kind = { ...allKinds[table], narrow: (raw: unknown) => raw };
        found[table] = [...(await client.list(kind, {}, { signal })).items];
      } catch (e) {
        if (statusOf(e) !== 404) throw e;
      }
    }),
  );
  return found;
}

/** YAML or JSON, any number of documents, lists among them; kinds that the mesh does not read are passed over. @throws MeshError with a sentence */
export function objectsIn(files: readonly string[]): RawObjects {
  const found: Mutable = {};
  for (const file of files)
    for (const document of documentsOf(file)) {
      const table = tableOf(document);
      if (table !== undefined) found[table] = [...(found[table] ?? []), document];
    }
  return found;
}

/** `changes` take the place of objects of the same kind and name, or are new. */
export function withChanges(objects: RawObjects, changes: RawObjects): RawObjects {
  const merged: Mutable = {};
  for (const table of tables) {
    const changed = changes[table] ?? [];
    const names = new Set(changed.map(keyOf));
    merged[table] = [...(objects[table] ?? []).filter((object) => !names.has(keyOf(object))), ...changed];
  }
  return merged;
}

function documentsOf(file: string): readonly unknown[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (e) {
    throw failure(`${file} cannot be read`, e);
  }
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [wrong] = document.errors;
    if (wrong !== undefined) throw failure(`${file} is not YAML: ${wrong.message.split('\n')[0]}`);
    const value: unknown = document.toJS();
    const items = recordOf(value).items;
    return Array.isArray(items) ? items : value === null ? [] : [value];
  });
}

function tableOf(object: unknown): Table | undefined {
  const { apiVersion, kind } = recordOf(object);
  const group = typeof apiVersion === 'string' && apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return tables.find((table) => allKinds[table].kind === kind && allKinds[table].group === group);
}

function keyOf(object: unknown): string {
  const { namespace, name } = recordOf(recordOf(object).metadata);
  return `${typeof namespace === 'string' ? namespace : 'default'}/${String(name)}`;
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
