// What the canvas is told about each node and edge: id, label, classes, width. Pure.
// Classes carry the meaning; parts/painting.ts gives them their looks.
import type { GraphEdge, GraphNode } from '../../src/graph.ts';
import { edgeLabel } from './summary.ts';
import { isDenied, isIdle, nameOf, security, traffic } from './words.ts';

export interface NodePicture {
  readonly id: string;
  readonly label: string;
  /** Id of its group; empty: none. */
  readonly parent: string;
  readonly classes: string;
}

export interface EdgePicture {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly label: string;
  readonly width: number;
  readonly lock: 'closed' | 'open' | 'none';
  readonly isDenied: boolean;
  readonly classes: string;
  /** Who may be labelled first when there is no room for all. */
  readonly weight: number;
}

export const groupId = (namespace: string): string => `namespace:${namespace}`;

export function nodePicture(node: GraphNode): NodePicture {
  return {
    id: node.id,
    label: node.kind === 'unknown' ? nameOf(node.id) : node.name,
    parent: node.namespace === '' ? '' : groupId(node.namespace),
    classes: [node.kind, ...(node.inMesh === false ? ['bare'] : [])].join(' '),
  };
}

export function edgePicture(edge: GraphEdge): EdgePicture {
  const { lock } = security[edge.security];
  const denied = isDenied(edge);
  return {
    id: edge.id,
    from: edge.from,
    to: edge.to,
    label: shortened(edgeLabel(edge)),
    width: Math.max(width(traffic(edge)), denied ? 2.5 : 0),
    lock,
    isDenied: denied,
    classes: [`lock-${lock}`, ...(denied ? ['denied'] : []), ...(isIdle(edge) ? ['idle'] : [])].join(' '),
    weight: (denied ? 1e15 : 0) + (lock === 'open' ? 1e14 : 0) + traffic(edge) + edge.openConnections,
  };
}

/** A chip is no place for a long name; the panel has all of it. */
const shortened = (label: string): string => (label.length > 32 ? `${label.slice(0, 31)}…` : label);

/** 1.5 units for next to nothing, 1 more for each power of ten from 1 kB/s up, 8 at most. In quarters: small changes repaint nothing. */
function width(bytesPerSecond: number): number {
  const powers = Math.max(0, Math.log10(Math.max(1, bytesPerSecond)) - 2);
  return Math.min(8, 1.5 + Math.round(powers * 4) / 4);
}
