// What a check comes to: one line for a person, and what to do where something is not right. Made by the judges beside this file, shown by commands/check.ts.

export const topics = ['cluster', 'control plane', 'nodes', 'proxies', 'certificates', 'pods', 'waypoints', 'configuration'] as const;
export type Topic = (typeof topics)[number];

/** `warning`: it works, but somebody should look; also what could not be looked at. */
export type Verdict = 'ok' | 'warning' | 'wrong';

export interface Check {
  readonly topic: Topic;
  readonly verdict: Verdict;
  /** One line. */
  readonly text: string;
  readonly advice?: string;
}

export const ok = (topic: Topic, text: string): Check => ({ topic, verdict: 'ok', text });
export const warning = (topic: Topic, text: string, advice: string): Check => ({ topic, verdict: 'warning', text, advice });
export const wrong = (topic: Topic, text: string, advice: string): Check => ({ topic, verdict: 'wrong', text, advice });

/** Lines about single things are few; where many have the same trouble, a count says more. */
const mostLines = 10;

/** The first ones one by one, the rest as a count. */
export function each<T>(all: readonly T[], one: (item: T) => Check, rest: (more: number) => Check): readonly Check[] {
  const more = all.length - mostLines;
  return [...all.slice(0, mostLines).map(one), ...(more > 0 ? [rest(more)] : [])];
}

/** `3 nodes`, `1 node`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
