// What streams into a pod reach: commands in its containers, with a terminal or without, the containers themselves, and its ports.
// Made by pod-access.ts for each request. The protocols are in kubernetes/streaming/.
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Duplex, PassThrough, type Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { openPseudoTerminal, resizeTerminal } from '@ambient-mesh/host/pseudo-terminal';
import { dialSocket } from '@ambient-mesh/host/sockets';
import { badRequest, StatusError } from '../../kubernetes/status-error.ts';
import type { CommandOrder, CommandSession, PodPort } from '../../kubernetes/streaming/pod-port.ts';
import type { ContainerProcess } from './container-process.ts';
import { execIn } from './exec.ts';
import type { LogBuffer } from './log-buffer.ts';
import type { PodRun } from './pod-run.ts';

export class PodStreams implements PodPort {
  readonly #run: PodRun;

  constructor(run: PodRun) {
    this.#run = run;
  }

  get name(): string {
    return this.#run.pod.metadata.name;
  }

  exec(order: CommandOrder): CommandSession {
    if (order.command.length === 0) throw badRequest('you must specify at least one command for the container');
    const { process } = this.#running(order.container);
    return order.tty ? execWithTerminal(process, order) : execWithPipes(process, order);
  }

  attach(order: CommandOrder): CommandSession {
    const { process, log } = this.#running(order.container);
    return attachTo(process, log, order);
  }

  connect(port: number): Duplex {
    const { netns } = this.#run;
    if (netns === undefined) throw new Error(`pod ${this.name} has no network`);
    return new Socket({ fd: dialSocket({ netns, family: 4 }), allowHalfOpen: true }).connect(port, '127.0.0.1');
  }

  #running(name: string): { readonly process: ContainerProcess; readonly log: LogBuffer } {
    const container = this.#run.container(name === '' ? (this.#run.pod.spec.containers[0]?.name ?? '') : name);
    if (container === undefined) throw badRequest(`container ${name} is not valid for pod ${this.name}`);
    const { process } = container;
    const log = container.log(false);
    if (process === undefined || log === undefined) throw notRunning(container.spec.name);
    return { process, log };
  }
}

const notRunning = (name: string): StatusError =>
  new StatusError(
    500,
    'InternalError',
    `Internal error occurred: unable to upgrade connection: container not found (${JSON.stringify(name)})`,
  );

function execWithPipes(process: ContainerProcess, { command, stdin, stdout, stderr }: CommandOrder): CommandSession {
  const pipe = (wanted: boolean) => (wanted ? 'pipe' : 'ignore');
  const child = execIn(process, { argv: command, stdio: [pipe(stdin), pipe(stdout), pipe(stderr)], tty: false });
  if (child === undefined) throw notRunning('');
  child.stdin?.on('error', () => {});
  return {
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ?? undefined,
    resize: () => {},
    exitCode: exitCodeOf(child),
    hangUp: () => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    },
  };
}

function execWithTerminal(process: ContainerProcess, { command, stdin }: CommandOrder): CommandSession {
  const { userFd, programFd } = openPseudoTerminal();
  const child = execIn(process, { argv: command, stdio: [programFd, programFd, programFd], tty: true });
  closeSync(programFd);
  // Ends with EIO when the last program has closed its end.
  const terminal = new ReadStream(userFd).on('error', () => terminal.destroy());
  if (child === undefined) {
    terminal.destroy();
    throw notRunning('');
  }
  const input = new Writable({ write: (chunk, _encoding, done) => void terminal.write(chunk, () => done()) });
  return {
    stdin: stdin ? input : undefined,
    stdout: terminal,
    stderr: undefined,
    resize: (size) => {
      if (!terminal.destroyed) resizeTerminal(userFd, size);
    },
    exitCode: exitCodeOf(child),
    hangUp: () => void terminal.destroy(),
  };
}

function exitCodeOf(child: NonNullable<ReturnType<typeof execIn>>): Promise<number> {
  return new Promise((resolve) => {
    child.on('error', () => resolve(126));
    child.on('exit', (code) => resolve(code ?? 137));
  });
}

/** Its output from now on; its input only if the container was made with one. */
function attachTo(process: ContainerProcess, log: LogBuffer, { stdin, stdout, stderr }: CommandOrder): CommandSession {
  const outputs: { readonly stdout: PassThrough; readonly stderr: PassThrough } = { stdout: new PassThrough(), stderr: new PassThrough() };
  // A client that does not keep up is left behind rather than held in memory.
  const listening = log.onOutput((name, chunk) => {
    const output = outputs[name];
    if (output.writableLength < mostUnreadBytes) output.write(chunk);
  });
  const leave = (): void => {
    listening[Symbol.dispose]();
    outputs.stdout.end();
    outputs.stderr.end();
  };
  const wanted = (is: boolean, output: Readable): Readable | undefined => (is ? output : undefined);
  return {
    stdin: stdin ? forwardingTo(process.stdin) : undefined,
    stdout: wanted(stdout, outputs.stdout),
    stderr: wanted(stderr, outputs.stderr),
    resize: () => {},
    exitCode: process.ended.then(({ exitCode }) => {
      leave();
      return exitCode;
    }),
    hangUp: leave,
  };
}

const mostUnreadBytes = 1 << 20;

/** The container's input outlives those who are attached. */
const forwardingTo = (stdin: Writable | undefined): Writable | undefined =>
  stdin && new Writable({ write: (chunk, _encoding, done) => void stdin.write(chunk, () => done()) });
