// What the API server says about this node's pods and about namespaces, and whom each change concerns.
// Made by app.ts over the stores of the two kinds. Holds nothing but an index by uid: names are used again, uids are not.
import type { Store } from '@ambient-mesh/kube/store';
import { type Enablement, isEligible } from './enablement.ts';
import { isZtunnel, type Namespace, type Pod } from './pod.ts';

export interface NodeViewOptions {
  /** Of this node only. */
  readonly pods: Store<Pod>;
  readonly namespaces: Store<Namespace>;
  readonly enablement: Enablement;
  readonly systemNamespace: string;
  /** Something has changed that may concern the pod. */
  readonly changed: (uid: string) => void;
}

export class NodeView {
  readonly #options: NodeViewOptions;
  readonly #byUid = new Map<string, Pod>();

  constructor(options: NodeViewOptions) {
    this.#options = options;
    const { pods, namespaces, changed } = options;
    pods.onChange((_key, after, before) => {
      if (before !== undefined && before.uid !== after?.uid) {
        this.#byUid.delete(before.uid);
        changed(before.uid);
      }
      if (after === undefined) return;
      this.#byUid.set(after.uid, after);
      changed(after.uid);
    });
    namespaces.onChange((name) => {
      for (const pod of this.#byUid.values()) if (pod.namespace === name) changed(pod.uid);
    });
  }

  pod(uid: string): Pod | undefined {
    return this.#byUid.get(uid);
  }

  /** By name, and by uid if the container runtime told it: a namesake is not the pod. */
  find(namespace: string, name: string, uid: string | undefined): Pod | undefined {
    const pod = this.#options.pods.get(`${namespace}/${name}`);
    return pod !== undefined && (uid === undefined || uid === pod.uid || uid === pod.runtimeUid) ? pod : undefined;
  }

  pods(): IterableIterator<Pod> {
    return this.#byUid.values();
  }

  isWanted(pod: Pod): boolean {
    const { namespaces, enablement, systemNamespace } = this.#options;
    const labels = namespaces.get(pod.namespace)?.labels ?? {};
    return !isZtunnel(pod, systemNamespace) && isEligible(pod, labels, enablement);
  }
}
