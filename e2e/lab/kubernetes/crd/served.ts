// A CustomResourceDefinition as the kinds that it serves, one per served version; versions differ in nothing but their name and schema.
// Called by the server when one is written (throws what is wrong with it) and when the kinds in force are gathered.
import { listAt, mapAt, textAt } from '../object.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from '../patch/json.ts';
import type { OpenApiSchema } from '../schema/open-api.ts';
import { withRootFields } from '../schema/root.ts';
import type { PrinterColumn, ScalePaths, ServedKind } from '../served-kind.ts';
import { invalid } from '../status-error.ts';
import { definitionErrors } from './definition.ts';

/** @throws StatusError 422 when the definition cannot be served: wrong names, no single storage version, a schema that is not structural. */
export function servedKinds(definition: Readonly<KubeObject>): ServedKind[] {
  const errors = definitionErrors(definition);
  if (errors.length > 0) {
    const causes = errors.map(({ path, type, message }) => ({ field: path, reason: type, message }));
    throw invalid({ group: 'apiextensions.k8s.io', kind: 'CustomResourceDefinition' }, definition.metadata.name ?? '', causes);
  }
  const served = listAt(definition.spec, 'versions')
    .map((version) => mapAt(version))
    .filter(({ served }) => served === true);
  return served.map((version) => ({ ...common(definition), ...ofVersion(version) }));
}

type Common = Pick<ServedKind, 'group' | 'kind' | 'plural' | 'singular' | 'shortNames' | 'categories' | 'namespaced'>;

function common({ spec }: Readonly<KubeObject>): Common {
  const names = mapAt(spec, 'names');
  const kind = textAt(names, 'kind') ?? '';
  return {
    group: textAt(spec, 'group') ?? '',
    kind,
    plural: textAt(names, 'plural') ?? '',
    singular: textAt(names, 'singular') ?? kind.toLowerCase(),
    shortNames: texts(names, 'shortNames'),
    categories: texts(names, 'categories'),
    namespaced: textAt(spec, 'scope') === 'Namespaced',
  };
}

function ofVersion(version: Readonly<JsonObject>): Omit<ServedKind, keyof Common> {
  const schema: OpenApiSchema = mapAt(version, 'schema', 'openAPIV3Schema');
  const scale = scaleOf(mapAt(version, 'subresources', 'scale'));
  return {
    version: textAt(version, 'name') ?? '',
    schema: withRootFields(schema),
    hasStatus: isObject(mapAt(version, 'subresources').status),
    ...(scale && { scale }),
    printerColumns: listAt(version, 'additionalPrinterColumns').filter(isColumn),
    storage: version.storage === true,
  };
}

const texts = (parent: Json, key: string): string[] => listAt(parent, key).filter((each) => typeof each === 'string');

const isColumn = (column: Json): column is JsonObject & PrinterColumn =>
  ['name', 'type', 'jsonPath'].every((key) => textAt(column, key) !== undefined);

function scaleOf(scale: Readonly<JsonObject>): ScalePaths | undefined {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  if (typeof specReplicasPath !== 'string' || typeof statusReplicasPath !== 'string') return undefined;
  return { specReplicasPath, statusReplicasPath, ...(typeof labelSelectorPath === 'string' && { labelSelectorPath }) };
}
