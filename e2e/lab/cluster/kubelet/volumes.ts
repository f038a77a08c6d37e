// Which files a pod's volumes hold, told from its specification and what it refers to. Pure.
// Called by pod-files.ts, which fetches what is referred to and writes the files.
import type { DownwardFiles, KeyPaths, NamedFiles, Pod, ProjectedSource, Volume } from '../objects.ts';
import { field, type PodPlace, type Sources } from './environment.ts';

export interface TokenWish {
  /** '' for the API server itself. */
  readonly audience: string;
  readonly seconds: number;
}

export interface VolumeFacts {
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly sources: Sources;
  readonly token: (wish: TokenWish) => string;
}

type Files = Map<string, string>;

/** Names of what a pod refers to, in volumes and in environments, and the tokens that it wants. */
export function references({ spec }: Pod): {
  readonly configMaps: Set<string>;
  readonly secrets: Set<string>;
  readonly tokens: TokenWish[];
} {
  const env = [...(spec.initContainers ?? []), ...spec.containers].flatMap((container) => container.env ?? []);
  const sources = (spec.volumes ?? []).flatMap(sourcesOf);
  const names = (all: readonly (string | undefined)[]) => new Set(all.filter((name) => name !== undefined));
  return {
    configMaps: names([
      ...sources.map(({ configMap }) => configMap?.name),
      ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
    ]),
    secrets: names([...sources.map(({ secret }) => secret?.name), ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)]),
    tokens: sources.flatMap((source) => (source.serviceAccountToken === undefined ? [] : [tokenWish(source.serviceAccountToken)])),
  };
}

const tokenWish = ({ audience = '', expirationSeconds = 3_600 }: NonNullable<ProjectedSource['serviceAccountToken']>): TokenWish => ({
  audience,
  seconds: expirationSeconds,
});

/** Every volume as a projection of sources. */
function sourcesOf({ configMap, secret, downwardAPI, projected }: Volume): readonly ProjectedSource[] {
  if (configMap !== undefined) return [{ configMap }];
  if (secret !== undefined) return [{ secret: { ...secret, name: secret.secretName ?? '' } }];
  if (downwardAPI !== undefined) return [{ downwardAPI }];
  return projected?.sources ?? [];
}

/** By path in the volume; undefined for volumes that belong to the pod's processes or to the node. @throws Error when something is not there. */
export function filesOf(volume: Volume, facts: VolumeFacts): Files | undefined {
  if (volume.emptyDir !== undefined || volume.hostPath !== undefined) return undefined;
  const files: Files = new Map();
  for (const { serviceAccountToken, configMap, secret, downwardAPI } of sourcesOf(volume)) {
    if (serviceAccountToken !== undefined) put(files, serviceAccountToken.path, facts.token(tokenWish(serviceAccountToken)));
    if (configMap !== undefined) addKeys(files, 'configmap', configMap, facts.sources.configMaps);
    if (secret !== undefined) addKeys(files, 'secret', secret, facts.sources.secrets);
    if (downwardAPI !== undefined) addFields(files, downwardAPI, facts);
  }
  return files;
}

function addKeys(files: Files, what: string, { name = '', items, optional }: NamedFiles, from: Sources['configMaps']): void {
  const data = from.get(name);
  if (data === undefined) {
    if (optional === true) return;
    throw new Error(`${what} "${name}" not found`);
  }
  const paths: KeyPaths = items ?? Object.keys(data).map((key) => ({ key, path: key }));
  for (const { key, path } of paths) {
    const value = data[key];
    if (value !== undefined) put(files, path, value);
    else if (optional !== true) throw new Error(`${what} "${name}" has no key ${key}`);
  }
}

function addFields(files: Files, { items = [] }: DownwardFiles, { pod, place }: VolumeFacts): void {
  for (const { path, fieldRef } of items) put(files, path, fieldRef === undefined ? '' : field(pod, place, fieldRef.fieldPath));
}

/** @throws Error for paths that lead out of the volume. */
function put(files: Files, path: string, content: string): void {
  if (path.startsWith('/') || path.split('/').includes('..')) throw new Error(`a volume cannot hold the path ${JSON.stringify(path)}`);
  files.set(path, content);
}
