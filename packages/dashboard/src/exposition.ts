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
  for (const line of text.split('\n')) {
    const nameEnd = endOfName(line);
    const family = line.slice(0, nameEnd);
    if (!wanted.has(family)) continue;
    if (left-- === 0) return false;
    visitSample(family, line.slice(nameEnd), hasExemplars, visit);
  }
  return true;
}

/** `rest`: of the line, behind the name. */
function visitSample(family: string, rest: string, hasExemplars: boolean, visit: Visit): void {
  const isLabelled = rest.charCodeAt(0) === openBrace;
  const close = !isLabelled ? -1 : hasExemplars ? closingBrace(rest) : rest.lastIndexOf('}');
  if (isLabelled && close < 0) return;
  const value = valueIn(rest, close + 1);
  if (Number.isFinite(value)) visit(family, isLabelled ? rest.slice(1, close) : '', value);
}

/** What follows it, a time or an exemplar, is of no use. */
function valueIn(rest: string, at: number): number {
  if (rest.charCodeAt(at) !== space) return Number.NaN;
  const next = rest.indexOf(' ', at + 1);
  const word = rest.slice(at + 1, next < 0 ? rest.length : next);
  return word === '' ? Number.NaN : Number(word);
}

const [openBrace, space, hash, quote, backslash, closeBrace] = [0x7b, 0x20, 0x23, 0x22, 0x5c, 0x7d];

/** Where the name ends; 0 for a comment, an empty line and one that has only a name. */
function endOfName(line: string): number {
  if (line.charCodeAt(0) === hash) return 0;
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === openBrace || code === space) return at;
  }
  return 0;
}

/** The first one outside quotes; -1 when there is none. */
function closingBrace(rest: string): number {
  let quoted = false;
  for (let at = 1; at < rest.length; at++) {
    const code = rest.charCodeAt(at);
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
