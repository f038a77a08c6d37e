// Who may import whom: the table of the house, the privileges behind it, and what each package.json declares.
// The empty cells are privileges, not tidiness (docs/architecture.md).
import type { Import, Module } from './module.ts';
import { isTestCode, partOf, pureParts, resolve, type Tree, type Violation } from './tree.ts';

const allButKube = ['runtime', 'model', 'identity', 'host', 'wire'] as const;

/** A part may import the parts listed (and itself). Programs never import programs. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  model: [],
  identity: ['runtime', 'model'],
  host: ['runtime', 'model'],
  kube: ['runtime'],
  translate: ['model'],
  wire: ['runtime', 'model', 'identity'],
  ztunnel: allButKube,
  waypoint: ['runtime', 'model', 'identity', 'wire'],
  'cni-agent': ['runtime', 'model', 'translate', 'host', 'kube', 'wire'],
  'istiod-lite': ['runtime', 'model', 'identity', 'translate', 'kube', 'wire', 'dashboard'],
  ambientctl: ['runtime', 'model', 'identity', 'translate', 'kube', 'wire', 'dashboard'],
  dashboard: ['runtime', 'model'],
  e2e: ['runtime', 'model', 'identity', 'translate', 'host', 'kube', 'wire', 'dashboard'],
};

/** Of some parts only a corner is open: importer, imported, path that it must start with. */
const corners: readonly (readonly [string, string, RegExp])[] = [['cni-agent', 'wire', /^packages\/wire\/src\/(zds|messages)\//]];

/** External packages with one owner. */
const owners: Readonly<Record<string, string>> = { koffi: 'host', 'node-forge': 'identity', '@kubernetes/client-node': 'kube' };

export function* importViolations(tree: Tree): Iterable<Violation> {
  for (const module of tree.modules.values()) {
    for (const each of module.imports) {
      const text = verdict(tree, module, each);
      if (text !== undefined) yield { path: module.path, line: each.line, text };
    }
  }
}

function verdict(tree: Tree, { path }: Module, { specifier }: Import): string | undefined {
  const target = resolve(path, specifier);
  const from = partOf(path);
  if (target.kind === 'node')
    return pureParts.has(from) && !isTestCode(path) ? `${from} is pure: it may not import ${specifier}` : undefined;
  if (target.kind === 'package') {
    const owner = owners[target.name];
    return owner !== undefined && owner !== from ? `only ${owner} may import ${target.name}` : undefined;
  }
  const to = partOf(target.path);
  // scripts/ is tooling: it ships nowhere and looks into anything, by path where a program exports nothing.
  if (from !== to && from !== 'scripts') {
    if (specifier.startsWith('.')) return `${specifier} leaves the package: import @ambient-mesh/${to}/… instead`;
    if (isTestCode(path) && isTestCode(target.path)) return undefined;
    const corner = corners.find(([importer, imported]) => importer === from && imported === to);
    if (!(mayImport[from] ?? []).includes(to)) return `${from} may not import ${to}`;
    if (corner && !corner[2].test(target.path)) return `${from} may import only a part of ${to}, not ${specifier}`;
  }
  if (!isTestCode(path) && target.path.includes('/testing/')) return `${specifier} is for tests only`;
  return target.path.endsWith('.ts') && !target.path.includes('/generated/') && !tree.modules.has(target.path)
    ? `${specifier} leads to no file (${target.path})`
    : undefined;
}

/** Each package declares exactly what its own code imports; what only tests need is declared at the root. */
export function* dependencyViolations(tree: Tree): Iterable<Violation> {
  for (const { name, folder, dependencies, pageDependencies } of tree.packages) {
    const used = new Set<string>();
    for (const module of tree.modules.values()) {
      if (!module.path.startsWith(`${folder}/`)) continue;
      for (const { specifier, line } of module.imports) {
        const dependency = dependencyOf(module.path, specifier);
        if (dependency === undefined || dependency === `@ambient-mesh/${name}`) continue;
        used.add(dependency);
        const forTests = isTestCode(module.path) && !module.path.startsWith('e2e/');
        const declared = module.path.startsWith(`${folder}/page/`) ? pageDependencies : dependencies;
        if (!forTests && !declared.includes(dependency) && !dependencies.includes(dependency))
          yield { path: module.path, line, text: `${dependency} is not declared in ${folder}/package.json` };
      }
    }
    for (const declared of [...dependencies, ...pageDependencies]) {
      if (!used.has(declared) && !declared.startsWith('@types/'))
        yield { path: `${folder}/package.json`, line: 1, text: `${declared} is declared but never imported` };
    }
  }
}

/** Tools that the root declares for every test. */
const testTools = new Set(['vitest', 'fast-check']);

function dependencyOf(path: string, specifier: string): string | undefined {
  const target = resolve(path, specifier);
  if (target.kind === 'package') return testTools.has(target.name) && isTestCode(path) ? undefined : target.name;
  return target.kind === 'file' && !specifier.startsWith('.') ? `@ambient-mesh/${partOf(target.path)}` : undefined;
}
