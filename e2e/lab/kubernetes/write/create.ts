// Creates an object: from a POST, or from a server-side apply of what is not there yet.
// Called by serve/ with the body as the client sent it.
import { randomInt, randomUUID } from 'node:crypto';
import { type Cluster, keyOfTarget, type Target, timestamp } from '../cluster.ts';
import { strategyOf } from '../kinds/strategies.ts';
import { mapAt, textAt } from '../object.ts';
import type { Json, KubeObject } from '../patch/json.ts';
import { alreadyExists, forbidden, invalid, notFound, StatusError } from '../status-error.ts';
import { admitted, tracked } from './admit.ts';
import { conforming } from './conform.ts';
import type { WriteOptions } from './options.ts';
import { persist } from './persist.ts';

/** Without vowels and look-alikes, as names that the API server makes. */
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
/** Generated names are cut so that the suffix fits into a DNS label. */
const maxGenerateName = 63 - suffixLength;

export function createObject(cluster: Cluster, target: Target, body: Json, options: WriteOptions): Readonly<KubeObject> {
  const fresh = conforming(body, target);
  if (fresh.metadata.resourceVersion !== undefined)
    throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
  nameIt(cluster, target, fresh);
  return store(cluster, target, fresh, { options, applied: false });
}

/** `merged` carries its managedFields already. */
export function createApplied(cluster: Cluster, target: Target, merged: KubeObject, options: WriteOptions): Readonly<KubeObject> {
  return store(cluster, target, conforming(merged, target), { options, applied: true });
}

function store(
  cluster: Cluster,
  target: Target,
  fresh: KubeObject,
  { options, applied }: { readonly options: WriteOptions; readonly applied: boolean },
): Readonly<KubeObject> {
  const { resource } = target;
  const here = { ...target, name: fresh.metadata.name ?? '' };
  admitNamespace(cluster, here);
  const { metadata } = fresh;
  for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation']) delete metadata[field];
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(cluster.clock);
  if (resource.hasGeneration) metadata.generation = 1;
  const strategy = strategyOf(resource.stored);
  if (resource.hasStatus && strategy.statusOnCreate !== true) delete fresh.status;
  strategy.read?.(fresh);
  const object = admitted(resource, fresh, undefined, options);
  // What the server adds from here on is nobody's: it has no field manager.
  if (!applied) tracked(object, undefined, { cluster, resource, subresource: '', manager: options.manager });
  if (resource.hasStatus && resource.isBuiltin) object.status ??= {};
  strategy.create?.(object, cluster);
  if (cluster.store.get(resource.stored, keyOfTarget(here)) !== undefined) throw alreadyExists(resource, here.name);
  return persist(cluster, resource, object, options);
}

function nameIt({ store }: Cluster, target: Target, { metadata }: KubeObject): void {
  if (metadata.name !== undefined) return;
  const prefix = metadata.generateName?.slice(0, maxGenerateName);
  if (prefix === undefined) {
    const cause = { reason: 'FieldValueRequired', field: 'metadata.name', message: 'Required value: name or generateName is required' };
    throw invalid(target.resource, '', [cause]);
  }
  do {
    const suffix = Array.from({ length: suffixLength }, () => nameAlphabet[randomInt(nameAlphabet.length)]);
    metadata.name = prefix + suffix.join('');
  } while (store.get(target.resource.stored, keyOfTarget({ ...target, name: metadata.name })) !== undefined);
}

/** Objects are created in namespaces that exist and shall go on existing. */
function admitNamespace({ store }: Cluster, { resource, namespace, name }: Target): void {
  if (!resource.namespaced) return;
  const home = store.get('namespaces', namespace)?.object;
  if (home === undefined) throw notFound({ group: '', plural: 'namespaces' }, namespace);
  if (textAt(mapAt(home.status), 'phase') === 'Terminating')
    throw forbidden(resource, name, `unable to create new content in namespace ${namespace} because it is being terminated`);
}
