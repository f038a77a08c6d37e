// The page's words for what the graph says of a node or an edge, and the few judgements behind them. Pure.
import type { GraphEdge, GraphNode } from '../../src/graph.ts';

interface Security {
  /** For a cell or a chip. */
  readonly short: string;
  /** For the panel. */
  readonly long: string;
  readonly lock: 'closed' | 'open' | 'none';
}

export const security: Readonly<Record<GraphEdge['security'], Security>> = {
  mutual_tls: { short: 'mTLS', long: 'Encrypted and authenticated with mutual TLS', lock: 'closed' },
  local: { short: 'Local', long: 'Never left the node: both ends share a tunnel', lock: 'closed' },
  none: { short: 'Clear', long: 'In clear: neither encrypted nor authenticated', lock: 'open' },
  mixed: { short: 'Mixed', long: 'Some connections with mutual TLS, some in clear', lock: 'open' },
  unknown: { short: 'Unknown', long: 'Not known: whoever reports these connections does not say', lock: 'none' },
};

export const kinds: Readonly<Record<GraphNode['kind'], string>> = {
  workload: 'Workload',
  service: 'Service',
  waypoint: 'Waypoint',
  unknown: 'Outside the mesh',
};

export const isDenied = (edge: GraphEdge): boolean => edge.denials > 0;
export const isInClear = (edge: GraphEdge): boolean => security[edge.security].lock === 'open';

/** Bytes per second, both ways. */
export const traffic = (edge: GraphEdge): number => edge.bytesPerSecond.sent + edge.bytesPerSecond.received;

export function isIdle(edge: GraphEdge): boolean {
  const busy = traffic(edge) + edge.connectionsPerSecond + edge.openConnections + edge.denials + (edge.http?.requestsPerSecond ?? 0);
  return !(busy > 0);
}

/** `shop/web` of `workload:shop/web`. */
export function nameOf(nodeId: string): string {
  return nodeId === 'unknown' ? 'outside' : nodeId.slice(nodeId.indexOf(':') + 1);
}

/** A service is most often named like the workload behind it: what is not a workload says what it is. */
export function spoken(nodeId: string): string {
  const kind = nodeId.slice(0, nodeId.indexOf(':'));
  return kind === 'service' || kind === 'waypoint' ? `${kind} ${nameOf(nodeId)}` : nameOf(nodeId);
}

/** `shop/web to service shop/db`. */
export function titleOf(edge: GraphEdge): string {
  return `${spoken(edge.from)} to ${spoken(edge.to)}`;
}
