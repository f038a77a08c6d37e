// Blanks out of TypeScript text whatever is not code, so that the rest can be searched with regular expressions.
// A lexer of a hundred lines instead of a parser: the TypeScript 7 compiler has no programming interface.

/** Before a slash these make it the start of a regular expression, not a division. */
const beforeRegex = /(?:^|[([{},;:=!&|?+\-*%~^<>]|\b(?:return|typeof|case|in|of|void|await|yield|throw))\s*$/;

/** Same length, same line breaks: comments become spaces, and so does what stands between the quotes of strings, templates and regular expressions. */
export function mask(text: string): string {
  const out: string[] = [];
  /** For each open `${`: how many braces are open inside it. */
  const templates: number[] = [];
  let at = 0;
  const copy = (count = 1): void => {
    out.push(text.slice(at, at + count));
    at += count;
  };
  const blankTo = (end: number): void => {
    out.push(text.slice(at, end).replace(/[^\n]/g, ' '));
    at = end;
  };
  const template = (): void => {
    const end = templateChunkEnd(text, at);
    blankTo(end);
    if (text[end] === '`') copy();
    else if (end < text.length) {
      copy(2);
      templates.push(0);
    }
  };
  while (at < text.length) {
    const char = text[at];
    const depth = templates.at(-1);
    if (text.startsWith('//', at)) blankTo(endOr(text, text.indexOf('\n', at)));
    else if (text.startsWith('/*', at)) blankTo(endOr(text, text.indexOf('*/', at + 2), 2));
    else if (char === "'" || char === '"') {
      copy();
      blankTo(stringEnd(text, at, char));
      copy();
    } else if (char === '`') {
      copy();
      template();
    } else if (char === '/' && beforeRegex.test(lastOf(out))) {
      copy();
      blankTo(regexEnd(text, at));
      copy();
    } else if (depth !== undefined && char === '}' && depth === 0) {
      templates.pop();
      copy();
      template();
    } else {
      if (depth !== undefined && char === '{') templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && char === '}') templates[templates.length - 1] = depth - 1;
      copy();
    }
  }
  return out.join('');
}

const endOr = (text: string, found: number, plus = 0): number => (found < 0 ? text.length : found + plus);

/** The last code before this point, enough to judge a slash by. */
const lastOf = (out: readonly string[]): string => out.slice(-40).join('').slice(-40);

function stringEnd(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

/** Index of the closing backtick or of the next `${`. */
function templateChunkEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '`' && !text.startsWith('${', at)) at += text[at] === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

function regexEnd(text: string, from: number): number {
  let inClass = false;
  let at = from;
  while (at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true;
    if (text[at] === ']') inClass = false;
    at += text[at] === '\\' ? 2 : 1;
  }
  return Math.min(at, text.length);
}
