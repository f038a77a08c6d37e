// Generates the protobuf messages of packages/wire from its .proto files, as JavaScript with declarations, checked in.
// `--check` regenerates into a temporary folder and fails when the checked-in files differ: CI's proof that nobody edited either alone.
// Uses no network: buf's compiler and the protoc-gen-es plugin are npm packages of this workspace.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const sources = join(root, 'packages/wire/proto');
const target = join(root, 'packages/wire/src/messages/generated');
const bin = join(root, 'node_modules/.bin');

function generate(into: string): void {
  const template = {
    version: 'v2',
    clean: true,
    plugins: [{ local: [process.execPath, join(bin, 'protoc-gen-es')], out: into, opt: ['target=js+dts', 'import_extension=js'] }],
  };
  execFileSync(join(bin, 'buf'), ['generate', sources, '--template', JSON.stringify(template)], { stdio: 'inherit' });
}

function contents(folder: string): Map<string, string> {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** Names of files that are missing, left over or different. */
function differences(): string[] {
  const fresh = mkdtempSync(join(tmpdir(), 'messages-'));
  try {
    generate(fresh);
    const want = contents(fresh);
    const have = contents(target);
    return [...new Set([...want.keys(), ...have.keys()])].filter((name) => want.get(name) !== have.get(name)).sort();
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

if (process.argv.includes('--check')) {
  const stale = differences();
  if (stale.length > 0) {
    console.error(`generated messages are stale, run \`npm run generate\`: ${stale.join(', ')}`);
    process.exitCode = 1;
  }
} else {
  generate(target);
}
