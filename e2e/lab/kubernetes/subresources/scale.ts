// `/scale`: the number of replicas of a Deployment, ReplicaSet, StatefulSet or custom kind, as an autoscaling/v1 Scale.
// Called by serve/ for GET, PUT and PATCH. Where the numbers are is said by the kind.
import { type Cluster, keyOfTarget, type Target } from '../cluster.ts';
import { numberAt, textAt, valueAt } from '../object.ts';
import { isObject, type Json, type KubeObject } from '../patch/json.ts';
import type { ScalePaths } from '../served-kind.ts';
import { badRequest, invalid, notFound, resourceNotServed } from '../status-error.ts';
import type { Stored } from '../store/stored.ts';
import { selectorText } from '../tables/cells.ts';
import type { WriteOptions } from '../write/options.ts';
import { replaceObject } from '../write/replace.ts';

export function readScale(cluster: Cluster, target: Target): KubeObject {
  return scaleOf(currentOf(cluster, target), target, pathsOf(target));
}

/** @param change makes the new Scale of the present one. */
export function writeScale(cluster: Cluster, target: Target, change: (scale: KubeObject) => Json, options: WriteOptions): KubeObject {
  const paths = pathsOf(target);
  const current = currentOf(cluster, target);
  const wanted = change(scaleOf(current, target, paths));
  const replicas = numberAt(wanted, 'spec', 'replicas') ?? 0;
  if (!Number.isSafeInteger(replicas)) throw badRequest('spec.replicas must be a whole number');
  if (replicas < 0) {
    const message = `Invalid value: ${replicas}: must be greater than or equal to 0`;
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, target.name, [{ reason: 'FieldValueInvalid', field: 'spec.replicas', message }]);
  }
  const proposed = structuredClone<Json>(target.resource.fromStored(current.object) as KubeObject);
  setAt(proposed, stepsOf(paths.specReplicasPath), replicas);
  const resourceVersion = textAt(wanted, 'metadata', 'resourceVersion');
  if (isObject(proposed) && isObject(proposed.metadata) && resourceVersion !== undefined)
    proposed.metadata.resourceVersion = resourceVersion;
  const written = replaceObject(cluster, { ...target, subresource: 'scale' }, { current, proposed, by: 'patch' }, options);
  return scaleFrom(written, target, paths);
}

function pathsOf({ resource }: Target): ScalePaths {
  if (resource.scale === undefined) throw resourceNotServed();
  return resource.scale;
}

function currentOf({ store }: Cluster, target: Target): Stored {
  const stored = store.get(target.resource.stored, keyOfTarget(target));
  if (stored === undefined) throw notFound(target.resource, target.name);
  return stored;
}

const stepsOf = (path: string): readonly string[] => path.split('.').slice(1);

const scaleOf = ({ object }: Stored, target: Target, paths: ScalePaths): KubeObject =>
  scaleFrom(target.resource.fromStored(object), target, paths);

function scaleFrom(object: Readonly<KubeObject>, { resource }: Target, paths: ScalePaths): KubeObject {
  const { name = '', namespace = '', uid = '', resourceVersion = '', creationTimestamp = '' } = object.metadata;
  const selector = resource.isBuiltin
    ? selectorText(valueAt(object.spec, 'selector'))
    : textAt(object, ...stepsOf(paths.labelSelectorPath ?? '.'));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: numberAt(object, ...stepsOf(paths.specReplicasPath)) ?? 0 },
    status: {
      replicas: numberAt(object, ...stepsOf(paths.statusReplicasPath)) ?? 0,
      ...(selector === undefined ? {} : { selector }),
    },
  };
}

function setAt(object: Json, path: readonly string[], value: Json): void {
  const [key = '', ...rest] = path;
  if (!isObject(object)) return;
  if (rest.length === 0) {
    object[key] = value;
    return;
  }
  object[key] ??= {};
  setAt(object[key], rest, value);
}
