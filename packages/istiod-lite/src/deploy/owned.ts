// The objects that waypoints are made of, as the cluster has them: five kinds, followed by the label that says they are managed.
// Made by waypoints.ts. Statuses are not kept, so that only what somebody wrote counts as a change; the rest of the object is compared with what is wanted.
import type { KubeClient } from '@ambient-mesh/kube/client';
import type { Kind } from '@ambient-mesh/kube/kind';
import type { WatchReport } from '@ambient-mesh/kube/list-watch';
import { objectOf, type RawObject, textOf } from '@ambient-mesh/kube/raw';
import { type Store, watchStore } from '@ambient-mesh/kube/store';
import type { Clock } from '@ambient-mesh/runtime/time';
import { gatewayLabel, managedLabel, managedValue } from './order.ts';
import { type Part, parts } from './parameters.ts';

export interface OwnedObject {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Name of the Gateway; empty when it is nobody's. */
  readonly gateway: string;
  readonly isManaged: boolean;
  /** Uids. */
  readonly owners: readonly string[];
  /** What can be wanted of it. */
  readonly body: RawObject;
}

export type OwnedStores = Readonly<Record<Part, Store<OwnedObject>>>;

export const ownedKinds: Readonly<Record<Part, Kind<OwnedObject>>> = {
  serviceAccount: kind('v1', 'ServiceAccount', 'serviceaccounts'),
  deployment: kind('apps/v1', 'Deployment', 'deployments'),
  service: kind('v1', 'Service', 'services'),
  horizontalPodAutoscaler: kind('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  podDisruptionBudget: kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
};

function kind(apiVersion: string, name: string, plural: string): Kind<OwnedObject> {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return { group, version, kind: name, plural, namespaced: true, narrow };
}

function narrow(raw: unknown): OwnedObject {
  const { metadata, status: _, apiVersion: __, kind: ___, ...rest } = objectOf(raw);
  const { namespace, name, uid, labels, annotations, ownerReferences } = objectOf(metadata);
  return {
    namespace: textOf(namespace),
    name: textOf(name),
    uid: textOf(uid),
    gateway: textOf(objectOf(labels)[gatewayLabel]),
    isManaged: objectOf(labels)[managedLabel] !== undefined,
    owners: (Array.isArray(ownerReferences) ? ownerReferences : []).map((each) => textOf(objectOf(each).uid)),
    body: { ...rest, metadata: { labels: objectOf(labels), annotations: objectOf(annotations), ownerReferences } },
  };
}

/** Follows until the signal aborts. */
export function watchOwned(
  client: KubeClient,
  options: { readonly clock: Clock; readonly report: WatchReport },
  signal: AbortSignal,
): OwnedStores {
  const labelSelector = `${managedLabel}=${managedValue}`;
  const open = (part: Part): Store<OwnedObject> => watchStore(client, ownedKinds[part], { ...options, labelSelector }, signal);
  return {
    serviceAccount: open('serviceAccount'),
    deployment: open('deployment'),
    service: open('service'),
    horizontalPodAutoscaler: open('horizontalPodAutoscaler'),
    podDisruptionBudget: open('podDisruptionBudget'),
  };
}

/** Across all kinds. */
export function* ownedBy(stores: OwnedStores, uid: string): Generator<readonly [Part, OwnedObject]> {
  for (const part of parts) for (const object of stores[part].values()) if (object.owners.includes(uid)) yield [part, object];
}
