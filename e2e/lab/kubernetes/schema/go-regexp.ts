// Go's regular expressions (RE2 syntax) as JavaScript's, for `pattern` and for CEL's matches().
// Only what differs between the two is translated; an expression that JavaScript cannot read is refused when its CRD is.
// JavaScript backtracks: patterns come from CRDs, which only administrators of the lab's cluster write.

const classes: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

const compiled = new Map<string, RegExp>();
const maxCompiled = 1_000;

/** @throws SyntaxError when it is none. */
export function goRegExp(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const regExp = compile(pattern);
  if (compiled.size >= maxCompiled) compiled.clear();
  compiled.set(pattern, regExp);
  return regExp;
}

function compile(pattern: string): RegExp {
  const source = scopedFlags(pattern)
    .replace(/\[:(\w+):\]/g, (whole, name: string) => classes[name] ?? whole)
    .replace(/\(\?P</g, '(?<')
    .replace(/\\([Az])/g, (_, edge: string) => (edge === 'A' ? '(?<![\\s\\S])' : '(?![\\s\\S])'))
    .replace(/\\p([LNPSZCM])/g, '\\p{$1}');
  try {
    return new RegExp(source, 'u');
  } catch {
    // Escapes such as `\_` and `\-` are legal in Go, and in JavaScript without the u flag.
    return new RegExp(source);
  }
}

/** Go's `(?i)` holds to the end of the group around it, where JavaScript wants `(?i:…)`. */
function scopedFlags(pattern: string): string {
  const tokens = pattern.match(/\\[\s\S]|\[(?:\\[\s\S]|\[:\w+:\]|[^\]\\])*\]|\(\?[ims]+\)|[\s\S]/g) ?? [];
  /** How many groups of flags are open in each group. */
  const open = [0];
  const scoped = tokens.map((token) => {
    const flags = /^\(\?([ims]+)\)$/.exec(token)?.[1];
    if (flags !== undefined) {
      open.push((open.pop() ?? 0) + 1);
      return `(?${flags}:`;
    }
    if (token === '(') open.push(0);
    return token === ')' && open.length > 1 ? ')'.repeat((open.pop() ?? 0) + 1) : token;
  });
  return scoped.join('') + ')'.repeat(open[0] ?? 0);
}
