// Arrow keys in the picture: which node is next in a direction. Pure.
import type { Point } from './place.ts';

const ways = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
} as const;
export type Arrow = keyof typeof ways;

export function isArrow(key: string): key is Arrow {
  return Object.hasOwn(ways, key);
}

export interface Spot extends Point {
  readonly id: string;
}

/**
 * The nearest node that lies rather in this direction than across it; what is aside counts double.
 * Without one (the edge of the picture) the same id. With no node to start from, the first in reading order.
 */
export function next(spots: readonly Spot[], from: string | undefined, arrow: Arrow): string | undefined {
  const start = spots.find((spot) => spot.id === from);
  if (start === undefined) return [...spots].sort((a, b) => a.y - b.y || a.x - b.x)[0]?.id;
  const way = ways[arrow];
  let best: { id: string; cost: number } = { id: start.id, cost: Number.POSITIVE_INFINITY };
  for (const spot of spots) {
    const [dx, dy] = [spot.x - start.x, spot.y - start.y];
    const ahead = dx * way.x + dy * way.y;
    const aside = Math.abs(dx * way.y) + Math.abs(dy * way.x);
    const cost = ahead + 2 * aside;
    if (ahead > 0 && aside <= 2 * ahead && cost < best.cost) best = { id: spot.id, cost };
  }
  return best.id;
}
