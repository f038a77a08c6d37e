// Looks every two seconds whether the pods in the mesh still are: rules that somebody else touched, namespaces that were made anew, events that were missed.
// Only finds and says so; the queue puts it right (reconcile.ts). Cheap enough for 250 pods: two system calls each, and processes not seen before.
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';
import type { Step } from '../plan/pod-plan.ts';
import type { EnrolledPod, Members } from './members.ts';
import type { NodeParts } from './node.ts';

export interface WatchPorts {
  readonly members: Members;
  readonly generation: NodeParts['rules']['generation'];
  /** Identities of the namespaces that processes of these pods (by runtime uid) live in. */
  readonly look: (uids: ReadonlySet<string>) => Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** Uids of all pods of the node. */
  readonly pods: () => Iterable<string>;
  readonly plan: (uid: string) => Step;
  /** Have the queue look at this pod. */
  readonly attend: (uid: string) => void;
  readonly moved: (member: EnrolledPod) => void;
  readonly failed: (why: unknown) => void;
  readonly clock: Clock;
}

const lookEvery: Ms = ms(2_000);

/** Resolves when the signal aborts. */
export async function keepWatching(ports: WatchPorts, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    await look(ports, turn).catch((e: unknown) => ports.failed(e));
    await ports.clock.sleep(lookEvery, signal).catch(() => {});
  }
}

/** @param turn counts up: at each, one pod is looked at thoroughly, since policy routes change without any sign. */
export async function look(ports: WatchPorts, turn: number): Promise<void> {
  const { members, look: lookAtProcesses, pods, plan, attend, moved } = ports;
  const enrolled = [...members.values()].filter((member) => member.netns !== undefined && !member.isPending);
  const due = enrolled[turn % enrolled.length];
  for (const member of enrolled) if (member === due || wasTouched(member, ports)) member.isSuspect = true;
  const namespaces = await lookAtProcesses(new Set(enrolled.map(({ pod }) => pod.runtimeUid)));
  for (const member of enrolled) {
    // It may have left meanwhile.
    if (members.get(member.pod.uid) !== member) continue;
    const own = namespaces.get(member.pod.runtimeUid);
    if (member.hasMoved || member.netns === undefined || own === undefined || own.size === 0 || own.has(member.netns.id)) continue;
    member.hasMoved = true;
    moved(member);
  }
  for (const uid of pods()) if (plan(uid).do !== 'nothing') attend(uid);
  for (const { pod } of members.values()) if (plan(pod.uid).do !== 'nothing') attend(pod.uid);
}

/** A namespace that cannot be asked is said, and keeps nobody else from being looked at. */
function wasTouched({ netns, generation: known }: EnrolledPod, { generation, failed }: WatchPorts): boolean {
  try {
    return netns !== undefined && known !== undefined && generation(netns) !== known;
  } catch (e) {
    failed(e);
    return false;
  }
}
