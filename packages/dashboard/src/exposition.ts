// Reads what a proxy tells a scraper: Prometheus text or OpenMetrics, only the families that are wanted. Pure.
// Called by collect.ts with every scrape. What a proxy sends is not trusted: whatever cannot be read is left out, and nothing throws.
// Labels stay text here: families share the text of their labels, so whoever reads them splits each text once (`parseLabels`).

/** `labels`: what is between the braces. Called in the order of the text, for finite values only. */
export type Visit = (family: string, labels: string, value: number) => void;

/** An exposition may have comments after values (exemplars), which hold braces of their own. */
const exemplar = '# {';

/** At most `most` samples are visited. False: there were more. */
export function readExposition(text: string, wanted: ReadonlySet<string>, most: number, visit: Visit): boolean {
  const hasExemplars = text.includes(exemplar);
  let left = most;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const nameEnd = endOfName(text, at, end);
    const family = nameEnd > at ? text.slice(at, nameEnd) : '';
    if (wanted.has(family)) {
      if (left-- === 0) return false;
      visitSample({ text, family, at: nameEnd, end, hasExemplars }, visit);
    }
    at = end + 1;
  }
  return true;
}

interface Line {
  readonly text: string;
  readonly family: string;
  /** Behind the name. */
  readonly at: number;
  readonly end: number;
  readonly hasExemplars: boolean;
}

function visitSample({ text, family, at, end, hasExemplars }: Line, visit: Visit): void {
  if (text.charCodeAt(at) !== openBrace) {
    visitValue(text, at, end, (value) => visit(family, '', value));
    return;
  }
  const close = hasExemplars ? closingBrace(text, at + 1, end) : text.lastIndexOf('}', end - 1);
  if (close > at) visitValue(text, close + 1, end, (value) => visit(family, text.slice(at + 1, close), value));
}

/** What follows the value, a time or an exemplar, is of no use. */
function visitValue(text: string, at: number, end: number, visit: (value: number) => void): void {
  if (text.charCodeAt(at) !== space) return;
  const next = text.indexOf(' ', at + 1);
  const word = text.slice(at + 1, next < 0 || next > end ? end : next);
  const value = word === '' ? Number.NaN : Number(word);
  if (Number.isFinite(value)) visit(value);
}

const [openBrace, space, hash, quote, backslash, closeBrace] = [0x7b, 0x20, 0x23, 0x22, 0x5c, 0x7d];

/** Where the name ends; `at` for a comment, an empty line and one that has only a name. */
function endOfName(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === hash) return at;
  for (let to = at; to < end; to++) {
    const code = text.charCodeAt(to);
    if (code === openBrace || code === space) return to;
  }
  return at;
}

/** The first one outside quotes; -1 when there is none. */
function closingBrace(text: string, from: number, end: number): number {
  let quoted = false;
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash && quoted) at++;
    else if (code === quote) quoted = !quoted;
    else if (code === closeBrace && !quoted) return at;
  }
  return -1;
}

export type Labels = ReadonlyMap<string, string>;

const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/y;

/** Undefined: this is no list of labels. */
export function parseLabels(text: string): Labels | undefined {
  const labels = new Map<string, string>();
  for (label.lastIndex = 0; label.lastIndex < text.length; ) {
    const found = label.exec(text);
    if (found === null) return undefined;
    const [, name = '', value = ''] = found;
    labels.set(name, value.includes('\\') ? unescaped(value) : value);
  }
  return labels;
}

const unescaped = (value: string): string => value.replace(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
