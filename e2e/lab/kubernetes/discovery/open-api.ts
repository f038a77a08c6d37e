// OpenAPI v3, one document per group and version: what `kubectl explain` shows, what makes kubectl leave validation to the server,
// and where it finds the merge keys of built-in kinds.
// Called by kube-api.ts for /openapi/v3. Says no more than clients look at.
import type { KindRegistry, Resource } from '../kinds/registry.ts';
import type { Json, JsonObject } from '../patch/json.ts';

/** `/openapi/v3` */
export function openApiIndex(kinds: KindRegistry): JsonObject {
  const paths = new Set([...kinds.all()].map(rootOf));
  return { paths: Object.fromEntries([...paths].map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }])) };
}

/** `/openapi/v3/apis/GROUP/VERSION`, without its first part; undefined when there is no such version. */
export function openApiDocument(kinds: KindRegistry, root: string): JsonObject | undefined {
  const resources = [...kinds.all()].filter((resource) => rootOf(resource) === root);
  if (resources.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: Object.fromEntries(resources.flatMap(pathsOf)),
    components: { schemas: Object.fromEntries(resources.map((resource) => [schemaName(resource), schemaOf(resource)])) },
  };
}

const rootOf = ({ group, version }: Resource): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);

/** `io.istio.networking.v1.Gateway` */
const schemaName = ({ group, version, kind }: Resource): string =>
  [...(group === '' ? ['io', 'k8s', 'api', 'core'] : group.split('.').reverse()), version, kind].join('.');

const identityOf = ({ group, version, kind }: Resource): JsonObject => ({ group, version, kind });

const schemaOf = (resource: Resource): JsonObject => ({
  ...(resource.schema as JsonObject),
  type: 'object',
  'x-kubernetes-group-version-kind': [identityOf(resource)],
});

const parameters: Json[] = ['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) => ({
  name,
  in: 'query',
  schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
}));

function pathsOf(resource: Resource): (readonly [string, Json])[] {
  if (resource.isReview) return [];
  const { namespaced, plural, isBuiltin } = resource;
  const collection = `/${rootOf(resource)}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  const body = { schema: { type: 'object' } };
  const patchTypes = ['json-patch+json', 'merge-patch+json', ...(isBuiltin ? ['strategic-merge-patch+json'] : []), 'apply-patch+yaml'];
  const operation = (action: string, types: readonly string[]): JsonObject => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': identityOf(resource),
    parameters,
    requestBody: { content: Object.fromEntries(types.map((type) => [type, body])) },
    responses: {
      200: { description: 'OK', content: { 'application/json': { schema: { $ref: `#/components/schemas/${schemaName(resource)}` } } } },
    },
  });
  const patchWith = patchTypes.map((type) => `application/${type}`);
  return [
    [collection, { post: operation('post', ['application/json']) }],
    [`${collection}/{name}`, { put: operation('put', ['application/json']), patch: operation('patch', patchWith) }],
  ];
}
