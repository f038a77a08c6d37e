// What to do about one pod, told from what is known of it: the rule of the whole agent. Pure.
// Asked by reconcile.ts after every event and every few seconds; the same facts give the same step, so a missed event costs time and nothing else.
import type { Capture } from '@ambient-mesh/host/redirect-rules';
import type { Ip } from '@ambient-mesh/model/address';
import type { Pod } from '../facts/pod.ts';

/** A pod that the agent has put into the mesh, or has found in it. */
export interface Member {
  readonly pod: Pod;
  readonly ips: readonly Ip[];
  /** Undefined: found enrolled at the start, not looked at yet. */
  readonly capture: Capture | undefined;
  /** Not all of it is done: mostly it is captured, but no ztunnel has taken it, so that its connections fail. */
  readonly isPending: boolean;
  /** Something may have happened to its rules. */
  readonly isSuspect: boolean;
  /** Its processes live in another namespace by now. */
  readonly hasMoved: boolean;
}

/** What the container runtime says of a pod that is being started: its status knows no addresses yet. */
export interface Placement {
  readonly netns: string;
  readonly ips: readonly Ip[];
}

export interface PodFacts {
  /** As the API server has it; undefined when it is gone. */
  readonly pod: Pod | undefined;
  /** By its labels and its namespace's. */
  readonly isWanted: boolean;
  readonly member: Member | undefined;
  readonly placement: Placement | undefined;
  /** As its annotations say. */
  readonly capture: Capture;
}

export type Step =
  | { readonly do: 'nothing' }
  /** Without a placement its namespace is looked for. */
  | { readonly do: 'enrol'; readonly pod: Pod; readonly ips: readonly Ip[]; readonly placement: Placement | undefined }
  /** Look whether its rules are whole, and make them so. */
  | { readonly do: 'verify'; readonly pod: Pod }
  /** Only its addresses are new. */
  | { readonly do: 're-probe'; readonly pod: Pod }
  | { readonly do: 'annotate'; readonly pod: Pod }
  /** `isGone`: its processes have ended, there is nothing left to restore inside. `isAnnotated`: it still says that it is in the mesh. */
  | { readonly do: 'release'; readonly pod: Pod; readonly isGone: boolean; readonly isAnnotated: boolean };

const nothing: Step = { do: 'nothing' };

export function planOf({ pod, isWanted, member, placement, capture }: PodFacts): Step {
  if (pod === undefined) return member === undefined ? nothing : { do: 'release', pod: member.pod, isGone: true, isAnnotated: false };
  const isAnnotated = pod.redirection !== '';
  const release: Step = member === undefined && !isAnnotated ? nothing : { do: 'release', pod, isGone: pod.isOver, isAnnotated };
  if (pod.isOver || !isWanted) return release;
  if (placement !== undefined) return { do: 'enrol', pod, ips: placement.ips, placement };
  if (member === undefined) {
    // Without addresses nothing proves which namespace is its own; the runtime will say, or its status.
    return pod.ips.length === 0 ? nothing : { do: 'enrol', pod, ips: pod.ips, placement: undefined };
  }
  const ips = pod.ips.length === 0 ? member.ips : pod.ips;
  if (member.isPending || member.hasMoved) return { do: 'enrol', pod, ips, placement: undefined };
  if (member.isSuspect || member.capture === undefined || !isSameCapture(member.capture, capture)) return { do: 'verify', pod };
  if (!isSameSet(ips, member.ips)) return { do: 're-probe', pod };
  return pod.redirection === 'enabled' ? nothing : { do: 'annotate', pod };
}

export function isSameCapture(a: Capture, b: Capture): boolean {
  const sameNames = a.virtualInterfaces.join() === b.virtualInterfaces.join();
  return a.ipv6 === b.ipv6 && a.dnsCapture === b.dnsCapture && a.ingress === b.ingress && sameNames;
}

const isSameSet = (a: readonly Ip[], b: readonly Ip[]): boolean => a.length === b.length && a.every((each) => b.includes(each));
