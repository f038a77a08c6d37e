// The pods of the mesh's own programs, and how a user names one. Used by commands that look into running programs.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Key, Kind } from '@ambient-mesh/kube/kind';
import { objectOf, textOf } from '@ambient-mesh/kube/raw';
import { Option } from 'commander';

export interface MeshPod extends Key {
  readonly node: string;
  readonly isRunning: boolean;
}

/** By what the charts, and Istio's, label them with. */
export const labelOf = {
  ztunnel: 'app=ztunnel',
  controlPlane: 'app=istiod',
  nodeAgent: 'k8s-app=istio-cni-node',
  waypoint: 'gateway.networking.k8s.io/gateway-class-name=istio-waypoint',
} as const;

const pods: Kind<MeshPod> = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
  narrow(raw) {
    const { metadata, spec, status } = objectOf(raw);
    const { namespace, name } = objectOf(metadata);
    const node = textOf(objectOf(spec).nodeName);
    return { namespace: textOf(namespace), name: textOf(name), node, isRunning: objectOf(status).phase === 'Running' };
  },
};

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
