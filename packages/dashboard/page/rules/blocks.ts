// The layout of large graphs: each namespace a block of rows, the blocks packed into lines, those that talk most next to each other. Pure.
// Forces (fcose) take many seconds for thousands of edges and leave a ball of wool; this takes milliseconds and reads like a map.
import type { GraphEdge, GraphNode } from '../../src/graph.ts';
import { type Point, spacing } from './place.ts';

const gap = 1.2 * spacing;

interface Block {
  readonly nodes: readonly GraphNode[];
  readonly columns: number;
  readonly width: number;
  readonly height: number;
}

/** @param aspect width through height of the screen */
export function blocks(nodes: readonly GraphNode[], edges: readonly GraphEdge[], aspect: number): Map<string, Point> {
  const groups = Map.groupBy(nodes, ({ namespace }) => namespace);
  const made = neighbourly([...groups.keys()].sort(), nodes, edges).map((namespace) => block(groups.get(namespace) ?? []));
  const area = made.reduce((sum, { width, height }) => sum + (width + gap) * (height + gap), 0);
  const lineWidth = Math.sqrt(area * aspect);
  const places = new Map<string, Point>();
  let [x, y, lineHeight] = [0, 0, 0];
  for (const { nodes: members, columns, width, height } of made) {
    if (x > 0 && x + width > lineWidth) {
      y += lineHeight + gap;
      [x, lineHeight] = [0, 0];
    }
    members.forEach(({ id }, at) => {
      places.set(id, { x: x + (at % columns) * spacing, y: y + Math.floor(at / columns) * spacing });
    });
    x += width + gap;
    lineHeight = Math.max(lineHeight, height);
  }
  return places;
}

/** A little wider than high, as names are. */
function block(nodes: readonly GraphNode[]): Block {
  const columns = Math.max(1, Math.ceil(Math.sqrt(nodes.length * 1.3)));
  const rows = Math.ceil(nodes.length / columns);
  return { nodes, columns, width: Math.min(columns, nodes.length) * spacing, height: rows * spacing };
}

/** Each namespace is followed by the one of the rest that shares most edges with it. */
function neighbourly(names: readonly string[], nodes: readonly GraphNode[], edges: readonly GraphEdge[]): string[] {
  const shared = sharedEdges(nodes, edges);
  const rest = new Set(names);
  const order: string[] = [];
  let [next] = names;
  while (next !== undefined) {
    order.push(next);
    rest.delete(next);
    const weights: ReadonlyMap<string, number> | undefined = shared.get(next);
    let best = -1;
    next = undefined;
    for (const name of rest) {
      const weight = weights?.get(name) ?? 0;
      if (weight > best) [best, next] = [weight, name];
    }
  }
  return order;
}

function sharedEdges(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const namespaceOf = new Map(nodes.map(({ id, namespace }) => [id, namespace]));
  const shared = new Map<string, Map<string, number>>();
  const add = (from: string, to: string): void => {
    const weights = shared.get(from) ?? new Map<string, number>();
    weights.set(to, (weights.get(to) ?? 0) + 1);
    shared.set(from, weights);
  };
  for (const { from, to } of edges) {
    const [a, b] = [namespaceOf.get(from), namespaceOf.get(to)];
    if (a === undefined || b === undefined || a === b) continue;
    add(a, b);
    add(b, a);
  }
  return shared;
}
