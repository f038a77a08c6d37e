// The layer checker: prints every broken rule of the house as file:line and exits 1 if there is any.
// Run by `npm run check`; each rule lives in a file of layers/ and has been seen failing (layers.test.ts plants violations).
// Usage: node scripts/layers.ts [layers | unused]
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

if (import.meta.main) {
  const which = process.argv[2] === 'unused' ? 'unused' : 'layers';
  const found = violations(`${import.meta.dirname}/..`, which);
  for (const line of found) console.log(line);
  process.exitCode = found.length === 0 ? 0 : 1;
}
