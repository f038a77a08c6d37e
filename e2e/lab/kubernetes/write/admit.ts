// Between the server and the two pure halves of admission: the schema (schema/validate.ts) and who manages which field (apply/).
// Turns their answers into refusals and warnings as clients know them.
import { trackUpdate } from '../apply/server-side-apply.ts';
import { type Cluster, timestamp } from '../cluster.ts';
import type { Resource } from '../kinds/registry.ts';
import type { KubeObject } from '../patch/json.ts';
import { admit } from '../schema/validate.ts';
import { invalid } from '../status-error.ts';
import type { WriteOptions } from './options.ts';

/** The object pruned and with its defaults. @throws StatusError 422 with every error, or 400 for unknown fields under Strict. */
export function admitted(
  resource: Resource,
  object: KubeObject,
  old: Readonly<KubeObject> | undefined,
  { fieldValidation, warnings }: WriteOptions,
): KubeObject {
  const answer = admit(resource.schema, object, old, { fieldValidation });
  if (answer.errors.length > 0) {
    const causes = answer.errors.map(({ path, type, message }) => ({ field: path, reason: type, message }));
    throw invalid(resource, object.metadata.name ?? '', causes);
  }
  warnings.push(...answer.warnings);
  return answer.object;
}

export interface Tracking {
  readonly cluster: Cluster;
  readonly resource: Resource;
  readonly subresource: string;
  readonly manager: string;
}

/** Writes metadata.managedFields of `object` for an update by `manager`. */
export function tracked(
  object: KubeObject,
  before: Readonly<KubeObject> | undefined,
  { cluster, resource, subresource, manager }: Tracking,
): void {
  const now = timestamp(cluster.clock);
  Object.assign(
    object,
    trackUpdate(before, object, { manager, subresource, now, structure: resource.schema, hasStatus: resource.hasStatus }),
  );
}
