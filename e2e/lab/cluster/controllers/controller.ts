// What a controller is here: which keys a change makes it look at, and a pure decision what to do about one key.
// The controllers are one file each; run.ts feeds them and act.ts carries out their steps.
import type { Key, Kind } from '@ambient-mesh/kube/kind';
import type { ConfigMap, DaemonSet, Deployment, EndpointSlice, KubeObject, Namespace, Node, Pod, ReplicaSet, Service } from '../objects.ts';

export interface Objects<T> {
  /** Key: `namespace/name`, or `name` outside namespaces. */
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
}

/** What controllers look at. */
export interface Seen {
  readonly pods: Pod;
  readonly services: Service;
  readonly serviceAccounts: KubeObject;
  readonly configMaps: ConfigMap;
  readonly namespaces: Namespace;
  readonly nodes: Node;
  readonly replicaSets: ReplicaSet;
  readonly deployments: Deployment;
  readonly daemonSets: DaemonSet;
  readonly endpointSlices: EndpointSlice;
}

export type SeenKind = keyof Seen;

/** The cluster as last heard of. After a controller's own steps it is at least as new as they are. */
export type View = { readonly [K in SeenKind]: Objects<Seen[K]> };

export type Step =
  /** Without a name in `key`, one is made of `prefix`. */
  | { readonly do: 'create'; readonly kind: Kind<unknown>; readonly key: Key; readonly prefix?: string; readonly body: object }
  | { readonly do: 'remove'; readonly kind: Kind<unknown>; readonly of: KubeObject }
  /** A merge patch; refused if the object has been replaced by another of the same name. */
  | { readonly do: 'patch'; readonly kind: Kind<unknown>; readonly of: KubeObject; readonly body: object; readonly subresource?: 'status' }
  | { readonly do: 'bind'; readonly of: Pod; readonly node: string };

export interface Controller {
  /** For reports. */
  readonly name: string;
  /** The keys to decide about after a change of an object, by its kind; called with the object before and the object after. */
  readonly concerns: { readonly [K in SeenKind]?: (object: Seen[K], view: View) => Iterable<string> };
  /** What to do about a key; empty when all is as it should be. `now`: RFC 3339. */
  readonly decide: (view: View, key: string, now: string) => readonly Step[];
}

export const keyOfMeta = ({ metadata: { namespace = '', name } }: KubeObject): Key => ({ namespace, name });
