// One source file as the rules see it: what it imports, what it exports, where.
// Reads statements at the start of a line, as the formatter writes them; see mask.ts for what keeps strings and comments out.
import { mask } from './mask.ts';

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Names taken from the module; `*` stands for all of them. */
  readonly names: readonly string[];
}

export interface Export {
  readonly name: string;
  readonly line: number;
  readonly isType: boolean;
}

export interface Module {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and literals blanked. */
  readonly code: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
}

export function parseModule(path: string, text: string): Module {
  const code = mask(text);
  return { path, text, code, imports: [...importsOf(text, code)], exports: [...exportsOf(code)] };
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function* importsOf(text: string, code: string): Iterable<Import> {
  const statement = /^[ \t]*(?:import|export)\b([^;'"`()=]*?)\bfrom\s*(['"])/gm;
  const bare = /^[ \t]*import\s*(['"])/gm;
  const call = /(?<![\w.$])(?:import|require)\(\s*(['"`])/g;
  for (const found of code.matchAll(statement)) yield importAt(text, code, found, namesIn(found[1] ?? ''));
  for (const found of code.matchAll(bare)) yield importAt(text, code, found, []);
  for (const found of code.matchAll(call)) yield importAt(text, code, found, ['*']);
}

/** The match ends with the opening quote of the specifier. */
function importAt(text: string, code: string, found: RegExpExecArray, names: readonly string[]): Import {
  const start = found.index + found[0].length;
  const end = code.indexOf(code[start - 1] ?? '', start);
  return { specifier: text.slice(start, end), line: lineAt(text, start), names };
}

/** `{ a, type B as C }` -> a, B; `* as x` -> *; `x` -> default. */
function namesIn(clause: string): string[] {
  const inBraces = /\{([^}]*)\}/.exec(clause)?.[1];
  const outside = clause.replace(/\{[^}]*\}/, '').replace(/^\s*type\b/, '');
  const names = (inBraces ?? '')
    .split(',')
    .map((part) => part.trim().replace(/^type\s+/, ''))
    .flatMap((part) => (part === '' ? [] : [part.split(/\s+as\s+/)[0] ?? part]));
  if (outside.includes('*')) names.push('*');
  else if (/\w/.test(outside)) names.push('default');
  return names;
}

function* exportsOf(code: string): Iterable<Export> {
  const declaration =
    /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(default|function\*?|class|const|let|interface|type)\s+(\w+)/gm;
  const list = /^export\s+(?:type\s+)?\{([^}]*)\}/gm;
  for (const found of code.matchAll(declaration)) {
    const [, keyword = '', name = ''] = found;
    yield {
      name: keyword === 'default' ? 'default' : name,
      line: lineAt(code, found.index),
      isType: keyword === 'interface' || keyword === 'type',
    };
  }
  for (const found of code.matchAll(list)) {
    for (const part of (found[1] ?? '').split(',').map((item) => item.trim())) {
      const name =
        part
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)
          .at(-1) ?? '';
      if (name !== '') yield { name, line: lineAt(code, found.index), isType: part.startsWith('type ') };
    }
  }
}
