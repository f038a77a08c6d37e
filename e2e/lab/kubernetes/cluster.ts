// What the parts of the API server share: the objects, the kinds, the time, and the addresses that Services get.
// Made by kube-api.ts once per server; handed to every verb.
import type { Clock } from '@ambient-mesh/runtime/time';
import type { KindRegistry, Resource } from './kinds/registry.ts';
import type { ServiceAddresses } from './kinds/service-addresses.ts';
import type { KubeStore } from './store/kube-store.ts';

export interface Cluster {
  readonly store: KubeStore;
  readonly kinds: KindRegistry;
  readonly clock: Clock;
  readonly serviceAddresses: ServiceAddresses;
}

/** What a request is about. */
export interface Target {
  readonly resource: Resource;
  /** Empty for cluster-scoped resources and for lists over all namespaces. */
  readonly namespace: string;
  /** Empty for lists and creations. */
  readonly name: string;
  /** `status`, `scale`, `token`, …; empty for the object itself. */
  readonly subresource: string;
}

export const keyOfTarget = ({ namespace, name }: Target): string => (namespace === '' ? name : `${namespace}/${name}`);

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export const timestamp = (clock: Pick<Clock, 'now'>, later = 0): string =>
  new Date(clock.now() + later * 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
