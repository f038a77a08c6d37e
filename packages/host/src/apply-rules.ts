// Puts a pod's capture rules into its network namespace, and takes them away.
// What the rules are is redirect-rules.ts; this file only runs `ip` and `nft` there.
// Both directions may be repeated at any time: the end is the same.
import { isFault } from '@ambient-mesh/runtime/errors';
import { loopbackHasIpv6 } from './ipv6.ts';
import { listRules } from './listed-rules.ts';
import type { Netns } from './netns.ts';
import { type Capture, captureTables, hasOurChains, noRedirectRules, policyRoutes, redirectRules } from './redirect-rules.ts';
import { firstGeneration, rulesGeneration } from './rules-generation.ts';
import { type RunFault, runIn } from './run-in.ts';

/** What of a wish can be had: a pod without IPv6 is captured without. */
export const effective = (netns: Netns, capture: Capture): Capture => ({ ...capture, ipv6: capture.ipv6 && loopbackHasIpv6(netns) });

/** Routes first: without them the first reply to a spoofed connection would leave the pod. Throws RunFault, HostFault or RangeError. */
export async function applyRules(netns: Netns, wanted: Capture, signal: AbortSignal): Promise<void> {
  const capture = effective(netns, wanted);
  const rules = redirectRules(capture, await strangeTables(netns, signal));
  await Promise.all(policyRoutes(capture.ipv6).map(({ family, add }) => ipBatch(netns, family, add, ['File exists'], signal)));
  await runIn(netns, ['nft', '-f', '-'], signal, { stdin: rules });
}

/** Tables of ours that an older layout, or a stranger, has left with other chains than ours. */
async function strangeTables(netns: Netns, signal: AbortSignal): Promise<string[]> {
  if (rulesGeneration(netns) === firstGeneration) return [];
  const listing = await listRules(netns, captureTables, signal);
  return captureTables.filter((table) => !hasOurChains(table, listing[table] ?? []));
}

/** Rules first, then the routes, of both families whatever was asked for then. */
export async function removeRules(netns: Netns, signal: AbortSignal): Promise<void> {
  await runIn(netns, ['nft', '-f', '-'], signal, { stdin: noRedirectRules() });
  await Promise.all(policyRoutes(true).map(({ family, remove }) => ipBatch(netns, family, remove, absent, signal)));
}

/** How `ip` says, for one family or the other, that there is nothing to remove. */
const absent = ['No such file or directory', 'No such process', 'FIB table does not exist', 'not supported'];

/** All of the commands, whichever of them fail; one that fails for another reason than the harmless ones throws. */
async function ipBatch(
  netns: Netns,
  family: '-4' | '-6',
  commands: readonly string[],
  harmless: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await runIn(netns, ['ip', family, '-force', '-batch', '-'], signal, { stdin: `${commands.join('\n')}\n` });
  } catch (why) {
    if (!isFault(why, 'host.run')) throw why;
    const { exit, said } = why.fault as RunFault;
    // `Command failed -:2` follows each complaint.
    const complaints = said.split('\n').filter((line) => !line.startsWith('Command failed'));
    // Without an exit code it has not come to its end.
    if (exit === undefined || !complaints.every((line) => harmless.some((text) => line.includes(text)))) throw why;
  }
}
