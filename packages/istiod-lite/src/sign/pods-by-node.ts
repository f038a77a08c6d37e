// Who runs where: the pods as the certificate service asks for them, kept in step with the pod store.
// Read by impersonation.ts. Three maps, so that no question costs more than a look-up.
import type { KnownPod, PodsByNode } from './impersonation.ts';

/** A pod as the store holds it, narrowed to what counts here. */
export interface PodFacts extends KnownPod {
  readonly namespace: string;
  /** A pod whose phase is Failed runs nothing. */
  readonly failed: boolean;
}

export class NodePods implements PodsByNode {
  readonly #pods: Map<string, PodFacts> = new Map();
  /** How many pods of `node namespace account`. */
  readonly #running: Map<string, number> = new Map();

  /** `key` is `namespace/name`; undefined removes. */
  set(key: string, pod: PodFacts | undefined): void {
    const before = this.#pods.get(key);
    if (before !== undefined) this.#count(before, -1);
    if (pod === undefined) this.#pods.delete(key);
    else {
      this.#pods.set(key, pod);
      this.#count(pod, 1);
    }
  }

  pod(namespace: string, name: string): KnownPod | undefined {
    return this.#pods.get(`${namespace}/${name}`);
  }

  runsOn(node: string, namespace: string, serviceAccount: string): boolean {
    return this.#running.has(placed(node, namespace, serviceAccount));
  }

  #count(pod: PodFacts, by: 1 | -1): void {
    if (pod.failed || pod.node === '') return;
    const place = placed(pod.node, pod.namespace, pod.serviceAccount);
    const now = (this.#running.get(place) ?? 0) + by;
    if (now > 0) this.#running.set(place, now);
    else this.#running.delete(place);
  }
}

/** None of the three can hold a space. */
const placed = (node: string, namespace: string, serviceAccount: string): string => `${node} ${namespace} ${serviceAccount}`;
