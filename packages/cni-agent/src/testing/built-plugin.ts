// The plugin's executable for tests, built by scripts/build-plugin.ts (seconds the first time, then a tenth of one), and one run of it.
// Here and in e2e.
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Its path. */
export async function builtPlugin(): Promise<string> {
  const script = join(import.meta.dirname, '../../../../scripts/build-plugin.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  return stdout.trim();
}

export interface PluginRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As a container runtime runs it; nothing else is in its environment. */
export function runPlugin(path: string, env: Readonly<Record<string, string>>, stdin: string | Uint8Array): Promise<PluginRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, { env, stdio: 'pipe' });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (said[name] += text));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...said }));
    // It need not read all of it.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
  });
}
