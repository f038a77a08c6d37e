// The half-way station of a pod that leaves the mesh: new connections are redirected no more, while those that are go on through the tunnel.
// Called by the node agent before the tunnel lets go of the pod; apply-rules.ts takes the rest away afterwards.
import type { Netns } from './netns.ts';
import { runIn } from './run-in.ts';

const table = 'istio-ambient-nat';

/** Chains with a hook stay: without them the kernel would forget whose addresses it has rewritten. */
const rules = ['istio-prerouting', 'istio-output'].flatMap((chain) => [
  `add chain inet ${table} ${chain}`,
  `flush chain inet ${table} ${chain}`,
]);

/** Throws RunFault. No error where there are no rules. */
export async function openRules(netns: Netns, signal: AbortSignal): Promise<void> {
  await runIn(netns, ['nft', '-f', '-'], signal, { stdin: `add table inet ${table}\n${rules.join('\n')}\n` });
}
