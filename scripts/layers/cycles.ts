// Import cycles between files, type-only imports included: files that need each other are one file in two places.
import { resolve, type Tree, type Violation } from './tree.ts';

/** One violation per file that closes a cycle, naming the whole circle. */
export function* cycleViolations(tree: Tree): Iterable<Violation> {
  const done = new Set<string>();
  const path: string[] = [];
  const onPath = new Set<string>();
  function* visit(at: string): Iterable<Violation> {
    path.push(at);
    onPath.add(at);
    const module = tree.modules.get(at);
    for (const { specifier, line } of module?.imports ?? []) {
      const target = resolve(at, specifier);
      if (target.kind !== 'file' || !tree.modules.has(target.path)) continue;
      if (onPath.has(target.path))
        yield { path: at, line, text: `import cycle: ${[...path.slice(path.indexOf(target.path)), target.path].join(' -> ')}` };
      else if (!done.has(target.path)) yield* visit(target.path);
    }
    path.pop();
    onPath.delete(at);
    done.add(at);
  }
  for (const start of tree.modules.keys()) if (!done.has(start)) yield* visit(start);
}
