// The settings that the control plane of a cluster runs with, as far as the answers to questions depend on them: from its pod and its ConfigMap.
// Used by commands/explain.ts. What cannot be read counts as not said, which leaves the defaults.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { isKubeError, statusOf } from '@ambient-mesh/kube/errors';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { defaultSettings, type RawObjects } from '@ambient-mesh/translate/explain/mesh-of';
import { isRecord, MeshFields } from '@ambient-mesh/translate/mesh-config/fields';
import { waypointDefaults } from '@ambient-mesh/translate/mesh-config/providers';
import type { TranslateSettings } from '@ambient-mesh/translate/settings';
import { parse } from 'yaml';

const configMaps = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
  narrow: (raw: unknown): string => textOf(objectOf(objectOf(raw).data).mesh),
} as const;

/** @throws what the client throws, but for a ConfigMap that is not there or that we may not read */
export async function settingsOf(client: KubeClient, objects: RawObjects, signal: AbortSignal): Promise<TranslateSettings> {
  const { env, namespace } = controlPlaneIn(objects);
  const revision = env.get('REVISION') ?? '';
  const name = revision === '' || revision === 'default' ? 'istio' : `istio-${revision}`;
  let text: string | undefined;
  try {
    text = await client.get(configMaps, { namespace, name }, { signal });
  } catch (e) {
    if (!isKubeError(e) || statusOf(e) === undefined) throw e;
  }
  return settingsFrom({ env, namespace, text: text ?? '' });
}

interface Said {
  readonly env: ReadonlyMap<string, string>;
  readonly namespace: string;
  /** Of the mesh configuration. */
  readonly text: string;
}

function settingsFrom({ env, namespace, text }: Said): TranslateSettings {
  const mesh = meshIn(text);
  const fields = new MeshFields(mesh, []);
  const flag = (name: string, otherwise: boolean): boolean => (env.has(name) ? env.get(name) === 'true' : otherwise);
  return {
    ...defaultSettings,
    clusterId: env.get('CLUSTER_ID') ?? defaultSettings.clusterId,
    clusterDomain: env.get('CLUSTER_DOMAIN') ?? defaultSettings.clusterDomain,
    trustDomain: env.get('TRUST_DOMAIN') ?? fields.text('trustDomain') ?? defaultSettings.trustDomain,
    systemNamespace: namespace,
    rootNamespace: fields.text('rootNamespace') ?? namespace,
    revision: env.get('REVISION') ?? '',
    servicesSelectEntries: flag('PILOT_ENABLE_K8S_SELECT_WORKLOAD_ENTRIES', true),
    entriesSelectPods: flag('PILOT_ENABLE_SERVICEENTRY_SELECT_PODS', true),
    allowWaypoints: flag('PILOT_AUTO_ALLOW_WAYPOINT_POLICY', false),
    dryRun: flag('AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY', false),
    allocateAddresses: flag('PILOT_ENABLE_IP_AUTOALLOCATE', true),
    meshDefaults: waypointDefaults(fields),
  };
}

function meshIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const mesh: unknown = parse(text);
    return isRecord(mesh) ? mesh : {};
  } catch {
    return {};
  }
}

/** The environment of a pod of the control plane, and where that runs. */
function controlPlaneIn({ pods = [] }: RawObjects): Pick<Said, 'env' | 'namespace'> {
  const pod = pods.map(objectOf).find(({ metadata }) => objectOf(objectOf(metadata).labels).app === 'istiod');
  const containers = objectOf(pod?.spec).containers;
  const variables = (Array.isArray(containers) ? containers : []).flatMap((container) => {
    const { env } = objectOf(container);
    return Array.isArray(env) ? env.map(objectOf) : [];
  });
  const named = variables.flatMap(({ name, value }) =>
    typeof name === 'string' && typeof value === 'string' ? [[name, value] as const] : [],
  );
  return { env: new Map(named), namespace: textOf(objectOf(pod?.metadata).namespace) || defaultSettings.systemNamespace };
}
