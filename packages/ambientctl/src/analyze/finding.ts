// What an analyzer has to say of one object. Made by the analyzers, chosen from by analysis.ts, shown by commands/analyze.ts. Pure.
import { type Code, codes, type Level, levels } from './codes.ts';

export interface Subject {
  readonly kind: string;
  /** `''` for what lives outside of namespaces. */
  readonly namespace: string;
  readonly name: string;
}

export interface Finding {
  readonly code: Code;
  readonly level: Level;
  readonly subject: Subject;
  /** Who and what; one line. */
  readonly message: string;
  /** What to do. */
  readonly advice: string;
}

/** Level and advice are the code's, unless given. */
export function finding(code: Code, subject: Subject, message: string, given: Partial<Pick<Finding, 'level' | 'advice'>> = {}): Finding {
  const { level, advice } = codes[code];
  const { kind, namespace, name } = subject;
  return { code, level, subject: { kind, namespace, name }, message: sentence(message), advice, ...given };
}

/** Words of conditions are no sentences. */
const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

export const isAtLeast = (level: Level, threshold: Level): boolean => levels.indexOf(level) >= levels.indexOf(threshold);

/** `Pod shop/cart-1`, or `Namespace shop`. */
export const subjectText = ({ kind, namespace, name }: Subject): string => `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;

const mostNamed = 3;

/** A message names a few, and counts the rest. */
export function someOf(names: readonly string[]): string {
  const more = names.length - mostNamed;
  return more > 0 ? `${names.slice(0, mostNamed).join(', ')} and ${more} more` : names.join(', ');
}
