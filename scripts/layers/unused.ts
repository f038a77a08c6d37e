// Exports that nobody imports, and code that only tests use: dead either way.
// A rule that its own file uses may be exported for its table of cases.
import type { Export, Module } from './module.ts';
import { isTestCode, resolve, type Tree, type Violation } from './tree.ts';

interface Use {
  byCode: boolean;
  byTests: boolean;
}

export function* unusedViolations(tree: Tree): Iterable<Violation> {
  const uses = usesOf(tree);
  for (const module of tree.modules.values()) {
    const forTests = isTestCode(module.path);
    for (const each of module.exports) {
      if (each.name === 'default' || (each.isType && namedElsewhere(module, each))) continue;
      const named = uses.get(key(module.path, each.name));
      const whole = uses.get(key(module.path, '*'));
      if (named === undefined && whole === undefined)
        yield { path: module.path, line: each.line, text: `${each.name} is exported but imported nowhere` };
      else if (!named?.byCode && !whole?.byCode && !forTests && !namedElsewhere(module, each))
        yield { path: module.path, line: each.line, text: `${each.name} is exported for tests only` };
    }
  }
}

const key = (path: string, name: string): string => `${path}#${name}`;

function usesOf(tree: Tree): ReadonlyMap<string, Use> {
  const uses = new Map<string, Use>();
  for (const module of tree.modules.values()) {
    for (const { specifier, names } of module.imports) {
      const target = resolve(module.path, specifier);
      if (target.kind !== 'file') continue;
      for (const name of names) {
        const use = uses.get(key(target.path, name)) ?? { byCode: false, byTests: false };
        if (/\.(test|bench)\.ts$/.test(module.path)) use.byTests = true;
        else use.byCode = true;
        uses.set(key(target.path, name), use);
      }
    }
  }
  return uses;
}

/** Used in its own file: a type in the signature of something exported, a rule that has a table of its own. */
function namedElsewhere({ code }: Module, { name }: Export): boolean {
  return code.match(new RegExp(`(?<![\\w$])${name}(?![\\w$])`, 'g'))?.length !== 1;
}
