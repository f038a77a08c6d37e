// Kubernetes objects by table, from a cluster or from files, and changes on top of them.
// Used by commands that ask what a mesh would do. What objects mean is translate's affair.
import { readFileSync } from 'node:fs';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { objectOf } from '@ambient-mesh/kube/raw';
import { type RawObjects, type Table, tables } from '@ambient-mesh/translate/explain/mesh-of';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import { parseAllDocuments } from 'yaml';
import { failure, usage } from '../failure.ts';

type Mutable = { -readonly [K in Table]?: unknown[] };

/**
 * Everything that the mesh reads; kinds that the cluster does not know count as none.
 * @throws what the client throws, MeshError `command.failed` when there is no mesh
 */
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
  if (tables.every((table) => found[table] === undefined || allKinds[table].group === '' || allKinds[table].group === 'discovery.k8s.io'))
    throw failure('nothing is installed: this cluster knows no kind of object that a mesh reads');
  return found;
}

/**
 * YAML or JSON, any number of documents, lists among them; kinds that the mesh does not read are passed over.
 * @param namespace of objects that say none, as in `kubectl apply`. @throws MeshError with a sentence
 */
export function objectsIn(files: readonly string[], namespace: string): RawObjects {
  const found: Mutable = {};
  for (const file of files)
    for (const document of documentsOf(file)) {
      const table = tableOf(document);
      if (table !== undefined) found[table] = [...(found[table] ?? []), placed(table, document, namespace)];
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

/** @param named each `kind/name` or `kind/namespace/name`, in any case. @throws MeshError with a sentence */
export function withoutObjects(objects: RawObjects, named: readonly string[], ownNamespace: string): RawObjects {
  const left: Mutable = {};
  for (const table of tables) left[table] = [...(objects[table] ?? [])];
  for (const text of named) {
    const [kind = '', ...path] = text.split('/');
    const table = tables.find((each) =>
      [allKinds[each].kind, allKinds[each].plural].some((word) => word.toLowerCase() === kind.toLowerCase()),
    );
    if (table === undefined || path.length < 1 || path.length > 2)
      throw usage(`${JSON.stringify(text)} names no object: write it as kind/name or kind/namespace/name`);
    const [name = '', namespace = ownNamespace] = path.toReversed();
    const key = `${allKinds[table].namespaced ? namespace : ''}/${name}`;
    const kept = left[table]?.filter((object) => keyOf(object) !== key) ?? [];
    if (kept.length === left[table]?.length) throw failure(`there is no ${allKinds[table].kind} ${key.replace(/^\//, '')} to be without`);
    left[table] = kept;
  }
  return left;
}

/** @throws MeshError with a sentence */
export function documentsOf(file: string): readonly unknown[] {
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
    const { items } = objectOf(value);
    if (Array.isArray(items)) return items;
    if (value === null) return [];
    if (typeof objectOf(value).kind !== 'string') throw failure(`${file} holds something that is no Kubernetes object: it has no kind`);
    return [value];
  });
}

function tableOf(object: unknown): Table | undefined {
  const { apiVersion, kind } = objectOf(object);
  const group = typeof apiVersion === 'string' && apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return tables.find((table) => allKinds[table].kind === kind && allKinds[table].group === group);
}

function placed(table: Table, object: unknown, namespace: string): unknown {
  const { metadata, ...rest } = objectOf(object);
  return allKinds[table].namespaced ? { ...rest, metadata: { namespace, ...objectOf(metadata) } } : object;
}

/** `namespace/name`; the namespace is empty for kinds that live outside of namespaces. */
function keyOf(object: unknown): string {
  const { namespace, name } = objectOf(objectOf(object).metadata);
  return `${typeof namespace === 'string' ? namespace : ''}/${String(name)}`;
}
