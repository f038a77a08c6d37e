// The working tree as the rules see it: every source file parsed, every package.json read, and specifiers resolved to files.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { type Module, parseModule } from './module.ts';

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

export interface Package {
  /** Name without the scope: `wire`, `e2e`. */
  readonly name: string;
  /** Folder relative to the root. */
  readonly folder: string;
  readonly dependencies: readonly string[];
  /** Of code that is built into a page and does not run by itself. */
  readonly pageDependencies: readonly string[];
}

export interface Tree {
  readonly modules: ReadonlyMap<string, Module>;
  readonly packages: readonly Package[];
}

export type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'node' };

const scope = '@ambient-mesh/';

/** No I/O, no clock, no chance: they only decide. */
export const pureParts: ReadonlySet<string> = new Set(['model', 'translate']);
const skipped = new Set(['node_modules', 'generated', '.git', 'dist', 'coverage']);

export function loadTree(root: string): Tree {
  const folders = [
    'e2e',
    ...(existsSync(join(root, 'packages')) ? readdirSync(join(root, 'packages')).map((name) => `packages/${name}`) : []),
  ];
  const packages = folders.filter((folder) => existsSync(join(root, folder, 'package.json'))).map((folder) => readPackage(root, folder));
  const paths = ['packages', 'e2e', 'scripts'].flatMap((folder) => [...walk(root, folder)]);
  return { packages, modules: new Map(paths.map((path) => [path, parseModule(path, readFileSync(join(root, path), 'utf8'))])) };
}

/** Where a specifier leads, seen from a file. */
export function resolve(from: string, specifier: string): Target {
  if (specifier.startsWith('node:')) return { kind: 'node' };
  if (specifier.startsWith('.')) return { kind: 'file', path: posix.normalize(posix.join(posix.dirname(from), specifier)) };
  const [first = '', second = '', ...rest] = specifier.split('/');
  if (!specifier.startsWith(scope)) return { kind: 'package', name: first.startsWith('@') ? `${first}/${second}` : first };
  const subpath = rest.join('/');
  if (rest[0] === 'messages') return { kind: 'file', path: `packages/${second}/src/messages/generated/${rest.slice(1).join('/')}.js` };
  return { kind: 'file', path: `packages/${second}/src/${subpath === 'testing' ? 'testing/index' : subpath}.ts` };
}

/** The part of the house that a file belongs to: a package's name, `e2e` or `scripts`. */
export function partOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'packages' ? second : first;
}

/** Tests, benchmarks, what is kept for them, and everything black-box. */
export function isTestCode(path: string): boolean {
  return /\.(test|compliance|bench)\.ts$/.test(path) || path.includes('/testing/') || path.startsWith('e2e/');
}

function readPackage(root: string, folder: string): Package {
  const read: unknown = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const namesIn = (field: string): string[] => {
    const declared: unknown = typeof read === 'object' && read !== null ? Reflect.get(read, field) : undefined;
    return Object.keys(declared ?? {});
  };
  return { name: partOf(`${folder}/`), folder, dependencies: namesIn('dependencies'), pageDependencies: namesIn('devDependencies') };
}

function* walk(root: string, folder: string): Iterable<string> {
  if (!existsSync(join(root, folder))) return;
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !skipped.has(entry.name)) yield* walk(root, path);
    else if (entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts')) yield relative('.', path).replaceAll('\\', '/');
  }
}
