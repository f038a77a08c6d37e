// Makes predicates of text matches: paths, headers, methods, query parameters. Pure.
// Used by route-match.ts and cors.ts. Regular expressions are pattern.ts's, so that no text takes more than linear time.
import { Pattern } from './pattern.ts';
import type { TextMatch } from './text.ts';

export type TextTest = (text: string) => boolean;

const anything: TextTest = () => true;

/** Throws SyntaxError when it holds a regular expression that RE2 would not take, or that is too large. */
export function compileText(match: TextMatch): TextTest {
  if ('present' in match) return anything;
  if ('regex' in match) {
    const pattern = new Pattern(match.regex);
    return (text) => pattern.matches(text);
  }
  if ('suffix' in match) return (text) => text.endsWith(match.suffix);
  if ('prefix' in match) {
    const { prefix } = match;
    if (!match.ignoreCase) return (text) => text.startsWith(prefix);
    const folded = prefix.toLowerCase();
    return (text) => text.slice(0, prefix.length).toLowerCase() === folded;
  }
  const { exact } = match;
  if (!match.ignoreCase) return (text) => text === exact;
  const folded = exact.toLowerCase();
  return (text) => text.length === exact.length && text.toLowerCase() === folded;
}
