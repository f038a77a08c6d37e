// The program: `istiod-lite discovery` (default), `version`. Reads the environment, starts the app, turns the end of it into an exit code.
// What the app consists of is in app.ts. A start that fails says why in one sentence and exits with 1.
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { describeError } from '@ambient-mesh/runtime/errors';
import { Command } from 'commander';
import { startApp } from './app.ts';
import { configure } from './config.ts';

const version: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

async function discovery(): Promise<void> {
  const configured = configure({ env: process.env, textOf });
  if ('mistakes' in configured) return fail('cannot start', configured.mistakes.join(' '));
  const stop = new AbortController();
  // Until it has started there is nothing to leave gracefully.
  let end = (): void => stop.abort(new Error('stopped before it was ready'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end());
  await using app = await startApp(configured.ok, stop.signal);
  flushCompileCache();
  end = () => app.shutdown();
  await app.ended.catch((e: unknown) => fail('cannot go on', describeError(e)));
}

/** Undefined when the file does not exist; any other failure stops the start. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    if (e instanceof Error && 'code' in e && e.code === 'ENOENT') return undefined;
    throw e;
  }
}

function fail(what: 'cannot start' | 'cannot go on', why: string): void {
  process.stderr.write(`istiod-lite ${what}: ${why}\n`);
  process.exitCode = 1;
}

const program = new Command('istiod-lite')
  .description('The control plane of ambient-mesh. Everything is set by environment variables; see docs/configuration.md.')
  .version(String(version));
program
  .command('discovery', { isDefault: true })
  .description('serve ztunnels: the workload address map, policies and certificates')
  .action(() => discovery());
await program.parseAsync().catch((e: unknown) => fail('cannot start', describeError(e)));
process.exit();
