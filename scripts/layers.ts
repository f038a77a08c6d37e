// The layer checker: every broken rule of the house, as file:line.
// Run by `npm run check`; each rule lives in a file of layers/ and has been seen failing (layers.test.ts plants violations).
import { cycleViolations } from './layers/cycles.ts';
import { fileViolations } from './layers/files.ts';
import { dependencyViolations, importViolations } from './layers/imports.ts';
import { loadTree, type Tree, type Violation } from './layers/tree.ts';
import { unusedViolations } from './layers/unused.ts';

const checks = {
  layers: (tree: Tree): Violation[] => [
    ...importViolations(tree),
    ...dependencyViolations(tree),
    ...cycleViolations(tree),
    ...fileViolations(tree),
  ],
  unused: (tree: Tree): Violation[] => [...unusedViolations(tree)],
} as const;

/** Violations of a tree, as printed: `path:line: text`, sorted. */
export function violations(root: string, which: keyof typeof checks): string[] {
  return checks[which](loadTree(root))
    .map(({ path, line, text }) => `${path}:${line}: ${text}`)
    .sort();
}
