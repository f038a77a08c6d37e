// Which nodes and edges of a graph the viewer's filters leave. Pure; both views show exactly this.
import type { Graph, GraphEdge, GraphNode } from '../../src/graph.ts';
import type { View } from './view.ts';
import { isDenied, isIdle, isInClear } from './words.ts';

export interface Shown {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** All filters must agree on an edge. A node stays with its edges; one without any stays while no filter asks about edges. */
export function shown(graph: Graph, view: View): Shown {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  const keepsNode = nodeFilter(view);
  const edges = graph.edges.filter((edge) => {
    const from = nodes.get(edge.from);
    const to = nodes.get(edge.to);
    return from !== undefined && to !== undefined && keepsEdge(edge, from, to, view);
  });
  const ends = new Set(edges.flatMap((edge) => [edge.from, edge.to]));
  const asksAboutEdges = view.protocol !== '' || view.deniedOnly || view.clearOnly || view.hideIdle;
  return { edges, nodes: graph.nodes.filter((node) => ends.has(node.id) || (!asksAboutEdges && keepsNode(node))) };
}

function keepsEdge(edge: GraphEdge, from: GraphNode, to: GraphNode, view: View): boolean {
  if (view.protocol !== '' && edge.protocol !== view.protocol) return false;
  if (view.deniedOnly && !isDenied(edge)) return false;
  if (view.clearOnly && !isInClear(edge)) return false;
  if (view.hideIdle && isIdle(edge)) return false;
  if (view.namespaces.length > 0 && ![from, to].some((node) => view.namespaces.includes(node.namespace))) return false;
  const wanted = words(view.search);
  const text = `${searchText(from)} ${searchText(to)} ${edge.deniedBy.join(' ')}`.toLowerCase();
  return wanted.every((word) => text.includes(word));
}

function nodeFilter(view: View): (node: GraphNode) => boolean {
  const wanted = words(view.search);
  return (node) => {
    if (view.namespaces.length > 0 && !view.namespaces.includes(node.namespace)) return false;
    const text = searchText(node).toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
}

const searchText = (node: GraphNode): string =>
  node.kind === 'unknown' ? 'outside the mesh' : `${node.kind} ${node.namespace}/${node.name}`;
const words = (search: string): string[] =>
  search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
