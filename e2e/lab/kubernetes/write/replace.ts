// Replaces an object, or one subresource of it, by what a PUT, a patch or an apply made of it.
// The client decides the specification; uid, times, generation and the other half (status or specification) stay the server's.
import type { Cluster, Target } from '../cluster.ts';
import type { Resource } from '../kinds/registry.ts';
import { strategyOf } from '../kinds/strategies.ts';
import { equal, type Json, type KubeObject } from '../patch/json.ts';
import { conflict, invalid } from '../status-error.ts';
import type { Stored } from '../store/stored.ts';
import { admitted, tracked } from './admit.ts';
import { conforming } from './conform.ts';
import type { WriteOptions } from './options.ts';
import { persist } from './persist.ts';

export interface Replacement {
  readonly current: Stored;
  /** In the version of the target; may share parts with `current`. */
  readonly proposed: Json;
  /** An apply has written managedFields already; a PUT is bound to the uid that it names, and for custom kinds must name a version. */
  readonly by: 'put' | 'patch' | 'apply';
}

export function replaceObject(cluster: Cluster, target: Target, change: Replacement, options: WriteOptions): Readonly<KubeObject> {
  const { resource, subresource } = target;
  const before = resource.fromStored(change.current.object);
  const sent = conforming(structuredClone(change.proposed), target);
  checkVersion(target, before, sent, change.by);
  keepMetadata(before, sent);
  strategyOf(resource.stored).read?.(sent);
  const next = subresource === 'status' ? withStatusOf(before, sent, resource.isBuiltin) : sent;
  if (subresource !== 'status') {
    if (resource.hasStatus) keepField(next, before, 'status');
    strategyOf(resource.stored).replace?.(next, before, cluster);
  }
  checkFinalizers(target, before, next);
  const object = admitted(resource, next, before, options);
  if (resource.hasGeneration && !equal(specificationOf(object, resource), specificationOf(before, resource)))
    object.metadata.generation = (before.metadata.generation ?? 0) + 1;
  if (change.by !== 'apply') tracked(object, before, { cluster, resource, subresource, manager: options.manager });
  if (equal(timeless(object), timeless(before))) return before;
  return persist(cluster, resource, object, options);
}

function checkVersion({ resource, name }: Target, before: Readonly<KubeObject>, { metadata }: KubeObject, by: Replacement['by']): void {
  const { resourceVersion, uid } = metadata;
  if (by === 'put' && !resource.isBuiltin && resourceVersion === undefined) {
    const message = 'Invalid value: 0x0: must be specified for an update';
    throw invalid(resource, name, [{ reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message }]);
  }
  if (uid !== undefined && uid !== before.metadata.uid && by !== 'put') {
    const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
    throw invalid(resource, name, [{ reason: 'FieldValueInvalid', field: 'metadata.uid', message }]);
  }
  if (uid !== undefined && uid !== before.metadata.uid)
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`);
  if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) throw conflict(resource, name);
}

const serversFields = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

function keepMetadata({ metadata: before }: Readonly<KubeObject>, { metadata: next }: KubeObject): void {
  for (const field of serversFields) {
    const value: Json | undefined = before[field];
    if (value === undefined) delete next[field];
    else Object.assign(next, { [field]: value });
  }
  if (next.managedFields === undefined && before.managedFields !== undefined) next.managedFields = structuredClone(before.managedFields);
}

/** Built-in kinds take labels and annotations through `/status` too; custom kinds take nothing but the status. */
function withStatusOf(before: Readonly<KubeObject>, sent: KubeObject, isBuiltin: boolean): KubeObject {
  const next: KubeObject = structuredClone({ ...before });
  keepField(next, sent, 'status');
  for (const field of ['managedFields', ...(isBuiltin ? ['labels', 'annotations'] : [])]) {
    const value = sent.metadata[field];
    if (value === undefined) delete next.metadata[field];
    else next.metadata[field] = value;
  }
  return next;
}

function keepField(next: KubeObject, from: Readonly<KubeObject>, field: string): void {
  const value = from[field];
  if (value === undefined) delete next[field];
  else next[field] = structuredClone(value);
}

function checkFinalizers({ resource, name }: Target, before: Readonly<KubeObject>, { metadata }: KubeObject): void {
  if (before.metadata.deletionTimestamp === undefined) return;
  const added = (metadata.finalizers ?? []).filter((each) => !(before.metadata.finalizers ?? []).includes(each));
  if (added.length === 0) return;
  const list = added.map((each) => JSON.stringify(each)).join(', ');
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
  throw invalid(resource, name, [{ reason: 'FieldValueForbidden', field: 'metadata.finalizers', message }]);
}

/** What metadata.generation counts the changes of. Deployments count annotations too: they go into the ReplicaSets. */
function specificationOf(object: Readonly<KubeObject>, { stored, hasStatus }: Resource): Json {
  const { apiVersion: _version, kind: _kind, metadata, status, ...rest } = object;
  return {
    ...rest,
    ...(hasStatus || status === undefined ? {} : { status }),
    ...(stored === 'deployments.apps' ? { annotations: metadata.annotations ?? {} } : {}),
  };
}

/** A write that changes nothing but the time of somebody's last write is none. */
function timeless(object: Readonly<KubeObject>): Json {
  const { managedFields = [], ...metadata } = object.metadata;
  const fields = managedFields.map((entry) => (typeof entry === 'object' && entry !== null ? { ...entry, time: null } : entry));
  return { ...object, metadata: { ...metadata, managedFields: fields } };
}
