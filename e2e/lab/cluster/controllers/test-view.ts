// A cluster for tests of decisions: what is given, and nothing else. Objects are written with the fields that the test is about.
import type { Deployment, KubeObject, Labels, Meta, Node, OwnerReference, Pod, ReplicaSet, Service } from '../objects.ts';
import { keyOf } from '../selectors.ts';
import type { Objects, Seen, SeenKind, View } from './controller.ts';

export type Given = { readonly [K in SeenKind]?: readonly Seen[K][] };

export function viewOf(given: Given): View {
  return {
    pods: objects(given.pods),
    services: objects(given.services),
    serviceAccounts: objects(given.serviceAccounts),
    configMaps: objects(given.configMaps),
    namespaces: objects(given.namespaces),
    nodes: objects(given.nodes),
    replicaSets: objects(given.replicaSets),
    deployments: objects(given.deployments),
    daemonSets: objects(given.daemonSets),
    endpointSlices: objects(given.endpointSlices),
  };
}

function objects<T extends KubeObject>(given: readonly T[] = []): Objects<T> {
  return new Map(given.map((object) => [keyOf(object), object]));
}

/** `uid` is `uid-NAME`. */
export function meta(name: string, more: Partial<Meta> = {}): Meta {
  return { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', ...more };
}

export const ownedBy = (kind: string, name: string): { readonly ownerReferences: readonly OwnerReference[] } => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: `uid-${name}`, controller: true }],
});

export interface PodWish {
  readonly labels?: Labels;
  readonly ready?: boolean;
  readonly node?: string;
  readonly ips?: readonly string[];
  readonly meta?: Partial<Meta>;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
}

/** On a node unless that is said to be ''. */
export function pod(
  name: string,
  { labels = {}, ready = true, node = 'node-a', ips = [], meta: more = {}, ports = [] }: PodWish = {},
): Pod {
  return {
    metadata: meta(name, { labels, ...more }),
    spec: { containers: [{ name: 'app', image: 'app', ports }], ...(node !== '' && { nodeName: node }) },
    status: {
      phase: 'Running',
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

export function node(name: string, labels: Labels = {}, ready = true): Node {
  const { namespace: _, ...metadata } = meta(name, { labels });
  return { metadata, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } };
}

export function replicaSet(name: string, replicas: number, available: number, more: Partial<Meta> = {}): ReplicaSet {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } };
  const status = { replicas, fullyLabeledReplicas: replicas, readyReplicas: available, availableReplicas: available };
  return { metadata: meta(name, more), spec: { replicas, selector: { matchLabels: { app: 'web' } }, template }, status };
}

export function deployment(replicas: number, strategy: Deployment['spec']['strategy'] = {}): Deployment {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } };
  return { metadata: meta('web', { generation: 1 }), spec: { replicas, strategy, selector: { matchLabels: { app: 'web' } }, template } };
}

export function service(spec: Service['spec'], more: Partial<Meta> = {}): Service {
  return { metadata: meta('web', more), spec };
}
