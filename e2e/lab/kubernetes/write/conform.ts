// Whether the object in a request's body fits the request's path: kind, version, name, namespace.
// Called first by every write; what is inside is admission's affair (admit.ts).
import type { Target } from '../cluster.ts';
import { isObject, type Json, type KubeObject } from '../patch/json.ts';
import { apiVersionOf } from '../served-kind.ts';
import { badRequest } from '../status-error.ts';

/** The body as an object of the target's kind, metadata always there. A body may leave out what the path says. */
export function conforming(body: Json | undefined, target: Target): KubeObject {
  const { resource, namespace, name } = target;
  const apiVersion = apiVersionOf(resource);
  if (!isObject(body)) throw badRequest(`the object provided is unrecognized (must be of type ${resource.kind})`);
  if (body.apiVersion !== undefined && body.apiVersion !== apiVersion)
    throw badRequest(`the API version in the data (${String(body.apiVersion)}) does not match the expected API version (${apiVersion})`);
  if (body.kind !== undefined && body.kind !== resource.kind)
    throw badRequest(`the kind in the data (${String(body.kind)}) does not match the expected kind (${resource.kind})`);
  const given = body.metadata ?? {};
  if (!isObject(given)) throw badRequest(`the object provided has no usable metadata (must be of type ${resource.kind})`);
  const metadata: KubeObject['metadata'] = { ...given };
  for (const field of ['name', 'namespace', 'generateName', 'uid', 'resourceVersion'] as const) {
    const value: Json | undefined = given[field];
    if (value === null || value === '') delete metadata[field];
    else if (value !== undefined && typeof value !== 'string') throw badRequest(`metadata.${field} must be a string`);
  }
  if (name !== '' && (metadata.name ?? name) !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  if (metadata.namespace !== undefined && metadata.namespace !== namespace && resource.namespaced)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (name !== '') metadata.name = name;
  if (resource.namespaced) metadata.namespace = namespace;
  else delete metadata.namespace;
  return { ...body, apiVersion, kind: resource.kind, metadata };
}
