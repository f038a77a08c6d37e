// Completes a schema with what every object has without saying it: apiVersion, kind and metadata, at the root and in embedded resources.
// Used for built-in kinds by builtin.ts and for custom ones by crd/served.ts, once per kind: whoever validates need not think of it.
import { objectMeta } from './builtin-meta.ts';
import { string } from './notation.ts';
import type { OpenApiSchema } from './open-api.ts';

/** The schema's own words about `metadata` may narrow name and generateName, nothing else, as in Kubernetes. */
export function withRootFields(schema: OpenApiSchema): OpenApiSchema {
  const declared = schema.properties?.metadata?.properties ?? {};
  const narrowed = Object.fromEntries(['name', 'generateName'].map((key) => [key, { ...string, ...declared[key] }]));
  const metadata: OpenApiSchema = { ...objectMeta, properties: { ...objectMeta.properties, ...narrowed } };
  return {
    ...withEmbedded(schema),
    properties: { apiVersion: string, kind: string, ...withEmbedded(schema).properties, metadata },
  };
}

function withEmbedded(schema: OpenApiSchema): OpenApiSchema {
  const completed = (child: OpenApiSchema): OpenApiSchema =>
    child['x-kubernetes-embedded-resource'] === true ? withRootFields(child) : withEmbedded(child);
  return {
    ...schema,
    ...(schema.properties && {
      properties: Object.fromEntries(Object.entries(schema.properties).map(([key, child]) => [key, completed(child)])),
    }),
    ...(schema.items && { items: completed(schema.items) }),
    ...(typeof schema.additionalProperties === 'object' && { additionalProperties: completed(schema.additionalProperties) }),
  };
}
