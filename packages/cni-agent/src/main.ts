// The program: `cni-agent install-cni` (default). Reads the environment, starts the app, turns the end of it into an exit code. Run by bin/.
// What the app consists of is in app.ts. A start that fails says why in one sentence and exits with 1.
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { describeError } from '@ambient-mesh/runtime/errors';
import { Command } from 'commander';
import { startApp } from './app.ts';
import { configure } from './config.ts';
import { stop } from './stop.ts';

const version: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

async function agent(): Promise<void> {
  const configured = configure(process.env);
  if ('mistakes' in configured) return fail('cannot start', configured.mistakes.join(' '));
  const starting = new AbortController();
  const giveUp = (): void => starting.abort(new Error('stopped before it was ready'));
  if (stop.aborted) giveUp();
  stop.addEventListener('abort', giveUp);
  await using app = await startApp(configured.ok, starting.signal);
  stop.removeEventListener('abort', giveUp);
  stop.addEventListener('abort', () => app.shutdown());
  if (stop.aborted) app.shutdown();
  flushCompileCache();
  await app.ended.catch((e: unknown) => fail('cannot go on', describeError(e)));
}

function fail(what: 'cannot start' | 'cannot go on', why: string): void {
  process.stderr.write(`cni-agent ${what}: ${why}\n`);
  process.exitCode = 1;
}

const program = new Command('cni-agent')
  .description('The node agent of ambient-mesh. Everything is set by environment variables; see docs/configuration-cni-agent.md.')
  .version(String(version));
program
  .command('install-cni', { isDefault: true })
  .description('enrol the pods of this node: install the CNI plugin, keep redirect rules, tell ztunnels of pods')
  .action(() => agent());
await program.parseAsync().catch((e: unknown) => fail('cannot start', describeError(e)));
process.exit();
