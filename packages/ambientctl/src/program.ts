// The whole command line: the options that every command takes, the commands, and what exit code an end means.
// Called by main.ts and by tests; a command of its own file adds itself below its parent.

import { isFault } from '@ambient-mesh/runtime/errors';
import { Command, CommanderError, Option } from 'commander';
import { addAnalyze } from './commands/analyze.ts';
import { addBugReport } from './commands/bug-report.ts';
import { addCheck } from './commands/check.ts';
import { addCompletion } from './commands/completion.ts';
import { addDashboard } from './commands/dashboard.ts';
import { addExplain } from './commands/explain.ts';
import { addInstall, addUpgrade } from './commands/install.ts';
import { addProxyStatus } from './commands/proxy-status.ts';
import { addTail } from './commands/tail.ts';
import { addTop } from './commands/top.ts';
import { addUninstall } from './commands/uninstall.ts';
import { addWaypoint } from './commands/waypoint.ts';
import { addZtunnelConfig } from './commands/ztunnel-config.ts';
import { sentenceOf } from './failure.ts';
import { formats, type Shell } from './shell.ts';

/** Documented for scripts: change none of them. */
export const exitCodes = { done: 0, failed: 1, usage: 2, found: 79, interrupted: 130 } as const;

export function buildProgram(shell: Shell, version: string): Command {
  const program = new Command('ambientctl')
    .description('Sees into an ambient mesh, and works it.')
    .version(version)
    .option('--kubeconfig <file>', 'how to reach the cluster (default: $KUBECONFIG, or else ~/.kube/config)')
    .option('--context <name>', "context of the kubeconfig (default: the file's current one)")
    .option('-n, --namespace <name>', 'namespace (default: that of the context)')
    .addOption(new Option('-o, --output <format>', 'how to show the answer').choices(formats).default('table'))
    .configureOutput({ writeOut: shell.print, writeErr: shell.complain, getOutHasColors: () => false, getErrHasColors: () => false })
    .showHelpAfterError('(see --help)')
    .exitOverride();
  addAnalyze(program, shell);
  addBugReport(program, shell, (argv, own) => runProgram(argv, own, version), version);
  addCheck(program, shell);
  addCompletion(program, shell);
  addDashboard(program, shell, version);
  addExplain(program, shell);
  addInstall(program, shell);
  addProxyStatus(program, shell);
  addTail(program, shell);
  addTop(program, shell);
  addUninstall(program, shell);
  addUpgrade(program, shell);
  addWaypoint(program, shell);
  addZtunnelConfig(program, shell);
  return program;
}

/** Never rejects: whatever goes wrong is one sentence on stderr and an exit code. */
export async function runProgram(argv: readonly string[], shell: Shell, version: string): Promise<number> {
  try {
    await buildProgram(shell, version).parseAsync(argv.map(goFlag), { from: 'user' });
    return exitCodes.done;
  } catch (e) {
    // Commander has said what is wrong by itself.
    if (e instanceof CommanderError) return e.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (shell.signal.aborted) return exitCodes.interrupted;
    shell.complain(`ambientctl: ${sentenceOf(e)}\n`);
    if (isFault(e, 'command.found')) return exitCodes.found;
    return isFault(e, 'command.usage') ? exitCodes.usage : exitCodes.failed;
  }
}

/** The way to say no to a flag that users of Go programs know: `--wait=false`. */
const goFlag = (word: string): string =>
  word.replace(/^--(wait|use-kube|recursive)=(true|false)$/, (_, name, value) => `--${value === 'true' ? '' : 'no-'}${name}`);
