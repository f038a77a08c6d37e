// Finds a place for a node that has just appeared, without moving any other. Pure.
// The whole picture is laid out once, by the canvas' layout; from then on positions belong to the viewer.
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Centre to centre, in the units of the picture: room for a node and its name. */
export const spacing = 110;

export interface Surroundings {
  /** Of the nodes of the same namespace. */
  readonly siblings: readonly Point[];
  /** Of the nodes at the other ends of its edges. */
  readonly neighbours: readonly Point[];
  /** Of all nodes. */
  readonly taken: readonly Point[];
}

/** Near its siblings or else its neighbours, else beside everything; never on top of another. */
export function place({ siblings, neighbours, taken }: Surroundings): Point {
  if (taken.length === 0) return { x: 0, y: 0 };
  if (siblings.length > 0) return free(mean(siblings), taken);
  // A namespace of its own: outside of all others, on the side where its neighbours are.
  const { x: left } = corner(taken, Math.min);
  const { x: right, y: bottom } = corner(taken, Math.max);
  const wanted = neighbours.length > 0 ? mean(neighbours).x : (left + right) / 2;
  return free({ x: wanted, y: bottom + 2 * spacing }, taken);
}

/** The first free spot on squares that grow around the wanted one. */
function free(wanted: Point, taken: readonly Point[]): Point {
  for (let ring = 0; ; ring += 1) {
    for (const offset of square(ring)) {
      const spot = { x: wanted.x + offset.x * spacing, y: wanted.y + offset.y * spacing };
      if (taken.every((other) => Math.hypot(other.x - spot.x, other.y - spot.y) >= spacing * 0.9)) return spot;
    }
  }
}

function* square(ring: number): Iterable<Point> {
  for (let y = -ring; y <= ring; y += 1) {
    for (let x = -ring; x <= ring; x += 1) if (Math.max(Math.abs(x), Math.abs(y)) === ring) yield { x, y };
  }
}

function mean(points: readonly Point[]): Point {
  const sum = points.reduce((all, { x, y }) => ({ x: all.x + x, y: all.y + y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

function corner(points: readonly Point[], pick: (a: number, b: number) => number): Point {
  return points.reduce((all, { x, y }) => ({ x: pick(all.x, x), y: pick(all.y, y) }));
}
