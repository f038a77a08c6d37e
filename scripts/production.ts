// What a program is made of when it runs: its own package, those of this repository that it needs, and those of npm, all as the lockfile has them.
// Read by sbom.ts, which lists it, and by stage.ts, which copies it. Tools and tests are not in it.
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

export interface LockedPackage {
  /** As in the lockfile: `packages/wire`, or `node_modules/undici`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** SPDX; undefined when the package does not say. */
  readonly license: string | undefined;
  /** As npm writes it: `sha512-` and base64; none for packages of this repository. */
  readonly integrity: string | undefined;
  /** Paths of those that it needs. */
  readonly needs: readonly string[];
  /** It is there only as a part of a page that was built: nothing of it is in node_modules. */
  readonly isBuiltIn: boolean;
}

interface Entry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  /** Of a package with a page: what the page is built from (scripts/layers/imports.ts). */
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..');
const page = 'packages/dashboard';

/** The program's own package first, then the others by path. @throws when the lockfile lacks one that is not optional */
export function productionOf(program: string): readonly LockedPackage[] {
  const { packages: locked }: { readonly packages: Readonly<Record<string, Entry>> } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  );
  const found = new Map<string, LockedPackage>();
  const add = (path: string, isBuiltIn: boolean): void => {
    if (found.has(path)) return;
    const entry = entryOf(locked, path);
    const needs = needsOf(locked, path, entry);
    const { version = '', license, integrity } = entry;
    found.set(path, { path, name: nameOf(path), version, license, integrity, needs, isBuiltIn });
    for (const each of needs) add(each, isBuiltIn);
  };
  add(`packages/${program}`, false);
  if (found.has(page)) {
    const { devDependencies = {} } = entryOf(locked, page);
    for (const each of needsOf(locked, page, { dependencies: devDependencies })) add(each, true);
  }
  const [first, ...others] = [...found.values()];
  return [...(first === undefined ? [] : [first]), ...others.sort((a, b) => (a.path < b.path ? -1 : 1))];
}

function entryOf(locked: Readonly<Record<string, Entry>>, path: string): Entry {
  const entry = locked[path];
  if (entry === undefined) throw new Error(`the lockfile has no ${path}`);
  return entry;
}

/** Of optional ones those that the lockfile has; peers that nobody else brought count as needed. */
function needsOf(locked: Readonly<Record<string, Entry>>, path: string, entry: Entry): string[] {
  const optional = Object.keys(entry.optionalDependencies ?? {});
  const names = new Set([...Object.keys(entry.dependencies ?? {}), ...Object.keys(entry.peerDependencies ?? {}), ...optional]);
  return [...names]
    .flatMap((name) => {
      const place = placeOf(locked, path, name);
      if (place !== undefined) return [place];
      if (optional.includes(name) || entry.peerDependencies?.[name] !== undefined) return [];
      throw new Error(`${path} needs ${name}, which the lockfile does not have`);
    })
    .sort();
}

/** As Node looks for a package: beside, then further and further up. */
function placeOf(locked: Readonly<Record<string, Entry>>, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = posix.dirname(folder)) {
    const path = posix.join(folder === '.' ? '' : folder, 'node_modules', name);
    const entry = locked[path];
    if (entry !== undefined) return entry.link ? entry.resolved : path;
    if (folder === '.') return undefined;
  }
}

const nameOf = (path: string): string =>
  path.startsWith('packages/') ? `@ambient-mesh/${posix.basename(path)}` : path.slice(path.lastIndexOf('node_modules/') + 13);
