// Runs a program inside a network namespace and collects what it says.
// A child inherits the namespace of the thread that forks it, so nothing like nsenter is needed.
// For short tools (nft, ip); argv arrays only, never a shell.
import { execFile } from 'node:child_process';
import { MeshError } from '@ambient-mesh/runtime/errors';
import type { Netns } from './netns.ts';

export interface RunFault {
  readonly code: 'host.run';
  readonly argv: readonly string[];
  /** Exit code; undefined when it did not start or a signal ended it. */
  readonly exit: number | undefined;
  /** The end of its standard error. */
  readonly said: string;
}

export interface RunOptions {
  readonly stdin?: string | undefined;
  /** Default 30 s; then it is killed. */
  readonly timeoutMs?: number | undefined;
}

/** Resolves with its standard output (at most 16 MiB). Throws RunFault when it can't be started, exits non-zero, or is aborted. */
export function runIn(
  netns: Netns,
  argv: readonly [program: string, ...rest: string[]],
  signal: AbortSignal,
  { stdin = '', timeoutMs = 30_000 }: RunOptions = {},
): Promise<string> {
  const [program, ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = netns.run(() =>
      execFile(program, rest, { signal, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 24 }, (why, stdout, stderr) => {
        if (why === null) return resolve(stdout);
        const exit = typeof why.code === 'number' ? why.code : undefined;
        const said = stderr.trim().slice(-2_000);
        const text = `${argv.join(' ')}: ${said === '' ? why.message : said}`;
        reject(new MeshError<RunFault>({ code: 'host.run', argv, exit, said }, text, why));
      }),
    );
    // A program that ends without reading its input breaks the pipe; its exit code tells the story.
    child.stdin?.on('error', () => {}).end(stdin);
  });
}
