// PATCH: the three classic types over what is there, and server-side apply, which also creates.
// The arithmetic is patch/ and apply/; what may be changed is replace.ts's.
import { serverSideApply } from '../apply/server-side-apply.ts';
import { type Cluster, keyOfTarget, type Target, timestamp } from '../cluster.ts';
import { isObject, type Json, type KubeObject } from '../patch/json.ts';
import { applyPatch, type PatchType } from '../patch/patch.ts';
import { applyConflict, badRequest, conflict, invalid, notFound } from '../status-error.ts';
import { conforming } from './conform.ts';
import { createApplied } from './create.ts';
import type { WriteOptions } from './options.ts';
import { replaceObject } from './replace.ts';

export const applyType = 'application/apply-patch+yaml';
export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
] as const;

export interface Patch {
  readonly type: PatchType | typeof applyType;
  readonly body: Json;
}

export interface Patched {
  readonly object: Readonly<KubeObject>;
  readonly isNew: boolean;
}

export function patchObject(cluster: Cluster, target: Target, { type, body }: Patch, options: WriteOptions): Patched {
  if (type === applyType) return applyObject(cluster, target, body, options);
  const { resource } = target;
  const current = cluster.store.get(resource.stored, keyOfTarget(target));
  if (current === undefined) throw notFound(resource, target.name);
  const proposed = applyPatch(type, resource.fromStored(current.object), body, resource);
  return { object: replaceObject(cluster, target, { current, proposed, by: 'patch' }, options), isNew: false };
}

function applyObject(cluster: Cluster, target: Target, body: Json, options: WriteOptions): Patched {
  const { resource, subresource } = target;
  const applied = readApplied(body, target);
  const current = cluster.store.get(resource.stored, keyOfTarget(target));
  const { resourceVersion, uid } = applied.metadata;
  if (resourceVersion !== undefined && resourceVersion !== current?.object.metadata.resourceVersion) throw conflict(resource, target.name);
  if (uid !== undefined && uid !== current?.object.metadata.uid)
    throw conflict(resource, target.name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
  if (current === undefined && subresource !== '') throw notFound(resource, target.name);
  const { manager, force } = options;
  const now = timestamp(cluster.clock);
  const before = current === undefined ? undefined : resource.fromStored(current.object);
  const structure = { structure: resource.schema, hasStatus: resource.hasStatus };
  const object = serverSideApply(before, applied, { manager, force, subresource, now, ...structure });
  if (isRefused(object)) throw applyConflict(object.conflicts);
  if (current === undefined) return { object: createApplied(cluster, target, object, options), isNew: true };
  return { object: replaceObject(cluster, target, { current, proposed: object, by: 'apply' }, options), isNew: false };
}

type Applied = ReturnType<typeof serverSideApply>;

const isRefused = (outcome: Applied): outcome is Exclude<Applied, KubeObject> => !('metadata' in outcome);

/** What the client applies must say what it is. */
function readApplied(body: Json, target: Target): KubeObject {
  if (!isObject(body) || body.apiVersion === undefined || body.kind === undefined)
    throw badRequest("Object 'Kind' is missing in the applied configuration, or it has no apiVersion");
  const applied = conforming(body, target);
  if (applied.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  return applied;
}

/** Apply needs a name to remember fields by. @throws StatusError 422 */
export function requireManager(query: URLSearchParams): void {
  if ((query.get('fieldManager') ?? '') !== '') return;
  const cause = { reason: 'FieldValueRequired', field: 'fieldManager', message: 'Required value: is required for apply patch' };
  throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [cause]);
}
