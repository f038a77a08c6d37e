// Graphs to show: a small shop with a waypoint, a denial and a plaintext peer, and a mesh of any size.
// What the page is tested and measured with where no traffic is needed.
import type { Graph, GraphEdge, GraphNode } from '@ambient-mesh/dashboard/graph';

type Kind = 'workload' | 'service' | 'waypoint';

export const node = (kind: Kind, namespace: string, name: string, more: Partial<GraphNode> = {}): GraphNode => ({
  id: `${kind}:${namespace}/${name}`,
  kind,
  namespace,
  name,
  ...(kind === 'workload' && { pods: 1, inMesh: true }),
  ...more,
});

export function edge(from: string, to: string, more: Partial<GraphEdge> = {}): GraphEdge {
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
    principals: { source: identityOf(from), destination: identityOf(to) },
    ...more,
  };
}

const graph = (nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Graph => ({
  at: 0,
  windowSeconds: 60,
  source: 'proxies',
  namespaces: [...new Set(nodes.map(({ namespace }) => namespace).filter((name) => name !== ''))].sort(),
  nodes,
  edges,
  warnings: [],
});

function identityOf(id: string): string {
  const [, namespace, name] = /^workload:(.+)\/(.+)$/.exec(id) ?? [];
  return name === undefined ? '' : `spiffe://cluster.local/ns/${namespace}/sa/${name}`;
}

/** 12 nodes in three namespaces, 10 edges. */
export function shop(): Graph {
  const nodes = [
    node('workload', 'shop', 'web', { pods: 3 }),
    node('service', 'shop', 'cart'),
    node('workload', 'shop', 'cart', { pods: 2 }),
    node('service', 'shop', 'catalog'),
    node('waypoint', 'shop', 'waypoint'),
    node('workload', 'shop', 'catalog', { pods: 2 }),
    node('service', 'bank', 'ledger'),
    node('workload', 'bank', 'ledger'),
    node('workload', 'bank', 'audit'),
    node('workload', 'batch', 'report', { inMesh: false }),
    node('workload', 'batch', 'mailer'),
    { id: 'unknown', kind: 'unknown', namespace: '', name: '' } as const,
  ];
  const http = { requestsPerSecond: 42, errorRate: 0.03, p50Ms: 4.2, p99Ms: 87 };
  return graph(nodes, [
    edge('unknown', 'workload:shop/web', {
      security: 'none',
      bytesPerSecond: { sent: 12_000, received: 480_000 },
      connectionsPerSecond: 9,
    }),
    edge('workload:shop/web', 'service:shop/cart', {
      bytesPerSecond: { sent: 31_000, received: 92_000 },
      connectionsPerSecond: 4,
      openConnections: 12,
    }),
    edge('service:shop/cart', 'workload:shop/cart', {
      bytesPerSecond: { sent: 31_000, received: 92_000 },
      connectionsPerSecond: 4,
      openConnections: 12,
    }),
    edge('workload:shop/web', 'waypoint:shop/waypoint', { bytesPerSecond: { sent: 70_000, received: 1_900_000 }, openConnections: 8 }),
    edge('waypoint:shop/waypoint', 'service:shop/catalog', {
      protocol: 'http',
      bytesPerSecond: { sent: 68_000, received: 1_900_000 },
      http,
    }),
    edge('service:shop/catalog', 'workload:shop/catalog', {
      protocol: 'http',
      bytesPerSecond: { sent: 68_000, received: 1_900_000 },
      http,
    }),
    edge('workload:shop/cart', 'service:bank/ledger', {
      bytesPerSecond: { sent: 5_400, received: 2_100 },
      connectionsPerSecond: 1.5,
      openConnections: 3,
    }),
    edge('service:bank/ledger', 'workload:bank/ledger', {
      security: 'local',
      bytesPerSecond: { sent: 5_400, received: 2_100 },
      openConnections: 3,
    }),
    edge('workload:batch/mailer', 'workload:bank/ledger', {
      connectionsPerSecond: 0.2,
      denialsPerSecond: 0.2,
      denials: 12,
      deniedBy: ['bank/only-cart'],
    }),
    edge('workload:batch/report', 'workload:bank/audit', {
      security: 'none',
      bytesPerSecond: { sent: 900, received: 14_000 },
      openConnections: 1,
    }),
  ]);
}

/** Namespaces of twenty workloads that mostly talk among themselves. The same every time. */
export function mesh(nodeCount: number, edgeCount: number): Graph {
  let state = 1;
  const below = (n: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % n;
  };
  const nodes = Array.from({ length: nodeCount }, (_, at) => node('workload', `team-${Math.floor(at / 20)}`, `app-${at}`));
  const edges = new Map<string, GraphEdge>();
  while (edges.size < edgeCount) {
    const from = below(nodeCount);
    const to = below(4) === 0 ? below(nodeCount) : Math.min(nodeCount - 1, Math.floor(from / 20) * 20 + below(20));
    const [client, server] = [nodes[from], nodes[to]];
    if (from === to || client === undefined || server === undefined) continue;
    const made = edge(client.id, server.id, {
      bytesPerSecond: { sent: below(1_000_000), received: below(1_000_000) },
      openConnections: below(30),
      security: below(20) === 0 ? 'none' : 'mutual_tls',
      ...(below(100) === 0 && { denials: 1, deniedBy: ['team-1/deny'] }),
    });
    edges.set(made.id, made);
  }
  return graph(nodes, [...edges.values()]);
}
