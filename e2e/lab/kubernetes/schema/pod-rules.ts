// What Kubernetes demands of pods beyond their schema: names, images, ports, mounts, and that a running pod keeps its spec.
// Called by builtin-rules.ts for pods and for templates.
import { equal, isObject, type Json, type JsonObject, own } from '../patch/json.ts';
import { duplicate, type FieldError, forbidden, invalid, required } from './field-error.ts';
import { dnsLabel } from './metadata.ts';

const portName = /^(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const envName = /^[ -<>-~]+$/;

const objects = (parent: JsonObject, key: string): JsonObject[] => {
  const value = own(parent, key);
  return Array.isArray(value) ? value.filter(isObject) : [];
};

export function checkPodSpec(spec: JsonObject, path: string): FieldError[] {
  const volumes = objects(spec, 'volumes');
  const names = new Set(volumes.map((volume) => volume.name));
  const seen = new Set<Json>();
  const of = (field: string): FieldError[] =>
    objects(spec, field).flatMap((container, i) => [
      ...checkName(container.name, `${path}.${field}[${i}].name`, seen),
      ...checkContainer(container, `${path}.${field}[${i}]`, names),
    ]);
  const seenVolumes = new Set<Json>();
  return [
    ...(objects(spec, 'containers').length === 0 ? [required(`${path}.containers`)] : []),
    ...of('initContainers'),
    ...of('containers'),
    ...volumes.flatMap((volume, i) => checkName(volume.name, `${path}.volumes[${i}].name`, seenVolumes)),
  ];
}

function checkName(name: Json | undefined, path: string, seen: Set<Json>): FieldError[] {
  if (name === undefined || name === '') return [required(path)];
  const wrong = typeof name === 'string' ? dnsLabel(name) : undefined;
  if (wrong !== undefined) return [invalid(path, name, wrong)];
  if (seen.has(name)) return [duplicate(path, name)];
  seen.add(name);
  return [];
}

function checkContainer(container: JsonObject, path: string, volumes: ReadonlySet<Json | undefined>): FieldError[] {
  const env = objects(container, 'env').flatMap(({ name }, i) => checkEnvName(name, `${path}.env[${i}].name`));
  const mounts = objects(container, 'volumeMounts').flatMap(({ name }, i) =>
    volumes.has(name)
      ? []
      : [{ path: `${path}.volumeMounts[${i}].name`, type: 'FieldValueNotFound', message: `Not found: ${JSON.stringify(name)}` }],
  );
  const image = own(container, 'image');
  return [
    ...(image === undefined || image === '' ? [required(`${path}.image`)] : []),
    ...objects(container, 'ports').flatMap((port, i) => checkContainerPort(port, `${path}.ports[${i}]`)),
    ...env,
    ...mounts,
  ];
}

function checkEnvName(name: Json | undefined, path: string): FieldError[] {
  if (typeof name !== 'string' || name === '') return [required(path)];
  return envName.test(name)
    ? []
    : [invalid(path, name, "a valid environment variable name must consist only of printable ASCII characters other than '='")];
}

function checkContainerPort(port: JsonObject, path: string): FieldError[] {
  const { name } = port;
  const words = 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), and at least one letter (a-z)';
  const wrongName =
    typeof name !== 'string' || name === ''
      ? []
      : name.length > 15
        ? [invalid(`${path}.name`, name, 'must be no more than 15 characters')]
        : portName.test(name)
          ? []
          : [invalid(`${path}.name`, name, words)];
  const missing = port.containerPort === undefined || port.containerPort === 0;
  return [...wrongName, ...(missing ? [required(`${path}.containerPort`)] : checkPortNumber(port.containerPort, `${path}.containerPort`))];
}

export function checkPortNumber(port: Json | undefined, path: string): FieldError[] {
  if (typeof port !== 'number') return [];
  return port >= 1 && port <= 65_535 ? [] : [invalid(path, port, 'must be between 1 and 65535, inclusive')];
}

const mutable =
  '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** A pod without a node may still be given one: in the lab that is an update, not a Binding. */
export function checkPodUpdate(spec: JsonObject, old: JsonObject): FieldError[] {
  const bound = own(old, 'nodeName');
  if (bound !== undefined && bound !== '' && !equal(bound, own(spec, 'nodeName'))) {
    return [forbidden('spec.nodeName', 'field is immutable once set')];
  }
  return equal(fixed(spec), fixed(old)) ? [] : [forbidden('spec', `pod updates may not change fields other than ${mutable}`)];
}

function fixed(spec: JsonObject): JsonObject {
  const { nodeName, activeDeadlineSeconds, tolerations, schedulingGates, ...rest } = spec;
  const withoutImages = (field: string): JsonObject[] => objects(spec, field).map(({ image, ...container }) => container);
  return { ...rest, containers: withoutImages('containers'), initContainers: withoutImages('initContainers'), ephemeralContainers: [] };
}
