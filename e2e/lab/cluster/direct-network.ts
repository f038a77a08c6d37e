// The network of pods without a CNI chain: the node makes it in this process, and one other is told of each pod.
// Used by lab-cluster.ts with the stand-in of the mesh's agent (enrolment.ts).
import type { Node } from '../node.ts';
import type { PodNetns } from '../pod.ts';
import type { PlacedPod, PodNetwork } from './kubelet/pod-network.ts';
import type { Pod } from './objects.ts';

/** Hears of pods that have a network: when `added` rejects the pod waits. `removed` must not reject. */
export interface PodListener {
  added(placed: PlacedPod): Promise<void>;
  removed(placed: PlacedPod): Promise<void>;
}

export class DirectNetwork implements PodNetwork {
  readonly #node: Node;
  readonly #listener: PodListener;
  readonly #places = new Map<PlacedPod, PodNetns>();

  constructor(node: Node, listener: PodListener) {
    this.#node = node;
    this.#listener = listener;
  }

  async added(pod: Pod): Promise<PlacedPod> {
    const place = this.#node.podNetns();
    const placed = { pod, netns: place.netns, addresses: place.addresses };
    try {
      await this.#listener.added(placed);
    } catch (e) {
      this.#node.releasePodNetns(place);
      throw e;
    }
    this.#places.set(placed, place);
    return placed;
  }

  async removed(placed: PlacedPod): Promise<void> {
    await this.#listener.removed(placed);
    const place = this.#places.get(placed);
    this.#places.delete(placed);
    if (place !== undefined) this.#node.releasePodNetns(place);
  }
}
