// What the panel says of one edge or one node, as pairs of term and description. Pure; parts/panel.ts draws them.
import type { GraphEdge, GraphNode } from '../../src/graph.ts';
import { byteRate, count, milliseconds, percent, rate } from './figures.ts';
import { isDenied, security } from './words.ts';

export type Fact = readonly [term: string, description: string];

export function factsOfEdge(edge: GraphEdge): Fact[] {
  const { http } = edge;
  return [
    ...denialFacts(edge),
    ['Security', security[edge.security].long],
    ['Protocol', edge.protocol.toUpperCase()],
    ['Sent', byteRate(edge.bytesPerSecond.sent)],
    ['Received', byteRate(edge.bytesPerSecond.received)],
    ['New connections', rate(edge.connectionsPerSecond)],
    ['Open connections', count(edge.openConnections)],
    ['Failures', rate(edge.failuresPerSecond)],
    ...(http === undefined ? [] : httpFacts(http)),
    ...identity('Client identity', edge.principals.source),
    ...identity('Server identity', edge.principals.destination),
  ];
}

export function factsOfNode(node: GraphNode): Fact[] {
  if (node.kind === 'unknown')
    return [['About', 'Clients and servers that the mesh does not know: outside the cluster, or on the host network']];
  return [
    ['Namespace', node.namespace],
    ...(node.pods === undefined ? [] : [['Pods', String(node.pods)] as const]),
    ...(node.inMesh === undefined ? [] : [['Mesh', node.inMesh ? 'Enrolled' : 'Not enrolled: its traffic is in clear'] as const]),
  ];
}

function denialFacts(edge: GraphEdge): Fact[] {
  if (!isDenied(edge)) return [];
  const times = `${count(edge.denials)} in this window`;
  return [['Denied', [times, ...(edge.deniedBy.length === 0 ? [] : [edge.deniedBy.join(', ')])].join(': ')]];
}

const httpFacts = (http: NonNullable<GraphEdge['http']>): Fact[] => [
  ['Requests', rate(http.requestsPerSecond)],
  ['Errors', percent(http.errorRate)],
  ['Latency', `p50 ${milliseconds(http.p50Ms)}, p99 ${milliseconds(http.p99Ms)}`],
];

const identity = (term: string, principal: string): Fact[] => (principal === '' ? [] : [[term, principal]]);
