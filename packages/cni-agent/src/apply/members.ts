// The pods of this node that are in the mesh, and what is known of each: the agent's memory. No rule here, and nothing is done here.
// Written by reconcile.ts and at the start by snapshot.ts; read by the ZDS server for its snapshots and by watch.ts.
import type { Netns } from '@ambient-mesh/host/netns';
import type { Capture } from '@ambient-mesh/host/redirect-rules';
import type { Ip } from '@ambient-mesh/model/address';
import type { Pod } from '../facts/pod.ts';
import type { Member } from '../plan/pod-plan.ts';
import { obstructed } from './node.ts';

/** A Member that the agent keeps up to date. */
export interface EnrolledPod extends Member {
  pod: Pod;
  ips: readonly Ip[];
  capture: Capture | undefined;
  isPending: boolean;
  isSuspect: boolean;
  hasMoved: boolean;
  /** Undefined: not found yet. Ours: disposed of when replaced or forgotten. */
  netns: Netns | undefined;
  /** Of the rules in the namespace, when we last knew them to be whole. */
  generation: number | undefined;
}

export class Members implements Disposable {
  readonly #pods = new Map<string, EnrolledPod>();

  get size(): number {
    return this.#pods.size;
  }

  get(uid: string): EnrolledPod | undefined {
    return this.#pods.get(uid);
  }

  values(): IterableIterator<EnrolledPod> {
    return this.#pods.values();
  }

  /** The member, made if it is none yet: from now on ztunnels hear of it. */
  ensure(pod: Pod): EnrolledPod {
    const known = this.#pods.get(pod.uid);
    if (known !== undefined) return known;
    const made: EnrolledPod = {
      pod,
      ips: pod.ips,
      capture: undefined,
      isPending: true,
      isSuspect: false,
      hasMoved: false,
      netns: undefined,
      generation: undefined,
    };
    this.#pods.set(pod.uid, made);
    return made;
  }

  /**
   * Takes the namespace over. The same one again changes nothing: descriptors that others may hold stay good.
   * @throws MeshError<EnrolFault> when it is another member's: two pods in one namespace would have one identity. It is let go then.
   */
  settle(member: EnrolledPod, netns: Netns): Netns {
    const other = [...this.#pods.values()].find((each) => each !== member && each.netns?.id === netns.id);
    if (other !== undefined) {
      netns[Symbol.dispose]();
      throw obstructed('no-namespace', `the network namespace found is that of pod ${other.pod.namespace}/${other.pod.name}`);
    }
    member.hasMoved = false;
    if (member.netns?.id === netns.id) {
      if (member.netns !== netns) netns[Symbol.dispose]();
      return member.netns;
    }
    member.netns?.[Symbol.dispose]();
    member.netns = netns;
    member.generation = undefined;
    return netns;
  }

  forget(uid: string): void {
    this.#pods.get(uid)?.netns?.[Symbol.dispose]();
    this.#pods.delete(uid);
  }

  [Symbol.dispose](): void {
    for (const uid of [...this.#pods.keys()]) this.forget(uid);
  }
}
