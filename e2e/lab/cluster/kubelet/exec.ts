// Runs a command inside a running container, as `kubectl exec` and probes do: in its namespaces, with its environment.
// Used by pod-run.ts. A terminal is made by the host package.
import { type ChildProcess, spawn } from 'node:child_process';
import type { ContainerProcess } from './container-process.ts';

export type Stdio = 'pipe' | 'ignore' | number;

export interface ExecOrder {
  readonly argv: readonly string[];
  readonly stdio: readonly [stdin: Stdio, stdout: Stdio, stderr: Stdio];
  /** Standard input is a terminal, which becomes the command's own. */
  readonly tty: boolean;
}

/** Undefined when the container does not run. */
export function execIn(container: ContainerProcess, { argv, stdio, tty }: ExecOrder): ChildProcess | undefined {
  const { pid } = container;
  if (pid === undefined) return undefined;
  const enter = ['--target', `${pid}`, '--mount', '--uts', '--net', '--pid', '--'];
  const terminal = tty ? ['setsid', '--ctty', '--wait'] : [];
  // It counts as the container's, as all its processes do.
  const join = ['sh', '-c', 'echo 0 >"$1/cgroup.procs" || :; shift; exec "$@"', 'exec', container.cgroup];
  const command = [...enter, ...terminal, 'sh', '-c', 'cd "$1" && shift && exec "$@"', 'exec', container.cwd, ...argv];
  const env = tty ? { TERM: 'xterm', ...container.env } : container.env;
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...join, 'nsenter', ...command], { env, stdio: [...stdio] });
}
