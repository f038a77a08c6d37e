// `npm run check`: everything about the source that a machine can judge, one line per check, details under those that fail.
// All checks run; the exit code is 1 if any failed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { violations } from './layers.ts';

const root = join(import.meta.dirname, '..');

interface Check {
  readonly name: string;
  /** What is wrong; empty = nothing. */
  readonly run: () => Promise<string> | string;
  /** Left out while this file is missing. */
  readonly needs?: string;
}

const checks: readonly Check[] = [
  { name: 'types', run: () => script('node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json') },
  {
    name: 'types of the web page',
    run: () => script('node_modules/typescript/bin/tsc', '--noEmit', '-p', 'packages/dashboard/page/tsconfig.json'),
  },
  { name: 'lint and format', run: () => script('node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.') },
  { name: 'layers', run: () => violations(root, 'layers').join('\n') },
  { name: 'unused exports', run: () => violations(root, 'unused').join('\n') },
  { name: 'generated code is fresh', run: () => script('scripts/generate-messages.ts', '--check'), needs: 'scripts/generate-messages.ts' },
  { name: 'generated pages are fresh', run: () => script('scripts/generate-docs.ts', '--check'), needs: 'scripts/generate-docs.ts' },
];

let failed = 0;
for (const check of checks) {
  if (check.needs !== undefined && !existsSync(join(root, check.needs))) {
    console.log(`skipped  ${check.name}: ${check.needs} does not exist`);
    continue;
  }
  const started = performance.now();
  const wrong = await check.run();
  console.log(`${wrong === '' ? 'ok      ' : 'FAILED  '} ${check.name} (${((performance.now() - started) / 1_000).toFixed(1)} s)`);
  if (wrong === '') continue;
  failed += 1;
  console.log(wrong.trimEnd().replace(/^/gm, '    '));
}
process.exitCode = failed === 0 ? 0 : 1;

/** Runs a script on this same Node; its stdout and stderr, in the order they came, if it fails. */
function script(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 0 ? '' : output || `exit code ${code}`));
  });
}
