// Builds the web page of the graph: packages/dashboard/page into packages/dashboard/dist, hashed names, no request to anywhere.
// Does nothing when dist is newer than every source. Run before the dashboard is served: by tests, by the demo, by the container image.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');
const dashboard = join(root, 'packages', 'dashboard');
const page = join(dashboard, 'page');
const dist = join(dashboard, 'dist');
const cache = join(root, 'node_modules', '.cache', 'ambient-mesh');
const sources = [page, join(dashboard, 'src', 'graph.ts'), join(root, 'package-lock.json'), import.meta.filename];

if (newest(sources) > builtAt()) await buildPage();
console.log(dist);

/** Into a folder beside, then swapped: who serves dist meanwhile finds the old page or the new one. Builds may run side by side. */
async function buildPage(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'page-'));
  const outDir = join(folder, 'dist');
  try {
    await build({
      configFile: false,
      root: page,
      logLevel: 'warn',
      build: {
        outDir,
        emptyOutDir: true,
        target: 'esnext',
        // Nothing becomes a data: URL, which the policy of the page forbids.
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        // The graph library alone is larger than what Vite would warn of.
        chunkSizeWarningLimit: 2_000,
      },
    });
    if (existsSync(dist)) renameSync(dist, join(folder, 'old'));
    renameSync(outDir, dist);
  } catch (e) {
    // Another build has put its own there, of the same sources.
    if (!(e instanceof Error && 'code' in e && ['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(String(e.code)) && existsSync(dist))) throw e;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function builtAt(): number {
  return statSync(join(dist, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Milliseconds since 1970 of the youngest file in these files and folders. */
function newest(paths: readonly string[]): number {
  const files = paths.flatMap((path) => [path, ...(statSync(path).isDirectory() ? inside(path) : [])]);
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

function inside(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}
