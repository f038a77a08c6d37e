// The pods of the mesh's own programs, and how a user names one. Used by commands that look into running programs.
import type { KubeClient } from '@ambient-mesh/kube/client';
import { statusOf } from '@ambient-mesh/kube/errors';
import type { Key, Kind } from '@ambient-mesh/kube/kind';
import { objectOf, objectsOf, textOf } from '@ambient-mesh/kube/raw';
import { Option } from 'commander';

export interface MeshPod extends Key {
  readonly node: string;
  readonly isRunning: boolean;
  /** Of a waypoint: its Gateway's name. Empty for others. */
  readonly gateway: string;
}

/** By what the charts, and Istio's, label them with. */
export const labelOf = {
  ztunnel: 'app=ztunnel',
  controlPlane: 'app=istiod',
  nodeAgent: 'k8s-app=istio-cni-node',
  waypoint: 'gateway.networking.k8s.io/gateway-class-name=istio-waypoint',
} as const;

const place = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true } as const;

const pods: Kind<MeshPod> = { ...place, narrow: meshPod };
const addressed: Kind<MeshPod & { readonly addresses: readonly string[] }> = {
  ...place,
  narrow(raw) {
    const { podIPs } = objectOf(objectOf(raw).status);
    const { hostNetwork } = objectOf(objectOf(raw).spec);
    // A node's address is that of many.
    return { ...meshPod(raw), addresses: hostNetwork === true ? [] : objectsOf(podIPs).map(({ ip }) => textOf(ip)) };
  },
};

function meshPod(raw: unknown): MeshPod {
  const { metadata, spec, status } = objectOf(raw);
  const { namespace, name, labels } = objectOf(metadata);
  const node = textOf(objectOf(spec).nodeName);
  const gateway = textOf(objectOf(labels)['gateway.networking.k8s.io/gateway-name']);
  return { namespace: textOf(namespace), name: textOf(name), node, gateway, isRunning: objectOf(status).phase === 'Running' };
}

/** Of every pod; nothing for those who may not see all pods. */
export async function namesByAddress(client: KubeClient, signal: AbortSignal): Promise<ReadonlyMap<string, Key>> {
  const { items } = await client.list(addressed, {}, { signal }).catch((e: unknown) => {
    if (statusOf(e) === 403) return { items: [] };
    throw e;
  });
  return new Map(items.flatMap((pod) => pod.addresses.map((address) => [address, pod] as const)));
}

export interface PodSelection {
  /** Default: all. */
  readonly namespace?: string;
  readonly labelSelector: string;
  readonly node?: string | undefined;
}

/** Those that run, by namespace and name. */
export async function runningPods(
  client: KubeClient,
  { namespace, labelSelector, node }: PodSelection,
  signal: AbortSignal,
): Promise<readonly MeshPod[]> {
  const where = { labelSelector, ...(namespace !== undefined && { namespace }) };
  const { items } = await client.list(
    pods,
    { ...where, ...(node !== undefined && { fieldSelector: `spec.nodeName=${node}` }) },
    { signal },
  );
  const key = (pod: Key): string => `${pod.namespace}/${pod.name}`;
  return items.filter(({ isRunning }) => isRunning).sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** `name` or `name.namespace`. */
export function podNamed(text: string, namespace: string): Key {
  const dot = text.lastIndexOf('.');
  return dot > 0 ? { name: text.slice(0, dot), namespace: text.slice(dot + 1) } : { name: text, namespace };
}

/** Where the mesh's own programs are. */
export const meshNamespaceOption = (): Option => new Option('-i, --istioNamespace <name>', 'namespace of the mesh').default('istio-system');
