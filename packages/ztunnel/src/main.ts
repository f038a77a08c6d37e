// The program: `ztunnel proxy` (default), `version`, `help`. Reads the environment, starts the app, turns the end of it into an exit code.
// What the app consists of is in app.ts. A start that fails says why in one sentence and exits with 1.
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { availableParallelism } from 'node:os';
import { describeError } from '@ambient-mesh/runtime/errors';
import { giveBackStartMemory } from '@ambient-mesh/runtime/heap';
import { systemClock } from '@ambient-mesh/runtime/time';
import { startApp } from './app.ts';
import { configure } from './config.ts';
import { version } from './version.ts';

const meshConfigFile = './etc/istio/config/mesh';

const usage = `ztunnel: the node tunnel of ambient-mesh

  proxy     carry traffic (the default)
  version   print the version
  help      print this

Everything else is set by environment variables; see docs/configuration.md.
`;

async function proxy(): Promise<void> {
  const configured = configure({ env: process.env, cpus: availableParallelism(), meshConfig: textOf(meshConfigFile) });
  if ('mistakes' in configured) return fail('cannot start', configured.mistakes.join(' '));
  await using app = await startApp(configured.ok);
  // Now, because a process that is killed would never write it.
  flushCompileCache();
  giveBackStartMemory(systemClock);
  let interrupted = false;
  process.on('SIGTERM', () => app.shutdown());
  process.on('SIGINT', () => {
    if (interrupted) process.exit(0);
    interrupted = true;
    app.shutdown();
  });
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
  process.stderr.write(`ztunnel ${what}: ${why}\n`);
  process.exitCode = 1;
}

const command = process.argv[2] ?? 'proxy';
if (command === 'proxy') {
  await proxy().catch((e: unknown) => fail('cannot start', describeError(e)));
  process.exit();
} else if (command === 'version') process.stdout.write(`${JSON.stringify(version('unknown'), null, 2)}\n`);
else {
  process.stdout.write(usage);
  if (command !== 'help') process.exitCode = 1;
}
