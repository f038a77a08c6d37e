// Exec and attach over SPDY: the client opens a stream for each channel and names it by a header.
// Called by serve-stream.ts, for old clients and for API servers that ask a kubelet.
import type { CommandOrder, PodPort } from './pod-port.ts';
import { type CommandKind, connectCommand, SizeReader } from './remote-command.ts';
import type { SpdySession, SpdyStream } from './spdy/session.ts';

/** Time for the client to open all the streams that its request promises. */
const openMs = 30_000;

export class SpdyCommand {
  readonly #streams = new Map<string, SpdyStream>();
  readonly #expected: readonly string[];
  readonly #complete = Promise.withResolvers<void>();

  constructor({ stdin, stdout, stderr, tty }: CommandOrder) {
    const wanted = { error: true, stdin, stdout, stderr, resize: tty };
    this.#expected = Object.entries(wanted).flatMap(([name, isWanted]) => (isWanted ? [name] : []));
  }

  take(stream: SpdyStream): void {
    const name = stream.headers.get('streamtype') ?? '';
    if (!this.#expected.includes(name) || this.#streams.has(name)) {
      stream.destroy();
      return;
    }
    this.#streams.set(name, stream);
    if (this.#streams.size === this.#expected.length) this.#complete.resolve();
  }

  async serve(session: SpdySession, pod: PodPort, kind: CommandKind, order: CommandOrder): Promise<void> {
    const late = setTimeout(() => session.close(), openMs);
    session.gone.addEventListener('abort', () => this.#complete.resolve(), { once: true });
    await this.#complete.promise;
    clearTimeout(late);
    if (session.gone.aborted) return;
    const error = this.#streams.get('error');
    await connectCommand(pod, kind, order, {
      stdin: this.#streams.get('stdin'),
      stdout: this.#streams.get('stdout'),
      stderr: this.#streams.get('stderr'),
      onResize: (listener) => {
        const sizes = new SizeReader(listener);
        this.#streams.get('resize')?.on('data', (chunk: Buffer) => sizes.read(chunk));
      },
      finish: (status) => {
        error?.end(status, () => session.close());
      },
      gone: session.gone,
    });
  }
}
