// Builds the CNI plugin: packages/cni-agent/src/plugin bundled into one script, and that with Node into one executable. Prints its path.
// `--out FILE` puts a copy there. Kept in node_modules/.cache by content, so a second build costs the bundling only; builds may run side by side.
// The executable wants what Node itself wants of a machine: glibc, libstdc++ and libatomic.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const cache = join(root, 'node_modules', '.cache', 'ambient-mesh');
/** Each is as large as Node: 150 MB. */
const keepUnusedMs = 24 * 3_600_000;

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const built = await build();
if (values.out !== undefined) place(built, resolve(values.out));
console.log(values.out === undefined ? built : resolve(values.out));

async function build(): Promise<string> {
  const script = await bundle();
  const hash = createHash('sha256').update(`${process.version} ${process.arch}\n`).update(script).digest('hex').slice(0, 16);
  const path = join(cache, `istio-cni-${hash}`);
  mkdirSync(cache, { recursive: true });
  if (existsSync(path)) utimesSync(path, new Date(), new Date());
  else await makeExecutable(script, path);
  removeUnused(path);
  return path;
}

async function bundle(): Promise<string> {
  const entry = join(root, 'packages', 'cni-agent', 'src', 'plugin', 'main.ts');
  const bundled = await rolldown({ cwd: root, input: entry, platform: 'node', logLevel: 'warn' });
  const { output } = await bundled.generate({ format: 'cjs', codeSplitting: false, minify: false });
  await bundled.close();
  const [chunk] = output;
  const foreign = chunk.imports.filter((name) => !name.startsWith('node:'));
  if (output.length !== 1 || foreign.length > 0) throw new Error(`the plugin is not self-contained: ${foreign.join(', ')}`);
  return chunk.code;
}

/** Under another name first: whoever finds the file finds all of it. */
async function makeExecutable(script: string, path: string): Promise<void> {
  const folder = mkdtempSync(join(cache, 'building-'));
  try {
    const main = join(folder, 'main.cjs');
    const output = join(folder, 'istio-cni');
    const settings = join(folder, 'sea.json');
    writeFileSync(main, script);
    // The environment of a container runtime says nothing about how the plugin runs: no NODE_OPTIONS.
    const options = { main, output, useCodeCache: true, disableExperimentalSEAWarning: true, execArgvExtension: 'none' };
    writeFileSync(settings, JSON.stringify(options));
    await promisify(execFile)(process.execPath, [`--build-sea=${settings}`], { cwd: folder });
    renameSync(output, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Copies of earlier sources, and what builds that were killed have left. */
function removeUnused(current: string): void {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (/^(istio-cni|building)-/.test(name) && path !== current && age > keepUnusedMs) rmSync(path, { recursive: true, force: true });
  }
}

/** A plugin that is being run right now can't be written to, only replaced. */
function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const temporary = join(dirname(to), `.${basename(to)}.${process.pid}`);
  copyFileSync(from, temporary, constants.COPYFILE_FICLONE);
  renameSync(temporary, to);
}
