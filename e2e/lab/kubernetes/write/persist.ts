// The last step of every write: stores the object in its storage version, or removes it when nothing keeps it any longer.
// A dry run stops right before.
import type { Cluster } from '../cluster.ts';
import { crdResource, type Resource } from '../kinds/registry.ts';
import { keyOf, listAt, mapAt, textAt } from '../object.ts';
import type { KubeObject } from '../patch/json.ts';

/** @returns the object as the client shall see it, in the version that it asked for. */
export function persist(
  cluster: Cluster,
  resource: Resource,
  object: KubeObject,
  { dryRun }: { readonly dryRun: boolean },
): Readonly<KubeObject> {
  if (dryRun) return object;
  const stored = resource.toStored(object);
  const { store } = cluster;
  if (isFinished(stored) && store.get(resource.stored, keyOf(stored)) !== undefined)
    return resource.fromStored(removeNow(cluster, resource, stored) ?? stored);
  return resource.fromStored(store.put(resource.stored, stored).object);
}

/** Deletion was asked for, its grace is over, and no finalizer is left. */
export function isFinished({ metadata, kind, spec }: Readonly<KubeObject>): boolean {
  if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return false;
  if (kind === 'Namespace' && listAt(spec, 'finalizers').length > 0) return false;
  return (metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

/** Without a definition there are no objects of its kind: they go first. */
export function removeNow({ store }: Cluster, resource: Resource, last: Readonly<KubeObject>): Readonly<KubeObject> | undefined {
  if (resource.stored === crdResource) {
    const plural = textAt(mapAt(mapAt(last.spec).names), 'plural') ?? '';
    const custom = `${plural}.${textAt(last.spec, 'group') ?? ''}`;
    for (const { key } of store.list(custom)) store.remove(custom, key);
  }
  return store.remove(resource.stored, keyOf(last), last)?.object;
}
