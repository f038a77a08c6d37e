// Who else must know of a pod's network, as a CNI plugin does: told before the first container starts and after the last has ended.
// A port of pod-run.ts; enrolment.ts implements it for the mesh.
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
  /** The pod starts when it resolves; when it rejects, the pod waits and is announced again. */
  added(pod: PlacedPod, signal: AbortSignal): Promise<void>;
  /** The namespace is still there. Must not reject. */
  removed(pod: PlacedPod): Promise<void>;
}
