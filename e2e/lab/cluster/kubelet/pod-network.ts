// How a pod gets its network, and who else must know of it: asked before the first container starts and told after the last has ended.
// A port of pod-run.ts; cni/chain-network.ts calls a CNI chain for it, direct-network.ts makes the network itself.
import type { Netns } from '@ambient-mesh/host/netns';
import type { DualAddress } from '../../addressing.ts';
import type { Pod } from '../objects.ts';

export interface PlacedPod {
  /** As the API last had it. */
  readonly pod: Pod;
  readonly netns: Netns;
  readonly addresses: DualAddress;
}

export interface PodNetwork {
  /** The pod starts when it resolves; when it rejects, nothing of it is left, the pod waits and shows why, and it is asked for again. */
  added(pod: Pod, signal: AbortSignal): Promise<PlacedPod>;
  /** Ends the namespace. Must not reject. */
  removed(placed: PlacedPod): Promise<void>;
}
