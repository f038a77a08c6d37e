// Lays out a program as its image has it: `node scripts/stage.ts ztunnel /staged`. Sources run as they are, so this copies and builds nothing:
// packages/ and node_modules/ without tests, types and what else never runs, and sbom.cdx.json. Run by the Dockerfiles in images/.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { productionOf } from './production.ts';
import { sbomOf } from './sbom.ts';

const root = join(import.meta.dirname, '..');

/** Of our packages: what is there for tests or for the compiler, and what is built into something else. */
const unusedOfOurs = /\.(test|compliance|bench|d)\.ts$|\/testing$|^page$/;
/** Of those of npm: types and source maps. Licences stay. */
const unusedOfOthers = /\.(d\.[cm]?ts|map)$/;

function stage(program: string, folder: string): void {
  for (const { path, name, isBuiltIn } of productionOf(program)) {
    if (isBuiltIn) continue;
    const ours = path.startsWith('packages/');
    const from = join(root, path);
    const unused = ours ? unusedOfOurs : unusedOfOthers;
    const isWanted = (file: string): boolean => file === from || !unused.test(relative(from, file));
    cpSync(from, join(folder, path), { recursive: true, filter: isWanted });
    if (ours) link(join(folder, 'node_modules', name), join(folder, path));
  }
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'sbom.cdx.json'), sbomOf(program));
}

/** As npm links a workspace. */
function link(from: string, to: string): void {
  mkdirSync(dirname(from), { recursive: true });
  symlinkSync(relative(dirname(from), to), from);
}

if (import.meta.main) {
  const [program = '', folder = ''] = process.argv.slice(2);
  if (folder === '') throw new Error('usage: node scripts/stage.ts PROGRAM FOLDER');
  stage(program, resolve(folder));
}
