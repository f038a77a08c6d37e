// What RUST_LOG may say: `level` or `target=level`, comma-separated; of several that fit, the longest target decides.
// Pure; log.ts applies the answer, and the admin page shows `show()`.
import { type Parser, parser } from '../settings.ts';

const levels = ['off', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type Level = (typeof levels)[number];
/** 0 = off … 5 = trace: a line is written when its rank is not above its target's. */
export const rankOf = (level: Level): number => levels.indexOf(level);

export interface Directives {
  readonly fallback: Level;
  /** Longest target first. */
  readonly targets: readonly (readonly [target: string, level: Level])[];
}

/** Later ones win over earlier ones of the same target. An empty text means `info`. */
export function parseDirectives(text: string): { readonly ok: Directives } | { readonly mistakes: readonly string[] } {
  let fallback: Level = 'info';
  const targets = new Map<string, Level>();
  const mistakes: string[] = [];
  for (const part of text.split(',').map((piece) => piece.trim())) {
    if (part === '') continue;
    const cut = part.lastIndexOf('=');
    const level = levelNamed(part.slice(cut + 1));
    const target = cut < 0 ? undefined : part.slice(0, cut);
    if (level === undefined || target === '')
      mistakes.push(`${JSON.stringify(part)} is not a log directive: write level or target=level, where level is ${levels.join(', ')}.`);
    else if (target === undefined) fallback = level;
    else targets.set(target, level);
  }
  if (mistakes.length > 0) return { mistakes };
  return { ok: { fallback, targets: [...targets].sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1)) } };
}

/** For a program's table of settings; the value is the text, found good. */
export const logDirectives: Parser<string> = parser('log directives such as info or dns=debug,info', (text) =>
  'ok' in parseDirectives(text) ? text : undefined,
);

export function levelFor(directives: Directives, target: string): Level {
  return directives.targets.find(([prefix]) => target.startsWith(prefix))?.[1] ?? directives.fallback;
}

/** Canonical text that `parseDirectives` reads back: the most specific first, the fallback last. */
export function show(directives: Directives): string {
  return [...directives.targets.map(([target, level]) => `${target}=${level}`), directives.fallback].join(',');
}

function levelNamed(text: string): Level | undefined {
  return levels.find((level) => level === text.toLowerCase());
}
