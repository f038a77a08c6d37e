// Connects a command in a container with the channels of a client: input, output, terminal size, and the status at the end.
// Called by websocket-command.ts and spdy-command.ts, which bring the channels.

import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { StatusError } from '../status-error.ts';
import type { CommandOrder, CommandSession, PodPort, TerminalSize } from './pod-port.ts';

export interface CommandChannels {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly onResize: (listener: (size: TerminalSize) => void) => void;
  /** Writes the status and ends the conversation in good order. */
  readonly finish: (status: string) => void;
  /** Aborts when the client goes away. */
  readonly gone: AbortSignal;
}

export type CommandKind = 'exec' | 'attach';

/** Of the query of exec and attach requests; a kubelet's own server has other names for the channels. */
export function readOrder(query: URLSearchParams): CommandOrder {
  const isOn = (...names: readonly string[]): boolean => names.some((name) => ['true', '1'].includes(query.get(name) ?? ''));
  const tty = isOn('tty');
  return {
    container: query.get('container') ?? '',
    command: query.getAll('command'),
    stdin: isOn('stdin', 'input'),
    stdout: isOn('stdout', 'output'),
    // A terminal has one output only.
    stderr: isOn('stderr', 'error') && !tty,
    tty,
  };
}

/** Resolves when the command has ended and its status is told, or when the client has gone. Never rejects. */
export async function connectCommand(pod: PodPort, kind: CommandKind, order: CommandOrder, channels: CommandChannels): Promise<void> {
  let session: CommandSession;
  try {
    session = pod[kind](order);
  } catch (e) {
    const status = e instanceof StatusError ? e : new StatusError(500, 'InternalError', String(e));
    channels.finish(JSON.stringify(status.toJson()));
    return;
  }
  const { gone } = channels;
  gone.addEventListener('abort', () => session.hangUp(), { once: true });
  if (gone.aborted) session.hangUp();
  channels.onResize(session.resize);
  if (session.stdin !== undefined) channels.stdin?.pipe(session.stdin);
  const outputs = [carry(session.stdout, channels.stdout), carry(session.stderr, channels.stderr)];
  const code = await session.exitCode;
  await Promise.all(outputs);
  if (!gone.aborted) channels.finish(exitStatus(code));
}

/** All output is on its way before the status is. */
async function carry(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (from === undefined) return;
  if (to === undefined) from.resume();
  else from.pipe(to);
  // A terminal ends with an error; a client may go away.
  await finished(from, { cleanup: true }).catch(() => {});
}

/** A `Status` as kubectl reads it: the exit code is in the causes. */
function exitStatus(code: number): string {
  if (code === 0) return JSON.stringify({ metadata: {}, status: 'Success' });
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: command terminated with exit code ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: `${code}` }] },
  });
}

/** Sizes are JSON objects, one after the other, whatever the pieces that they come in. */
export class SizeReader {
  #text = '';
  readonly #onSize: (size: TerminalSize) => void;

  constructor(onSize: (size: TerminalSize) => void) {
    this.#onSize = onSize;
  }

  read(chunk: Uint8Array): void {
    this.#text = (this.#text + Buffer.from(chunk).toString()).slice(-1_000);
    for (let end = this.#text.indexOf('}'); end >= 0; end = this.#text.indexOf('}')) {
      const piece = this.#text.slice(0, end + 1);
      this.#text = this.#text.slice(end + 1);
      const columns = Number(/"Width"\s*:\s*(\d{1,5})\b/.exec(piece)?.[1]);
      const rows = Number(/"Height"\s*:\s*(\d{1,5})\b/.exec(piece)?.[1]);
      if (columns > 0 && columns < 65_536 && rows > 0 && rows < 65_536) this.#onSize({ columns, rows });
    }
  }
}
