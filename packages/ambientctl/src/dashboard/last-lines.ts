// The last lines of the mesh's access log about an edge or a node of the graph.
// Used by commands/dashboard.ts, with the user's own right to read logs. What lines mean is access-log/.
import type { AnswerPorts, AskedNode } from '@ambient-mesh/dashboard/answers';
import type { LogLine } from '@ambient-mesh/dashboard/graph';
import type { KubeClient } from '@ambient-mesh/kube/client';
import { keyText } from '@ambient-mesh/kube/kind';
import { LineSplitter } from '@ambient-mesh/kube/lines';
import type { GraphProxy } from '@ambient-mesh/translate/pods-in-graph';
import { isWanted, type Wish } from '../access-log/record.ts';
import { recordText } from '../access-log/text.ts';
import { type Names, parseWaypointLine } from '../access-log/waypoint-line.ts';
import { parseZtunnelLine } from '../access-log/ztunnel-line.ts';
import { namesByAddress } from '../pods.ts';

export interface LogParts {
  readonly client: KubeClient;
  readonly proxies: () => Promise<readonly GraphProxy[]>;
  readonly signal: AbortSignal;
}

/** Of each proxy's log. */
const tailLines = '2000';
const longestLineBytes = 1 << 20;

export function lastLines(parts: LogParts): NonNullable<AnswerPorts['logs']> {
  return async (from, to, limit) => {
    const wish = { workload: calledAs(from), peer: to && calledAs(to) };
    const proxies = await parts.proxies();
    const names = proxies.some(({ waypoint }) => waypoint !== undefined) ? await namesByAddress(parts.client, parts.signal) : new Map();
    const all = await Promise.all(proxies.map((proxy) => linesOf(parts, proxy, names, wish)));
    return all
      .flat()
      .sort((a, b) => b.at - a.at)
      .slice(0, limit);
  };
}

/** Outside the mesh is whoever the other end is not. */
const calledAs = ({ kind, name, namespace }: AskedNode): string | undefined => (kind === 'unknown' ? undefined : `${name}.${namespace}`);

async function linesOf({ client, signal }: LogParts, proxy: GraphProxy, names: Names, wish: Wish): Promise<readonly LogLine[]> {
  const found: LogLine[] = [];
  const lines = new LineSplitter(`the log of ${keyText(proxy)}`, longestLineBytes);
  for await (const chunk of await client.podLog(proxy, { follow: false, tailLines }, signal))
    for (const line of lines.push(chunk)) {
      const record = proxy.waypoint === undefined ? parseZtunnelLine(line) : parseWaypointLine(line, names);
      if (record === undefined || !isWanted(record, wish)) continue;
      found.push({ at: Date.parse(record.time) || 0, text: recordText(record, proxy.name, false), pod: proxy.name });
    }
  return found;
}
