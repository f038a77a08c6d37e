// Nodes, edges and graphs for the tests of the page's rules: idle and encrypted unless the test says otherwise.
import type { Graph, GraphEdge, GraphNode } from '../../src/graph.ts';

/** @param id `workload:shop/web` */
export function nodeOf(id: string, more: Partial<GraphNode> = {}): GraphNode {
  const [, kind, namespace = '', name = ''] = /^(workload|service|waypoint):(.*)\/(.*)$/.exec(id) ?? [];
  return { id, kind: kind === 'workload' || kind === 'service' || kind === 'waypoint' ? kind : 'unknown', namespace, name, ...more };
}

export function edgeOf(from: string, to: string, more: Partial<GraphEdge> = {}): GraphEdge {
  const protocol = more.protocol ?? 'tcp';
  return {
    id: `${from}>${to}>${protocol}`,
    from,
    to,
    protocol,
    security: 'mutual_tls',
    bytesPerSecond: { sent: 0, received: 0 },
    connectionsPerSecond: 0,
    openConnections: 0,
    failuresPerSecond: 0,
    denialsPerSecond: 0,
    denials: 0,
    deniedBy: [],
    principals: { source: '', destination: '' },
    ...more,
  };
}

/** The nodes are those that the edges name, and more. */
export function graphOf(edges: readonly GraphEdge[], more: readonly GraphNode[] = []): Graph {
  const nodes = [...[...new Set(edges.flatMap(({ from, to }) => [from, to]))].map((id) => nodeOf(id)), ...more];
  const namespaces = [...new Set(nodes.map(({ namespace }) => namespace))].filter((name) => name !== '').sort();
  return { at: 0, windowSeconds: 60, source: 'proxies', namespaces, nodes, edges, warnings: [] };
}
