// `npm run check`: everything about the source that a machine can judge, one line per check, details under those that fail.
// All checks run; the exit code is 1 if any failed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

interface Check {
  readonly name: string;
  readonly args: readonly string[];
  /** Left out while this file is missing. */
  readonly needs?: string;
}

const checks: readonly Check[] = [
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'lint and format', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'] },
  { name: 'layers', args: ['scripts/layers.ts', 'layers'] },
  { name: 'unused exports', args: ['scripts/layers.ts', 'unused'] },
  { name: 'generated code is fresh', args: ['scripts/generate-messages.ts', '--check'], needs: 'scripts/generate-messages.ts' },
];

let failed = 0;
for (const check of checks) {
  if (check.needs !== undefined && !existsSync(join(root, check.needs))) {
    console.log(`skipped  ${check.name}: ${check.needs} does not exist`);
    continue;
  }
  const started = performance.now();
  const { code, output } = await run(check.args);
  console.log(`${code === 0 ? 'ok      ' : 'FAILED  '} ${check.name} (${((performance.now() - started) / 1_000).toFixed(1)} s)`);
  if (code === 0) continue;
  failed += 1;
  console.log(output.trimEnd().replace(/^/gm, '    '));
}
process.exitCode = failed === 0 ? 0 : 1;

/** Runs a script on this same Node; stdout and stderr in the order they came. */
function run(args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
