// Deletes: at once, or by marking the object until its finalizers and its grace period are over.
// Called by serve/ for single objects and for collections. Dependents are a garbage collector's affair; here only its finalizers are set.
import { type Cluster, keyOfTarget, type Target, timestamp } from '../cluster.ts';
import { podGracePeriod } from '../kinds/pod-defaults.ts';
import { listAt, mapAt, numberAt, textAt } from '../object.ts';
import { equal, isObject, type Json, type KubeObject } from '../patch/json.ts';
import { badRequest, conflict, invalid, notFound } from '../status-error.ts';
import { isFinished, removeNow } from './persist.ts';

export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly gracePeriodSeconds: number | undefined;
  readonly propagationPolicy: 'Orphan' | 'Background' | 'Foreground' | undefined;
  readonly preconditions: { readonly uid: string | undefined; readonly resourceVersion: string | undefined };
}

export interface Deletion {
  /** False: it is marked and waits for its finalizers or its grace period. */
  readonly isGone: boolean;
  readonly object: Readonly<KubeObject>;
}

/** From the body, which wins, and the query. */
export function readDeleteOptions(query: URLSearchParams, body: Json | undefined): DeleteOptions {
  if (body !== undefined && !isObject(body)) throw badRequest('the body of a deletion must be DeleteOptions');
  const grace = numberAt(body, 'gracePeriodSeconds') ?? numberOf(query.get('gracePeriodSeconds'));
  if (grace !== undefined && !Number.isSafeInteger(grace)) throw badRequest('gracePeriodSeconds must be a whole number');
  const orphan = mapAt(body).orphanDependents;
  const policy =
    textAt(body, 'propagationPolicy') ??
    query.get('propagationPolicy') ??
    (orphan === true ? 'Orphan' : orphan === false ? 'Background' : undefined);
  if (policy !== undefined && policy !== 'Orphan' && policy !== 'Background' && policy !== 'Foreground') {
    const message = `Unsupported value: ${JSON.stringify(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"`;
    const cause = { reason: 'FieldValueNotSupported', field: 'propagationPolicy', message };
    throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [cause]);
  }
  return {
    dryRun: listAt(body, 'dryRun').includes('All') || query.getAll('dryRun').includes('All'),
    // Like the real one: a negative grace period counts as the shortest.
    gracePeriodSeconds: grace === undefined ? undefined : grace < 0 ? 1 : grace,
    propagationPolicy: policy,
    preconditions: { uid: textAt(body, 'preconditions', 'uid'), resourceVersion: textAt(body, 'preconditions', 'resourceVersion') },
  };
}

const numberOf = (text: string | null): number | undefined => (text === null || text === '' ? undefined : Number(text));

export function deleteObject(cluster: Cluster, target: Target, options: DeleteOptions): Deletion {
  const { resource } = target;
  const stored = cluster.store.get(resource.stored, keyOfTarget(target));
  if (stored === undefined) throw notFound(resource, target.name);
  const current = stored.object;
  checkPreconditions(target, current, options);
  const finalizers = finalizersFor(options.propagationPolicy, current.metadata.finalizers ?? []);
  const marked = mark(cluster, target, { ...current, metadata: withFinalizers(current.metadata, finalizers) }, options);
  const isGone = isFinished(marked);
  if (options.dryRun) return { isGone, object: resource.fromStored(marked) };
  if (isGone) return { isGone, object: resource.fromStored(removeNow(cluster, resource, current) ?? current) };
  if (equal(marked, current)) return { isGone, object: resource.fromStored(current) };
  return { isGone, object: resource.fromStored(cluster.store.put(resource.stored, marked).object) };
}

function checkPreconditions({ resource, name }: Target, { metadata }: Readonly<KubeObject>, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions;
  if (uid !== undefined && uid !== metadata.uid)
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const versions = `ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`;
    throw conflict(resource, name, `Precondition failed: ${versions}`);
  }
}

/** The garbage collector waits for these; no wish of the client's leaves things as they are. */
function finalizersFor(policy: DeleteOptions['propagationPolicy'], had: readonly string[]): string[] {
  if (policy === undefined) return [...had];
  const others = had.filter((each) => each !== 'orphan' && each !== 'foregroundDeletion');
  if (policy === 'Background') return others;
  return [...others, policy === 'Orphan' ? 'orphan' : 'foregroundDeletion'];
}

function withFinalizers({ finalizers: _had, ...metadata }: KubeObject['metadata'], finalizers: string[]): KubeObject['metadata'] {
  return finalizers.length === 0 ? metadata : { ...metadata, finalizers };
}

/** Sets deletionTimestamp; a second deletion may only shorten what is left. */
function mark({ clock }: Cluster, { resource }: Target, object: KubeObject, { gracePeriodSeconds }: DeleteOptions): KubeObject {
  const { metadata } = object;
  const { generation } = metadata;
  const wanted = resource.stored === 'pods' ? podGracePeriod(object, gracePeriodSeconds) : 0;
  const isRepeated = metadata.deletionTimestamp !== undefined;
  const had = numberAt(metadata, 'deletionGracePeriodSeconds') ?? 0;
  const left = isRepeated ? Math.min(had, wanted) : wanted;
  const marked: KubeObject = {
    ...object,
    metadata: {
      ...metadata,
      ...(isRepeated && left === had ? {} : { deletionTimestamp: timestamp(clock, left) }),
      ...(resource.stored === 'namespaces' ? {} : { deletionGracePeriodSeconds: left }),
      ...(typeof generation === 'number' && !isRepeated ? { generation: generation + 1 } : {}),
    },
  };
  return resource.stored === 'namespaces' ? { ...marked, status: { ...mapAt(object.status), phase: 'Terminating' } } : marked;
}
