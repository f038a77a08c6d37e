// What is wrong with a CustomResourceDefinition, apart from the inside of its schemas (structural.ts).
// Called by served.ts.
import { listAt, mapAt, textAt } from '../object.ts';
import { equal, isObject, type Json, type KubeObject } from '../patch/json.ts';
import { type FieldError, invalid, required, unsupported } from '../schema/field-error.ts';
import { dnsLabel, dnsSubdomain } from '../schema/metadata.ts';
import { schemaErrors } from './structural.ts';

export function definitionErrors({ metadata, spec }: Readonly<KubeObject>): FieldError[] {
  return [...nameErrors(metadata.name ?? '', spec), ...versionErrors(listAt(spec, 'versions'))];
}

function nameErrors(name: string, spec: Json | undefined): FieldError[] {
  const names = mapAt(spec, 'names');
  const [group, scope, plural, kind] = [textAt(spec, 'group'), textAt(spec, 'scope'), textAt(names, 'plural'), textAt(names, 'kind')];
  const expected = `${plural}.${group}`;
  return [
    ...(name === expected ? [] : [invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group')]),
    ...judged('spec.group', group, dnsSubdomain),
    ...(group?.includes('.') === false ? [invalid('spec.group', group, 'should be a domain with at least one dot')] : []),
    ...(scope === 'Cluster' || scope === 'Namespaced' ? [] : [unsupported('spec.scope', scope ?? '', ['Cluster', 'Namespaced'])]),
    ...judged('spec.names.plural', plural, dnsLabel),
    ...judged('spec.names.kind', kind, (text) => dnsLabel(text.toLowerCase())),
    ...listAt(names, 'shortNames').flatMap((short, i) => judged(`spec.names.shortNames[${i}]`, String(short), dnsLabel)),
  ];
}

function judged(path: string, text: string | undefined, syntax: (text: string) => string | undefined): FieldError[] {
  if (text === undefined || text === '') return [required(path)];
  const wrong = syntax(text);
  return wrong === undefined ? [] : [invalid(path, text, wrong)];
}

function versionErrors(versions: readonly Json[]): FieldError[] {
  if (versions.length === 0) return [required('spec.versions', 'must have at least one version')];
  const names = versions.map((version) => textAt(version, 'name'));
  const repeated = names.findIndex((name, i) => names.indexOf(name) !== i);
  const stored = versions.filter((version) => mapAt(version).storage === true).length;
  const shared = versions.every((version) => equal(mapAt(version, 'schema'), mapAt(versions[0] ?? null, 'schema')));
  return [
    ...(repeated === -1 ? [] : [invalid(`spec.versions[${repeated}].name`, names[repeated], 'must be unique')]),
    ...(stored === 1 ? [] : [invalid('spec.versions', names.map(String), 'must have exactly one version marked as storage version')]),
    ...names.flatMap((name, i) => judged(`spec.versions[${i}].name`, name, dnsLabel)),
    ...(shared
      ? judgedSchema(versions[0] ?? null, 'spec.validation')
      : versions.flatMap((version, i) => judgedSchema(version, `spec.versions[${i}].schema`))),
  ];
}

function judgedSchema(version: Json, path: string): FieldError[] {
  const schema = mapAt(version, 'schema').openAPIV3Schema;
  return isObject(schema) ? schemaErrors(schema, `${path}.openAPIV3Schema`) : [required(`${path}.openAPIV3Schema`, 'schemas are required')];
}
