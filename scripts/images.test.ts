// The images without Docker: each Dockerfile is carried out in a folder, the program is started from there, and what lies there is what should.
// The base image and what apt-get and npm fetch are not tested here: this machine's Node and node_modules stand in for them.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { productionOf } from './production.ts';
import { buildImage, type Image } from './testing/dockerfile.ts';

const root = join(import.meta.dirname, '..');
const images = readdirSync(join(root, 'images'))
  .filter((name) => name.endsWith('.Dockerfile'))
  .map((name) => name.replace('.Dockerfile', ''));

/** What a RUN may say, and what it does here. */
function run(command: string, workingFolder: string, inside: (path: string) => string): void {
  const [program = '', ...words] = command.split(' ');
  if (command === 'npm ci --no-audit --no-fund') symlinkSync(join(root, 'node_modules'), join(workingFolder, 'node_modules'));
  else if (program === 'node') {
    const args = words.map((word) => (word.startsWith('/') ? inside(word) : word));
    execFileSync(process.execPath, args, { cwd: workingFolder, stdio: 'pipe' });
  } else if (program !== 'apt-get') throw new Error(`nobody here knows how to run: ${command}`);
}

const folder = mkdtempSync(join(tmpdir(), 'images-'));
afterAll(() => rm(folder, { recursive: true, force: true }), 120_000);

interface Bill {
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly { readonly name: string; readonly version: string; readonly licenses?: readonly object[] }[];
}

/** How each is asked who it is. */
const ask: Readonly<Record<string, string>> = { ztunnel: 'version' };

for (const program of images) {
  describe(program, () => {
    let image: Image;
    beforeAll(() => {
      image = buildImage(join(root, 'images', `${program}.Dockerfile`), root, join(folder, program), run);
    }, 120_000);
    const staged = (...path: string[]): string => join(image.root, 'opt/ambient-mesh', ...path);

    test('it is built, on node:26-slim and nothing else', () => {
      expect(new Set(image.from)).toEqual(new Set(['node:26-slim']));
    });
    test('the program starts from what is in the image, and knows its version', () => {
      const [node, ...args] = image.entrypoint.map((word) => (word.startsWith('/') ? join(image.root, word) : word));
      expect(node).toBe('node');
      const { status, stdout, stderr } = spawnSync(process.execPath, [...args, ask[program] ?? '--version'], {
        env: { NODE_ENV: 'production' },
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('0.1.0');
    });
    test('root only where the kernel asks for it', () => {
      expect(image.user).toMatch(program === 'ztunnel' || program === 'cni-agent' ? /^0:/ : /^1337:1337$/);
    });
    test('nothing is in it that never runs', () => {
      const all = globSync('**/*', { cwd: staged() });
      expect(all.filter((path) => /\.d\.ts$|\.map$|^packages\/.*(\.(test|bench|compliance)\.ts$|\/testing\/)/.test(path))).toEqual([]);
      for (const tool of ['vitest', 'typescript', '@biomejs', 'rolldown', 'fast-check', '.cache', 'node'])
        expect(existsSync(staged('node_modules', tool))).toBe(false);
    });
    test('its bill of materials lists each package that is in it, with its licence, and no other', () => {
      const bill: Bill = JSON.parse(readFileSync(staged('sbom.cdx.json'), 'utf8'));
      expect(bill.metadata.component).toMatchObject({ name: `@ambient-mesh/${program}`, version: '0.1.0' });
      const there = globSync(['packages/*/package.json', 'node_modules/*/package.json', 'node_modules/@*/*/package.json'], {
        cwd: staged(),
      })
        .filter((path) => !path.startsWith('node_modules/@ambient-mesh/'))
        .map((path) => JSON.parse(readFileSync(staged(path), 'utf8')))
        .map(({ name, version }: { name: string; version: string }) => `${name}@${version}`);
      const listed = [bill.metadata.component, ...bill.components].map(({ name, version }) => `${name}@${version}`);
      const builtIn = productionOf(program).filter(({ isBuiltIn }) => isBuiltIn);
      expect(listed.toSorted()).toEqual([...there, ...builtIn.map(({ name, version }) => `${name}@${version}`)].toSorted());
      for (const { name, licenses } of bill.components) expect([name, licenses]).toEqual([name, [expect.anything()]]);
    });
  });
}

test('the node agent brings its plugin, and ambientctl its charts', () => {
  expect(existsSync(join(folder, 'cni-agent/1/opt/cni/bin/istio-cni'))).toBe(true);
  expect(existsSync(join(folder, 'ambientctl/1/opt/ambient-mesh/charts/rendered/ambient.yaml'))).toBe(true);
});

test('the page of the graph is in the image of what serves it, and what it is built from is in the bill', () => {
  expect(existsSync(join(folder, 'istiod-lite/1/opt/ambient-mesh/packages/dashboard/dist/index.html'))).toBe(true);
  const built = productionOf('istiod-lite').filter(({ isBuiltIn }) => isBuiltIn);
  expect(built.map(({ name }) => name)).toContain('cytoscape');
});

test('what the ztunnel is made of, by name: a new dependency is seen here', () => {
  expect(productionOf('ztunnel').map(({ name }) => name)).toEqual([
    '@ambient-mesh/ztunnel',
    '@bufbuild/protobuf',
    '@koromix/koffi-linux-x64',
    '@opentelemetry/api',
    'bintrees',
    'koffi',
    'node-forge',
    'prom-client',
    'tdigest',
    'yaml',
    '@ambient-mesh/host',
    '@ambient-mesh/identity',
    '@ambient-mesh/model',
    '@ambient-mesh/runtime',
    '@ambient-mesh/wire',
  ]);
});
