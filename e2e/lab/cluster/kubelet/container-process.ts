// A running container: a process with its children in a process-id, mount and host-name namespace and a control group of their own, in the pod's network.
// Started by pod-run.ts. The kernel ends all of it with its first process, and that one with the lab.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import type { Netns } from '@ambient-mesh/host/netns';
import { eventually } from '../../eventually.ts';
import type { LogBuffer } from './log-buffer.ts';

export interface ContainerOrder {
  readonly netns: Netns;
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly hostname: string;
  readonly cwd: string;
  /** What makes its file system: shell text, to be run where `enter` leads. */
  readonly rootScript: string;
  /** Before a command, so that it runs in the node's file system. */
  readonly enter: readonly string[];
  /** Absolute; it goes there of itself. */
  readonly cgroup: string;
  readonly log: LogBuffer;
  /** Whether somebody may write to its standard input. */
  readonly stdin: boolean;
}

export interface Ending {
  /** 128 and the signal's number when a signal ended it. */
  readonly exitCode: number;
}

/** $1: control group, $2: host name, $3: directory; the rest is the command. */
const start = (rootScript: string): string => `echo 0 >"$1/cgroup.procs"
${rootScript}echo "$2" >/proc/sys/kernel/hostname
cd "$3"
shift 3
exec "$@"`;

const isolated = ['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child=KILL', '--'];

export class ContainerProcess {
  readonly ended: Promise<Ending>;
  readonly startedAt = new Date();
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly cgroup: string;
  readonly #child: ChildProcess;
  #ending: Ending | undefined;

  constructor({ netns, argv, env, hostname, cwd, rootScript, enter, cgroup, log, stdin }: ContainerOrder) {
    this.env = env;
    this.cwd = cwd;
    this.cgroup = cgroup;
    const shell = ['sh', '-ec', start(rootScript), 'container', cgroup, hostname, cwd, ...argv];
    const command = ['--pdeathsig', 'KILL', '--', ...enter, ...isolated, ...shell];
    this.#child = netns.run(() => spawn('setpriv', command, { env, stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'], detached: true }));
    this.#child.stdin?.on('error', () => {});
    this.#child.stdout?.on('data', (chunk: Buffer) => log.write('stdout', chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => log.write('stderr', chunk));
    this.ended = new Promise((resolve) => {
      const end = (exitCode: number): void => {
        this.#ending ??= { exitCode };
        log.end();
        resolve(this.#ending);
      };
      this.#child.on('error', (e) => {
        log.write('stderr', Buffer.from(`${e.message}\n`));
        end(128);
      });
      this.#child.on('close', (code, signal) => end(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  }

  /** Undefined while it runs. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Only if it was asked for. */
  get stdin(): Writable | undefined {
    return this.#child.stdin ?? undefined;
  }

  /** The container's first process as this machine numbers it; undefined before it is there and after its end. */
  get pid(): number | undefined {
    const { pid } = this.#child;
    if (pid === undefined || this.#ending !== undefined) return undefined;
    try {
      const first = Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10);
      return Number.isNaN(first) ? undefined : first;
    } catch {
      return undefined;
    }
  }

  /** Resolves when commands can be run in it, or when it has ended already. */
  get isUp(): Promise<unknown> {
    return eventually(() => (this.#ending !== undefined || this.pid !== undefined ? true : undefined), { what: 'a started container' });
  }

  /** SIGKILL always arrives; other signals only if the process listens to them, as in any container. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    if (name === 'SIGKILL') return void this.#child.kill(name);
    const { pid } = this;
    if (pid === undefined) return void this.#child.kill('SIGKILL');
    try {
      process.kill(pid, name);
    } catch {
      // It ended just now.
    }
  }
}
