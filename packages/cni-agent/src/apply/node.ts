// What enrolling a pod takes on this node, as ports: each is one part of the agent, put together in app.ts. Types, and the faults of enrolment.
import type { Netns } from '@ambient-mesh/host/netns';
import type { Capture } from '@ambient-mesh/host/redirect-rules';
import type { Ip } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Clock } from '@ambient-mesh/runtime/time';
import type { PodInfo } from '@ambient-mesh/wire/zds/codec';
import type { Pod } from '../facts/pod.ts';

export type RulesState = 'whole' | 'absent' | 'damaged';

export interface NodeParts {
  /** Network namespaces of pods; whoever asks for one owns what it gets. */
  readonly namespaces: {
    /** By a path of the container runtime's. Throws when it cannot be this pod's. */
    open(path: string, wanted: { readonly uid: string; readonly ips: readonly Ip[] }): Netns;
    /** By looking at every process. */
    find(wanted: readonly { readonly uid: string; readonly ips: readonly Ip[] }[]): Promise<Map<string, Netns>>;
  };
  readonly rules: {
    apply(netns: Netns, capture: Capture, signal: AbortSignal): Promise<void>;
    check(netns: Netns, capture: Capture, signal: AbortSignal): Promise<RulesState>;
    /** New connections go their own way, those that are redirected already go on. */
    open(netns: Netns, signal: AbortSignal): Promise<void>;
    remove(netns: Netns, signal: AbortSignal): Promise<void>;
    /** Changes whenever anybody changes rules in the namespace. */
    generation(netns: Netns): number;
  };
  readonly ztunnels: {
    add(pod: { readonly uid: string; readonly info: PodInfo; readonly netns: Netns }, signal: AbortSignal): Promise<void>;
    del(uid: string): Promise<void>;
  };
  /** Addresses that the node's own health probes reach past the mesh. */
  readonly probes: {
    upsert(uid: string, ips: readonly Ip[], signal: AbortSignal): Promise<void>;
    remove(uid: string, ips: readonly Ip[], signal: AbortSignal): Promise<void>;
  };
  /** Writes `ambient.istio.io/redirection`; null takes it away. A pod that is gone is no error. */
  readonly annotate: (pod: Pod, value: 'enabled' | 'pending' | null, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
}

/** Why a pod is not in the mesh although it should be; also the label of `ambient_pods_not_enrolled`. */
export type Obstacle =
  /** It was there before the agent. */
  | 'found-outside'
  /** No process of it runs in a namespace that has its address. */
  | 'no-namespace'
  /** The kernel or `nft` refused the rules. */
  | 'rules'
  /** Its rules were gone or changed when we looked. */
  | 'rules-damaged'
  /** Its processes were found in another namespace than the one enrolled. */
  | 'moved'
  | 'no-ztunnel'
  | 'ztunnel-refused'
  | 'probes'
  | 'annotation';

export interface EnrolFault {
  readonly code: 'enrol';
  readonly obstacle: Obstacle;
}

export const obstructed = (obstacle: Obstacle, text: string, cause?: unknown): MeshError<EnrolFault> =>
  new MeshError<EnrolFault>({ code: 'enrol', obstacle }, text, cause);
