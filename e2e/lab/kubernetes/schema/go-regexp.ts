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
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  const source = pattern
    .slice(flags?.[0].length ?? 0)
    .replace(/\[:(\^?)(\w+):\]/g, (whole, not: string, name: string) => (not === '' ? (classes[name] ?? whole) : whole))
    .replace(/\(\?P</g, '(?<')
    .replace(/\\([Az])/g, (_, edge: string) => (edge === 'A' ? '(?<![\\s\\S])' : '(?![\\s\\S])'))
    .replace(/\\p([LNPSZCM])(?![{])/g, '\\p{$1}');
  try {
    return new RegExp(source, `u${flags?.[1] ?? ''}`);
  } catch {
    // Escapes such as `\_` and `\-` are legal in Go, and in JavaScript without the u flag.
    return new RegExp(source, flags?.[1] ?? '');
  }
}
