// Chooses the rule for a connection that is not HTTP, by server name. Pure. Used by route-table.ts, which has chosen by service and port.
import type { Backend, TcpRule } from './route.ts';

/** By server name (`''`: none). Undefined: no rule is for it, the connection is refused. */
export type MatchConnection = (serverName: string) => readonly Backend[] | undefined;

/** `groups`: the first in which a rule matches decides; inside it the most specific name, then the first. */
export function matchConnection(groups: readonly (readonly TcpRule[])[]): MatchConnection {
  return (written) => {
    const name = written.toLowerCase();
    for (const rules of groups) {
      let best: TcpRule | undefined;
      let closest = 0;
      for (const rule of rules) {
        const close = closeness(rule, name);
        if (close > closest) [best, closest] = [rule, close];
      }
      if (best !== undefined) return best.backends;
    }
    return undefined;
  };
}

/** 0: not at all; 1: takes any name; above: the more, the closer. */
function closeness({ hostnames }: TcpRule, name: string): number {
  if (hostnames.length === 0) return 1;
  let closest = 0;
  for (const hostname of hostnames) {
    const wanted = hostname.toLowerCase();
    if (wanted === name) return Number.POSITIVE_INFINITY;
    const suffix = wanted.startsWith('*.') ? wanted.slice(1) : undefined;
    if (wanted === '*') closest = Math.max(closest, 1);
    else if (suffix !== undefined && name.length > suffix.length && name.endsWith(suffix)) closest = Math.max(closest, suffix.length);
  }
  return closest;
}
