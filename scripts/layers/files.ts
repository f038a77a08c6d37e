// Rules about a file by itself: its length, its header, and the purity of the parts that only decide.
import { lineAt, type Module } from './module.ts';
import { isTestCode, partOf, pureParts, type Tree, type Violation } from './tree.ts';

const maxLines = 400;

/** What would make answers depend on anything but its arguments. */
const impure =
  /(?<![\w.$'"])(?:(?:Date|process|performance|console|crypto|globalThis|Atomics)\s*[.([]|(?:fetch|require|setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(|new\s+Date\b|Math\s*\.\s*random\b)/g;

export function* fileViolations(tree: Tree): Iterable<Violation> {
  for (const module of tree.modules.values()) {
    yield* length(module);
    yield* header(module);
    if (pureParts.has(partOf(module.path)) && !isTestCode(module.path)) yield* purity(module);
  }
}

function* length({ path, text }: Module): Iterable<Violation> {
  const lines = text.trimEnd().split('\n').length;
  if (lines > maxLines && !path.endsWith('.test.ts'))
    yield { path, line: maxLines + 1, text: `${lines} lines; a file has at most ${maxLines}` };
}

function* header({ path, text }: Module): Iterable<Violation> {
  const [first = '', second = ''] = text.split('\n');
  if (!(first.startsWith('#!') ? second : first).startsWith('//'))
    yield { path, line: 1, text: 'no header: start with // what the file is, where it sits, what it leaves to whom' };
}

function* purity({ path, code }: Module): Iterable<Violation> {
  for (const found of code.matchAll(impure))
    yield { path, line: lineAt(code, found.index), text: `${partOf(path)} is pure: it may not use ${found[0].replace(/\s*[.([]$/, '')}` };
}
