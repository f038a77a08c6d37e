// Large graphs become a map of namespaces in which nothing lies on top of anything.
import { expect, test } from 'vitest';
import type { GraphEdge, GraphNode } from '../../src/graph.ts';
import { edgeOf, nodeOf } from '../testing/pieces.ts';
import { blocks } from './blocks.ts';
import { spacing } from './place.ts';

const namespace = (name: string, count: number): GraphNode[] =>
  Array.from({ length: count }, (_, at) => nodeOf(`workload:${name}/app-${at}`));
const boxOf = (nodes: readonly GraphNode[], edges: readonly GraphEdge[], name: string) => {
  const spots = [...blocks(nodes, edges, 1.6)].flatMap(([id, spot]) => (id.startsWith(`workload:${name}/`) ? [spot] : []));
  const [xs, ys] = [spots.map(({ x }) => x), spots.map(({ y }) => y)];
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
};
const nodes = ['a', 'b', 'c', 'd'].flatMap((name, at) => namespace(name, 5 + 9 * at));

test('every node has a place of its own', () => {
  const spots = [...blocks(nodes, [], 1.6).values()].map(({ x, y }) => `${x} ${y}`);
  expect(new Set(spots).size).toBe(nodes.length);
});

test('namespaces stay apart', () => {
  const boxes = ['a', 'b', 'c', 'd'].map((name) => boxOf(nodes, [], name));
  for (const [at, one] of boxes.entries()) {
    for (const other of boxes.slice(at + 1)) {
      const apart = [other.left - one.right, one.left - other.right, other.top - one.bottom, one.top - other.bottom];
      expect(Math.max(...apart)).toBeGreaterThan(spacing);
    }
  }
});

test('those that talk stand together', () => {
  const edges = [edgeOf('workload:a/app-0', 'workload:c/app-0')];
  const [first, second] = [...blocks(nodes, edges, 1000).keys()].filter((id) => id.endsWith('app-0'));
  expect([first, second]).toEqual(['workload:a/app-0', 'workload:c/app-0']);
});

test('the picture has the shape of the screen', () => {
  const spots = [
    ...blocks(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].flatMap((name) => namespace(name, 16)),
      [],
      2,
    ).values(),
  ];
  const width = Math.max(...spots.map(({ x }) => x));
  const height = Math.max(...spots.map(({ y }) => y));
  expect(width / height).toBeGreaterThan(1.2);
  expect(width / height).toBeLessThan(3.5);
});

test('no nodes, no places', () => expect(blocks([], [], 1).size).toBe(0));
