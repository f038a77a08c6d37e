// The graph in words: for the line above both views and for whoever cannot see the picture. Pure.
import type { Graph, GraphEdge, GraphNode } from '../../src/graph.ts';
import { byteRate, counted, milliseconds, percent, rate } from './figures.ts';
import type { Shown } from './filter.ts';
import { isDenied, isInClear, kinds, nameOf, titleOf, traffic } from './words.ts';

/** `12 workloads, 34 connections, 2.3 MB/s, 1 denied, 2 in clear`. */
export function summary({ nodes, edges }: Shown): string {
  const denied = edges.filter(isDenied).length;
  const clear = edges.filter(isInClear).length;
  const bytes = edges.reduce((sum, edge) => sum + traffic(edge), 0);
  return [
    counted(nodes.length, 'node'),
    counted(edges.length, 'edge'),
    ...(bytes > 0 ? [byteRate(bytes)] : []),
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(clear > 0 ? [`${clear} in clear`] : []),
  ].join(', ');
}

/** Where the figures come from and what they cover. */
export function provenance(graph: Graph, wantedSeconds: number): string {
  const from = graph.source === 'prometheus' ? 'from Prometheus' : 'from the proxies themselves';
  const covered = Math.round(graph.windowSeconds);
  return covered < wantedSeconds ? `${from}, so far over ${covered} s` : from;
}

/** What a screen reader says when the keyboard comes to a node of the picture. */
export function nodeInWords(node: GraphNode, edges: readonly GraphEdge[]): string {
  const out = edges.filter((edge) => edge.from === node.id);
  const into = edges.filter((edge) => edge.to === node.id);
  const denied = [...out, ...into].filter(isDenied).length;
  return [
    node.kind === 'unknown' ? kinds.unknown : `${kinds[node.kind]} ${nameOf(node.id)}`,
    `${counted(out.length, 'edge')} out`,
    `${counted(into.length, 'edge')} in`,
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(node.inMesh === false ? ['not in the mesh'] : []),
  ].join(', ');
}

/** The text on an edge of the picture; empty: only its lock. */
export function edgeLabel(edge: GraphEdge): string {
  if (isDenied(edge)) return ['denied', ...edge.deniedBy.slice(0, 1)].join(' · ');
  if (edge.http !== undefined && edge.http.requestsPerSecond > 0) {
    const errors = edge.http.errorRate > 0 ? ` · ${percent(edge.http.errorRate)} err` : '';
    return `${rate(edge.http.requestsPerSecond)}${errors} · p99 ${milliseconds(edge.http.p99Ms)}`;
  }
  return traffic(edge) > 0 ? byteRate(traffic(edge)) : '';
}

/** For a button or a link that leads to an edge. */
export function edgeInWords(edge: GraphEdge): string {
  const label = edgeLabel(edge);
  return `${titleOf(edge)}, ${edge.protocol.toUpperCase()}${label === '' ? '' : `, ${label}`}`;
}
