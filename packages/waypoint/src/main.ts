// The program: `waypoint proxy waypoint` (default), `version`. Reads the environment, starts the app, turns the end of it into an exit code.
// What the app consists of is in app.ts. A start that fails says why in one sentence and exits with 1.
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { describeError } from '@ambient-mesh/runtime/errors';
import { giveBackStartMemory } from '@ambient-mesh/runtime/heap';
import { systemClock } from '@ambient-mesh/runtime/time';
import { Command } from 'commander';
import { startApp } from './app.ts';
import { configure } from './config.ts';

const version: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

async function proxy(): Promise<void> {
  const configured = configure(process.env);
  if ('mistakes' in configured) return fail('cannot start', configured.mistakes.join(' '));
  const stop = new AbortController();
  // Until it has started there is nothing to leave gracefully.
  let end = (): void => stop.abort(new Error('stopped before it was ready'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end());
  await using app = await startApp(configured.ok, stop.signal);
  flushCompileCache();
  giveBackStartMemory(systemClock);
  end = () => app.shutdown();
  await app.ended.catch((e: unknown) => fail('cannot go on', describeError(e)));
}

function fail(what: 'cannot start' | 'cannot go on', why: string): void {
  process.stderr.write(`waypoint ${what}: ${why}\n`);
  process.exitCode = 1;
}

const program = new Command('waypoint')
  .description('The L7 proxy of ambient-mesh. Everything is set by environment variables; see docs/configuration-waypoint.md.')
  .version(String(version));
program
  .command('proxy', { isDefault: true })
  .description('take tunnels for the services of this waypoint')
  .argument('[role]', 'waypoint; there is no other')
  // Deployments that were written for Envoy say more than we need.
  .allowUnknownOption()
  .allowExcessArguments()
  .action(() => proxy());
await program.parseAsync().catch((e: unknown) => fail('cannot start', describeError(e)));
process.exit();
