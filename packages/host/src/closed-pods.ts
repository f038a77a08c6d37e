// Pods whose forwarded traffic the node drops, because they should be in the mesh and are not: one table of ours in the node's namespace.
// Used by the node agent in strict mode. Connections of the node's own processes (health probes) are not forwarded, and pass.
// Where a network plugin forwards past netfilter, as some eBPF ones do, the rules see nothing and drop nothing.
import { familyOf, type Ip } from '@ambient-mesh/model/address';
import type { Netns } from './netns.ts';
import { runIn } from './run-in.ts';

const table = 'ambient-mesh-closed';

/** Exactly these, in one transaction; none takes the table away. Pure. */
export function closedRules(ips: readonly Ip[]): string {
  const fresh = [`add table inet ${table}`, `delete table inet ${table}`];
  if (ips.length === 0) return lines(fresh);
  const drops = ([4, 6] as const).flatMap((family) => {
    const own = [...new Set(ips)].filter((ip) => familyOf(ip) === family);
    if (own.length === 0) return [];
    const [ip, type] = family === 4 ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr'];
    const set = `pods-v${family}`;
    return [
      `add set inet ${table} ${set} { type ${type} ; }`,
      `add element inet ${table} ${set} { ${own.join(', ')} }`,
      `add rule inet ${table} forward ${ip} saddr @${set} counter drop`,
      `add rule inet ${table} forward ${ip} daddr @${set} counter drop`,
    ];
  });
  const chain = `add chain inet ${table} forward { type filter hook forward priority -10 ; }`;
  return lines([...fresh, `add table inet ${table}`, chain, ...drops]);
}

/** Replaces who is shut out. Throws RunFault. */
export async function closePods(node: Netns, ips: readonly Ip[], signal: AbortSignal): Promise<void> {
  await runIn(node, ['nft', '-f', '-'], signal, { stdin: closedRules(ips) });
}

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
