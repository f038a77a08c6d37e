// All objects that an analysis looks at, as they are written: from a cluster, from files, or files over a cluster.
// Made by commands/analyze.ts and commands/check.ts; given a meaning by world.ts.
import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import { apiVersionOf, type Kind } from '@ambient-mesh/kube/kind';
import { isObject, objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import { documentsOf } from '../explain/objects.ts';
import { failure } from '../failure.ts';
import { networkPolicyKind, sidecarKind } from './other-kinds.ts';

/** By `idOf`: a later object of the same name takes the place of an earlier one. */
export type Manifest = Map<string, RawObject>;

type Readable = Omit<Kind<unknown>, 'narrow'>;
const kindsRead: readonly Readable[] = [...Object.values(allKinds), networkPolicyKind, sidecarKind];

export const groupOf = ({ apiVersion }: RawObject): string => {
  const text = textOf(apiVersion);
  return text.includes('/') ? text.slice(0, text.indexOf('/')) : '';
};

/** A later object takes the place of an earlier one of its name. */
export function addObject(manifest: Manifest, object: RawObject): void {
  const { namespace, name } = objectOf(object.metadata);
  manifest.set(`${groupOf(object)}/${textOf(object.kind)} ${textOf(namespace)}/${textOf(name)}`, object);
}

/** Kinds that the cluster does not know count as none. @throws what the client throws */
export async function liveManifest(client: KubeClient, signal: AbortSignal): Promise<Manifest> {
  const manifest: Manifest = new Map();
  const lists = kindsRead.map(async (kind) => {
    const typed = { apiVersion: apiVersionOf({ ...kind, narrow: () => undefined }), kind: kind.kind };
    const narrow = (raw: unknown): RawObject => ({ ...objectOf(raw), ...typed });
    try {
      return (await client.list({ ...kind, narrow }, {}, { signal })).items;
    } catch (e) {
      if (statusOf(e) !== 404) throw e;
      return [];
    }
  });
  for (const items of await Promise.all(lists)) for (const item of items) addObject(manifest, item);
  return manifest;
}

/**
 * Adds what files say. Folders stand for their files of YAML and JSON, those below them too if `recursive`.
 * @param namespace of objects that name none
 * @throws MeshError with a sentence
 */
export function addFiles(manifest: Manifest, paths: readonly string[], { recursive, namespace }: FileOptions): void {
  for (const path of paths.flatMap((each) => filesAt(each, recursive)))
    for (const document of documentsOf(path)) if (isObject(document)) addObject(manifest, placed(document, namespace));
}

export interface FileOptions {
  readonly recursive: boolean;
  readonly namespace: string;
}

const outside: ReadonlySet<string> = new Set([
  'Namespace',
  'Node',
  'GatewayClass',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
]);

function placed(object: RawObject, namespace: string): RawObject {
  const metadata = objectOf(object.metadata);
  if (outside.has(textOf(object.kind)) || textOf(metadata.namespace) !== '') return object;
  return { ...object, metadata: { ...metadata, namespace } };
}

const readable: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);

function filesAt(path: string, recursive: boolean): readonly string[] {
  try {
    // `-`, and pipes: whatever can be read.
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { withFileTypes: true })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const inside = join(path, entry.name);
        if (entry.isDirectory()) return recursive ? filesAt(inside, recursive) : [];
        return readable.has(extname(entry.name)) ? [inside] : [];
      });
  } catch (e) {
    throw failure(`${path} cannot be read`, e);
  }
}
