// The kinds that the lab's controllers and kubelets watch and write: where the API server serves them, and the narrowing that all share.
// Used all over cluster/; what the objects hold is in objects.ts.
import type { Kind } from '@ambient-mesh/kube/kind';
import type {
  ConfigMap,
  DaemonSet,
  Deployment,
  EndpointSlice,
  KubeObject,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Service,
  ServiceAccount,
} from './objects.ts';

/** The object without the book-keeping of field managers, which nobody here reads. The API server has checked the rest. */
export function narrow<T extends KubeObject>(raw: unknown): T | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { metadata, ...rest } = raw as { metadata?: Record<string, unknown> };
  const { managedFields: _, ...kept } = metadata ?? {};
  const object: unknown = { ...rest, metadata: kept };
  return typeof kept.uid === 'string' ? (object as T) : undefined;
}

function kind<T extends KubeObject>(
  apiVersion: string,
  name: string,
  plural: string,
  scope: 'namespaced' | 'cluster' = 'namespaced',
): Kind<T> {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return { group, version, kind: name, plural, namespaced: scope === 'namespaced', narrow: narrow<T> };
}

export const pods = kind<Pod>('v1', 'Pod', 'pods');
export const services = kind<Service>('v1', 'Service', 'services');
export const serviceAccounts = kind<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts');
export const configMaps = kind<ConfigMap>('v1', 'ConfigMap', 'configmaps');
export const secrets = kind<ConfigMap>('v1', 'Secret', 'secrets');
export const namespaces = kind<Namespace>('v1', 'Namespace', 'namespaces', 'cluster');
export const nodes = kind<Node>('v1', 'Node', 'nodes', 'cluster');
export const replicaSets = kind<ReplicaSet>('apps/v1', 'ReplicaSet', 'replicasets');
export const deployments = kind<Deployment>('apps/v1', 'Deployment', 'deployments');
export const daemonSets = kind<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets');
export const endpointSlices = kind<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices');
export const definitions = kind<KubeObject>('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', 'cluster');
