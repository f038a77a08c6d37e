// Chance that can be had again: the same seed, the same choices. Pure; used by the random worlds of explain.test.ts.

export interface Chance {
  /** 0 <= x < 1. */
  readonly random: () => number;
  readonly one: <T>(of: readonly T[]) => T;
  /** True in so many of a hundred cases. */
  readonly percent: (share: number) => boolean;
  /** From `least` to `most`. */
  readonly whole: (least: number, most: number) => number;
  /** So many different ones, in any order. */
  readonly some: <T>(of: readonly T[], least: number, most: number) => readonly T[];
}

/** Mulberry32. */
export function chanceOf(seed: number): Chance {
  let state = seed | 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  const one = <T>(of: readonly T[]): T => {
    const chosen = of[whole(0, of.length - 1)];
    if (chosen === undefined) throw new RangeError('nothing to choose from');
    return chosen;
  };
  const some = <T>(of: readonly T[], least: number, most: number): readonly T[] => {
    const order = of.map((each) => [random(), each] as const).sort(([a], [b]) => a - b);
    return order.slice(0, whole(least, most)).map(([, each]) => each);
  };
  return { random, one, some, whole, percent: (share) => random() * 100 < share };
}
