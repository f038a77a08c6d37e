// Takes one pod out of the mesh (facts: control-plane §2.8). Every step may be repeated, and one that fails does not stop the others.
// Of a running pod nothing is cut that need not be: peers hear first, then new connections go past the tunnel, then the tunnel leaves.
import type { Netns } from '@ambient-mesh/host/netns';
import { ms } from '@ambient-mesh/runtime/time';
import type { Pod } from '../facts/pod.ts';
import type { Members } from './members.ts';
import { type NodeParts, obstructed } from './node.ts';

/** In which peers learn that the pod is reached in clear again: the control plane's pause before a push, and the push. */
const peersHearWithin = ms(500);

export interface Release {
  readonly pod: Pod;
  /** Its processes have ended. */
  readonly isGone: boolean;
  /** It says that it is in the mesh, and can still be written at. */
  readonly isAnnotated: boolean;
}

/** @throws MeshError<EnrolFault> when something must be tried again. */
export async function release(
  { pod, isGone, isAnnotated }: Release,
  node: NodeParts,
  members: Members,
  signal: AbortSignal,
): Promise<void> {
  const member = members.get(pod.uid);
  const failures: unknown[] = [];
  const attempt = (work: Promise<void>): Promise<void> => work.catch((e: unknown) => void failures.push(e));
  // First of all: another pod may have the addresses by now.
  await attempt(node.probes.remove(pod.uid, [...(member?.ips ?? []), ...pod.ips], signal));
  if (isAnnotated) await attempt(node.annotate(pod, null, signal));
  if (isGone) await node.ztunnels.del(pod.uid);
  else await attempt(leave(pod, member?.netns, node, signal));
  if (failures.length > 0) throw obstructed('rules', 'the pod cannot be taken out of the mesh', failures[0]);
  members.forget(pod.uid);
}

async function leave(pod: Pod, known: Netns | undefined, node: NodeParts, signal: AbortSignal): Promise<void> {
  const { rules, ztunnels, namespaces, clock } = node;
  const found = known ?? (await namespaces.find([{ uid: pod.runtimeUid, ips: pod.ips }])).get(pod.runtimeUid);
  if (found === undefined) return ztunnels.del(pod.uid);
  try {
    await clock.sleep(peersHearWithin, signal);
    await rules.open(found, signal);
    await ztunnels.del(pod.uid);
    await rules.remove(found, signal);
  } finally {
    if (found !== known) found[Symbol.dispose]();
  }
}
