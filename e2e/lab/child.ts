// A program started inside a network namespace: its output by line, its end, and a kernel promise that it dies with us.
// Used by ztunnel.ts and capture.ts; the programs in pods have their own channel (pod-app.ts).
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Netns } from '@ambient-mesh/host/netns';
import { eventually } from './eventually.ts';

export interface ChildOrder {
  readonly netns: Netns;
  readonly argv: readonly string[];
  /** The whole environment; nothing is inherited but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const lastLines = 25;

export class Child implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #name: string;
  /** Lines of stdout and stderr that no `line` call has taken yet. */
  #lines: string[] = [];
  /** Everything, for the message of a failing test. */
  readonly #history: string[] = [];
  readonly #exit: Promise<number>;
  #onLine: ((line: string) => void) | undefined =
    process.env.LAB_LOG === undefined ? undefined : (line) => void process.stderr.write(`${this.pid} ${line}\n`);
  #exitCode: number | undefined;

  constructor({ netns, argv, env = {}, cwd }: ChildOrder) {
    this.#name = argv[0] ?? '';
    this.#process = netns.run(() =>
      spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
        env: { PATH: process.env.PATH ?? '', ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(cwd === undefined ? {} : { cwd }),
      }),
    );
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines.push(line);
        this.#history.push(line);
        this.#onLine?.(line);
      });
    }
    this.#exit = new Promise((resolve) => {
      this.#process.on('error', (e) => this.#history.push(String(e)));
      this.#process.on('close', (code, signal) => {
        this.#exitCode = code ?? (signal === null ? 1 : 128);
        resolve(this.#exitCode);
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** Undefined while it runs. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Everything that it printed. */
  get output(): string {
    return this.#history.join('\n');
  }

  /** Forgets lines so far, so that a later `line` sees only what comes from now on. */
  forget(): void {
    this.#lines = [];
  }

  /** The first line that matches, as soon as it is there; each line is handed out once. */
  line(match: RegExp, timeoutMs = 5_000): Promise<string> {
    const take = (): string | undefined => {
      const at = this.#lines.findIndex((line) => match.test(line));
      return at < 0 ? undefined : this.#lines.splice(at, 1)[0];
    };
    return eventually(take, {
      timeoutMs,
      what: () => `a line like ${match} from ${this.#name}; the last were:\n${this.#history.slice(-lastLines).join('\n')}`,
    });
  }

  /** Gets every line from now on, as it comes. */
  follow(onLine: (line: string) => void): void {
    this.#onLine = onLine;
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Exit code (128 when a signal ended it). */
  async exited(timeoutMs: number): Promise<number> {
    const code = await Promise.race([this.#exit, new Promise<undefined>((r) => setTimeout(r, timeoutMs, undefined).unref())]);
    if (code === undefined)
      throw new Error(`${this.#name} still runs after ${timeoutMs} ms:\n${this.#history.slice(-lastLines).join('\n')}`);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exit;
  }
}
