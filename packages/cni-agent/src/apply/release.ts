// Takes one pod out of the mesh (facts: control-plane §2.8). Every step may be repeated.
// Of a running pod nothing is cut that need not be: peers hear first, then new connections go past the tunnel, then the tunnel leaves.
import type { Netns } from '@ambient-mesh/host/netns';
import { ms } from '@ambient-mesh/runtime/time';
import type { Pod } from '../facts/pod.ts';
import type { EnrolledPod, Members } from './members.ts';
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
export async function release(order: Release, node: NodeParts, members: Members, signal: AbortSignal): Promise<void> {
  // A member until all is done: what fails is tried again, though the pod itself does not say any more that it is in the mesh.
  const member = members.ensure(order.pod);
  try {
    await (order.isGone ? bury(order, member, node, signal) : leave(order, member, { ...node, members }, signal));
  } catch (e) {
    throw obstructed('rules', 'the pod cannot be taken out of the mesh', e);
  }
  members.forget(order.pod.uid);
}

/** Its addresses may be another pod's by now, so they go first; a step that fails does not stop the others. */
async function bury({ pod, isAnnotated }: Release, { ips }: EnrolledPod, node: NodeParts, signal: AbortSignal): Promise<void> {
  const steps = [
    () => node.probes.remove(pod.uid, [...ips, ...pod.ips], signal),
    async () => (isAnnotated ? node.annotate(pod, null, signal) : undefined),
    () => node.ztunnels.del(pod.uid),
  ];
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((e: unknown) => void failures.push(e));
  if (failures.length > 0) throw failures[0];
}

/** While peers cannot be told it stays as it is: they would go on sending to a tunnel that has left. Its probes pass for as long as its rules are there. */
async function leave(
  { pod, isAnnotated }: Release,
  member: EnrolledPod,
  { members, ...node }: NodeParts & { readonly members: Members },
  signal: AbortSignal,
): Promise<void> {
  const { rules, ztunnels, probes, clock } = node;
  if (isAnnotated) await node.annotate(pod, null, signal);
  const netns = await namespaceOf(pod, member, node, members);
  if (netns !== undefined) {
    await clock.sleep(peersHearWithin, signal);
    // From here on it is not served: should it be wanted again before the end, all must be done anew.
    Object.assign(member, { isPending: true, generation: undefined });
    await rules.open(netns, signal);
  }
  await ztunnels.del(pod.uid);
  if (netns !== undefined) await rules.remove(netns, signal);
  await probes.remove(pod.uid, [...member.ips, ...pod.ips], signal);
}

/** Undefined: a pod without addresses has lost its namespace, and our rules with it. */
async function namespaceOf(pod: Pod, member: EnrolledPod, { namespaces }: NodeParts, members: Members): Promise<Netns | undefined> {
  if (member.netns !== undefined) return member.netns;
  if (pod.ips.length === 0) return undefined;
  const found = (await namespaces.find([{ uid: pod.runtimeUid, ips: pod.ips }])).get(pod.runtimeUid);
  if (found === undefined)
    throw obstructed('no-namespace', `no process of the pod runs in a namespace with the address ${pod.ips.join(' or ')}`);
  return members.settle(member, found);
}
