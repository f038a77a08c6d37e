// Puts one pod into the mesh, or back into it (facts: control-plane §2.8). Every step may be repeated; whatever fails is an EnrolFault.
// The ztunnel listens in the pod before the first connection is redirected to it, so a running pod loses none.
// Is the ztunnel missing the pod is captured all the same: its connections then fail rather than pass in clear.
import type { Netns } from '@ambient-mesh/host/netns';
import type { Capture } from '@ambient-mesh/host/redirect-rules';
import type { Ip } from '@ambient-mesh/model/address';
import { describeError, isFault } from '@ambient-mesh/runtime/errors';
import type { Pod } from '../facts/pod.ts';
import { isSameCapture, type Placement } from '../plan/pod-plan.ts';
import type { EnrolledPod, Members } from './members.ts';
import { type NodeParts, obstructed } from './node.ts';

export interface Enrolment {
  readonly pod: Pod;
  readonly ips: readonly Ip[];
  readonly capture: Capture;
  /** Undefined: its namespace is looked for. */
  readonly placement: Placement | undefined;
}

/** @throws MeshError<EnrolFault>; a pod that only lacks its ztunnel is annotated `pending` before that. */
export async function enrol(order: Enrolment, node: NodeParts, members: Members, signal: AbortSignal): Promise<void> {
  const { pod, ips, capture } = order;
  // Known before anything is done, so that a ztunnel that connects meanwhile hears of it.
  const member = members.ensure(pod);
  member.pod = pod;
  const netns = await namespaceOf(order, member, node, members);
  const refusal = await offer(pod, netns, node, signal);
  if (!isCaptured(member, netns, capture, node)) await capturePod(member, netns, capture, node, signal);
  if (refusal !== undefined) {
    member.isPending = true;
    await annotate(pod, 'pending', node, signal);
    throw refusal;
  }
  try {
    const old = member.ips.filter((ip) => !ips.includes(ip));
    await node.probes.upsert(pod.uid, ips, signal);
    if (old.length > 0) await node.probes.remove(pod.uid, old, signal);
  } catch (e) {
    throw obstructed('probes', 'the node cannot let its health probes through', e);
  }
  Object.assign(member, { ips, isPending: false });
  await annotate(pod, 'enabled', node, signal);
}

/** Rules that nobody has touched are not written at every attempt: a node full of pods may wait long for its ztunnel. */
function isCaptured(member: EnrolledPod, netns: Netns, capture: Capture, { rules }: Pick<NodeParts, 'rules'>): boolean {
  const { capture: given, generation, isSuspect } = member;
  if (given === undefined || generation === undefined || isSuspect || !isSameCapture(given, capture)) return false;
  return rules.generation(netns) === generation;
}

/** Writes the rules that the pod should have, and remembers the state of the namespace after that. */
export async function capturePod(
  member: EnrolledPod,
  netns: Netns,
  capture: Capture,
  { rules }: Pick<NodeParts, 'rules'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await rules.apply(netns, capture, signal);
    Object.assign(member, { capture, isSuspect: false, generation: rules.generation(netns) });
  } catch (e) {
    throw obstructed('rules', 'the redirect rules cannot be written', e);
  }
}

export async function annotate(
  pod: Pod,
  value: 'enabled' | 'pending',
  node: Pick<NodeParts, 'annotate'>,
  signal: AbortSignal,
): Promise<void> {
  if (pod.redirection === value) return;
  try {
    await node.annotate(pod, value, signal);
  } catch (e) {
    throw obstructed('annotation', `the pod cannot be annotated as ${value}`, e);
  }
}

async function namespaceOf({ pod, ips, placement }: Enrolment, member: EnrolledPod, node: NodeParts, members: Members): Promise<Netns> {
  const wanted = { uid: pod.runtimeUid, ips };
  if (placement !== undefined) {
    try {
      return members.settle(member, node.namespaces.open(placement.netns, wanted));
    } catch (e) {
      throw obstructed('no-namespace', `the network namespace that the container runtime names cannot be used`, e);
    }
  }
  if (member.netns !== undefined && !member.hasMoved) return member.netns;
  const found = (await node.namespaces.find([wanted])).get(pod.runtimeUid);
  if (found === undefined)
    throw obstructed('no-namespace', `no process of the pod runs in a namespace with the address ${ips.join(' or ')}`);
  return members.settle(member, found);
}

/** Undefined: a ztunnel serves the pod. */
async function offer(pod: Pod, netns: Netns, { ztunnels }: NodeParts, signal: AbortSignal): Promise<Error | undefined> {
  const { uid, name, namespace, serviceAccount } = pod;
  try {
    await ztunnels.add({ uid, info: { name, namespace, serviceAccount }, netns }, signal);
    return undefined;
  } catch (e) {
    if (isFault(e, 'zds.no-ztunnel')) return obstructed('no-ztunnel', 'no ztunnel is connected on this node', e);
    return obstructed('ztunnel-refused', `the ztunnel did not take the pod: ${describeError(e)}`, e);
  }
}
