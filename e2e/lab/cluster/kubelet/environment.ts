// What a container is started with, told from its specification: environment with references resolved, command with $(NAME) expanded. Pure.
// Called by pod-run.ts. Where ConfigMaps and Secrets come from is pod-sources.ts.
import type { Container, EnvVar, KeyRef, Pod } from '../objects.ts';
import type { Image } from './images.ts';

/** What pods may refer to, fetched beforehand; values are decoded. */
export interface Sources {
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** What the node knows of a pod before the API does. */
export interface PodPlace {
  readonly nodeName: string;
  /** IPv4 first. */
  readonly hostIps: readonly string[];
  readonly podIps: readonly string[];
}

export interface EnvironmentOrder {
  readonly pod: Pod;
  readonly container: Container;
  readonly place: PodPlace;
  readonly sources: Sources;
  readonly image: Image;
  /** Set for every container of the node; the container's own win. */
  readonly base: Readonly<Record<string, string>>;
}

/** @throws Error when the container refers to what is not there. */
export function environmentOf({ pod, container, place, sources, image, base }: EnvironmentOrder): Record<string, string> {
  const env: Record<string, string> = { ...base, HOSTNAME: hostnameOf(pod), ...image.env };
  for (const variable of container.env ?? []) {
    const value = variable.value === undefined ? referred(variable, pod, place, sources) : expand(variable.value, env);
    if (value !== undefined) env[variable.name] = value;
  }
  return env;
}

export const hostnameOf = ({ metadata, spec }: Pod): string => (spec.hostname ?? metadata.name).slice(0, 63);

function referred({ valueFrom = {} }: EnvVar, pod: Pod, place: PodPlace, sources: Sources): string | undefined {
  const { fieldRef, configMapKeyRef, secretKeyRef, resourceFieldRef } = valueFrom;
  if (fieldRef !== undefined) return field(pod, place, fieldRef.fieldPath);
  if (configMapKeyRef !== undefined) return keyOf('configmap', sources.configMaps, configMapKeyRef);
  if (secretKeyRef !== undefined) return keyOf('secret', sources.secrets, secretKeyRef);
  // There are no limits here: what is asked for is usually a number of processors.
  return resourceFieldRef === undefined ? '' : resourceFieldRef.resource.endsWith('cpu') ? '1' : '0';
}

function keyOf(
  what: string,
  from: ReadonlyMap<string, Readonly<Record<string, string>>>,
  { name, key, optional }: KeyRef,
): string | undefined {
  const value = from.get(name)?.[key];
  if (value !== undefined || optional === true) return value;
  throw new Error(from.has(name) ? `couldn't find key ${key} in ${what} "${name}"` : `${what} "${name}" not found`);
}

/** The downward API. @throws Error for fields that it does not know. */
export function field(pod: Pod, place: PodPlace, path: string): string {
  const { metadata, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path) ?? [];
  if (map === 'labels' || map === 'annotations') return metadata[map]?.[key ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid;
    case 'metadata.labels':
    case 'metadata.annotations':
      return lines(metadata[path === 'metadata.labels' ? 'labels' : 'annotations'] ?? {});
    case 'spec.nodeName':
      return place.nodeName;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? 'default';
    case 'status.hostIP':
      return place.hostIps[0] ?? '';
    case 'status.hostIPs':
      return place.hostIps.join(',');
    case 'status.podIP':
      return place.podIps[0] ?? '';
    case 'status.podIPs':
      return place.podIps.join(',');
    default:
      throw new Error(`field path ${path} is not supported`);
  }
}

const lines = (map: Readonly<Record<string, string>>): string =>
  Object.entries(map)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join('\n');

/** `$(NAME)` becomes the variable's value if there is one, `$$` a dollar. */
export const expand = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replace(/\$\$|\$\(([A-Za-z_][\w.-]*)\)/g, (all, name: string | undefined) => (name === undefined ? '$' : (env[name] ?? all)));

/** The container's command, or the image's; its arguments, or the image's if neither is given. */
export function argvOf({ command = [], args }: Container, image: Image, env: Readonly<Record<string, string>>): string[] {
  if (command.length > 0) return [...command, ...(args ?? [])].map((each) => expand(each, env));
  return [...image.entrypoint, ...(args?.map((each) => expand(each, env)) ?? image.args ?? [])];
}
