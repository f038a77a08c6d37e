// What the handlers share: whether a request is allowed, and its answer in the form that the client asked for.
// Used by resources.ts, patches.ts, deletions.ts and subresources.ts.
import type { Target } from '../cluster.ts';
import type { Resource } from '../kinds/registry.ts';
import type { KubeObject } from '../patch/json.ts';
import { resourceName } from '../served-kind.ts';
import { forbidden } from '../status-error.ts';
import { readWriteOptions, type WriteOptions } from '../write/options.ts';
import { formOf } from './accept.ts';
import type { ApiRequest, Reply } from './context.ts';
import { objectText, type Representation } from './represent.ts';

/** @throws StatusError 403 when the test's hook says so. */
export function authorize({ server, user }: ApiRequest, { resource, namespace, name, subresource }: Target, verb: string): void {
  const suffix = subresource === '' ? '' : `/${subresource}`;
  if (!server.faults.forbid(verb, resourceName(resource) + suffix, user, namespace)) return;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const what = `resource "${resource.plural}${suffix}" in API group "${resource.group}" ${where}`;
  throw forbidden(resource, name, `User "${user.name}" cannot ${verb} ${what}`);
}

export function representation({ incoming, query, server }: ApiRequest, resource: Resource): Representation {
  const include = query.get('includeObject');
  return {
    resource,
    form: formOf(incoming.headers.accept),
    includeObject: include === 'None' || include === 'Object' ? include : 'Metadata',
    clock: server.clock,
  };
}

/** The object in the form that the client asked for. */
export function answer(
  request: ApiRequest,
  { resource }: Target,
  object: Readonly<KubeObject>,
  status = 200,
  options?: WriteOptions,
): Reply {
  const body = objectText(object, representation(request, resource));
  return { status, body, ...(options === undefined ? {} : { warnings: options.warnings }) };
}

export const writeOptions = ({ query, incoming }: ApiRequest, kind: string): WriteOptions =>
  readWriteOptions(query, incoming.headers['user-agent'] ?? '', kind);
