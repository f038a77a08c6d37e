// The agent's start on a node that may have been running for long: which pods are enrolled already, and which hold rules that nobody wants.
// Called once by app.ts, before ztunnels are let in, so that the first snapshot that they get is complete (facts: control-plane §2.4).
import type { Netns } from '@ambient-mesh/host/netns';
import type { Capture } from '@ambient-mesh/host/redirect-rules';
import { firstGeneration } from '@ambient-mesh/host/rules-generation';
import type { Ip } from '@ambient-mesh/model/address';
import type { Pod } from '../facts/pod.ts';
import type { EnrolledPod, Members } from './members.ts';
import type { NodeParts } from './node.ts';

/** Pods of the node that the API server says are in the mesh, and should be. */
export const isEnrolled = (pod: Pod, isWanted: boolean): boolean => pod.redirection === 'enabled' && isWanted && !pod.isOver;

/** They become members; those whose namespace is not found are kept by their ztunnel as they are. */
export async function restore(pods: readonly Pod[], namespaces: NodeParts['namespaces'], members: Members): Promise<void> {
  for (const pod of pods) members.ensure(pod).isPending = false;
  const found = await namespaces.find(pods.map(({ runtimeUid, ips }) => ({ uid: runtimeUid, ips })));
  for (const pod of pods) {
    const member = members.ensure(pod);
    const netns = found.get(pod.runtimeUid);
    member.isSuspect = netns === undefined || !settled(members, member, netns);
  }
}

/** False: the namespace is another member's, and nobody may have it twice. */
function settled(members: Members, member: EnrolledPod, netns: Netns): boolean {
  try {
    members.settle(member, netns);
    return true;
  } catch {
    return false;
  }
}

/** The addresses that the node's probes should pass to; nothing may be pruned while an enrolled pod's address is not known. */
export function probeTargets(pods: readonly Pod[]): { readonly all: ReadonlyMap<string, readonly Ip[]>; readonly prune: boolean } {
  return { all: new Map(pods.map(({ uid, ips }) => [uid, ips])), prune: pods.every(({ ips }) => ips.length > 0) };
}

/**
 * Rules left behind in pods that are neither wanted nor annotated: an earlier agent was killed in the middle of its work there.
 * Without this such a pod would talk to a ztunnel that does not know it. Rejects with the first failure, after all have had their turn.
 */
export async function sweepResidue(
  pods: readonly Pod[],
  { namespaces, rules }: Pick<NodeParts, 'namespaces' | 'rules'>,
  removed: (pod: Pod) => void,
  signal: AbortSignal,
): Promise<void> {
  const found = await namespaces.find(pods.map(({ runtimeUid, ips }) => ({ uid: runtimeUid, ips })));
  const failures: unknown[] = [];
  for (const pod of pods) {
    using netns = found.get(pod.runtimeUid);
    try {
      if (netns === undefined || !(await hasRules(netns, rules, signal))) continue;
      await rules.remove(netns, signal);
      removed(pod);
    } catch (e) {
      failures.push(e);
    }
  }
  if (failures.length > 0) throw failures[0];
}

const anyCapture: Capture = { ipv6: true, dnsCapture: true, ingress: false, virtualInterfaces: [] };

/** A namespace whose rules nobody ever changed is spared the look. */
async function hasRules(netns: Netns, rules: NodeParts['rules'], signal: AbortSignal): Promise<boolean> {
  return rules.generation(netns) > firstGeneration && (await rules.check(netns, anyCapture, signal)) !== 'absent';
}
