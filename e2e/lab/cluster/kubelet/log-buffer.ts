// What a container has said, line by line and bounded, for `kubectl logs`; and as it comes, for those who are attached.
// Filled by container-process.ts, read by container-logs.ts and by streams into pods.

export type OutputName = 'stdout' | 'stderr';

export interface LogLine {
  /** Grows by one for each line. */
  readonly number: number;
  readonly at: Date;
  /** Without its newline; what is not UTF-8 is replaced. */
  readonly text: string;
}

/** The oldest lines go when all together are longer. */
const limitChars = 4 << 20;
/** Longer lines are cut into several. */
const longestLineChars = 16 << 10;

export class LogBuffer {
  readonly #lines: LogLine[] = [];
  readonly #partial: Record<OutputName, { text: string; readonly decoder: TextDecoder }> = {
    stdout: { text: '', decoder: new TextDecoder() },
    stderr: { text: '', decoder: new TextDecoder() },
  };
  readonly #listeners = new Set<(name: OutputName, chunk: Buffer) => void>();
  #chars = 0;
  #last = 0;
  #wake = Promise.withResolvers<void>();
  #ended = false;

  write(name: OutputName, chunk: Buffer): void {
    for (const listener of this.#listeners) listener(name, chunk);
    const partial = this.#partial[name];
    const pieces = (partial.text + partial.decoder.decode(chunk, { stream: true })).split('\n');
    partial.text = pieces.pop() ?? '';
    for (const piece of pieces) this.#add(piece);
    for (; partial.text.length > longestLineChars; partial.text = partial.text.slice(longestLineChars))
      this.#add(partial.text.slice(0, longestLineChars));
    this.#announce();
  }

  /** Nothing more will come. */
  end(): void {
    for (const partial of Object.values(this.#partial)) {
      if (partial.text !== '') this.#add(partial.text);
      partial.text = '';
    }
    this.#ended = true;
    this.#announce();
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when there is more, or the end. */
  get changed(): Promise<void> {
    return this.#wake.promise;
  }

  /** Hears every piece of output from now on, as it was written. */
  onOutput(listener: (name: OutputName, chunk: Buffer) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #add(text: string): void {
    for (let rest = text; ; rest = rest.slice(longestLineChars)) {
      const line = rest.slice(0, longestLineChars);
      this.#lines.push({ number: ++this.#last, at: new Date(), text: line });
      this.#chars += line.length + 1;
      if (rest.length <= longestLineChars) break;
    }
    let surplus = 0;
    for (; this.#chars > limitChars; surplus++) this.#chars -= (this.#lines[surplus]?.text.length ?? 0) + 1;
    this.#lines.splice(0, surplus);
  }

  #announce(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers();
    wake.resolve();
  }
}

export interface LogWish {
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Only the last lines of those that are there; undefined: all. */
  readonly tailLines: number | undefined;
  readonly sinceSeconds: number | undefined;
}

/** As `kubectl logs` shows them, newlines included; with `follow`, until the container has ended. */
export async function* readLog(log: LogBuffer, wish: LogWish, signal: AbortSignal): AsyncGenerator<Buffer> {
  const since = wish.sinceSeconds === undefined ? 0 : Date.now() - wish.sinceSeconds * 1_000;
  const present = log.lines.filter(({ at }) => at.getTime() >= since);
  let batch = wish.tailLines === undefined ? present : present.slice(Math.max(0, present.length - wish.tailLines));
  let last = log.lines.at(-1)?.number ?? 0;
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  for (;;) {
    const { changed, ended } = log;
    if (batch.length > 0)
      yield Buffer.from(batch.map(({ at, text }) => `${wish.timestamps ? `${at.toISOString()} ` : ''}${text}\n`).join(''));
    if (!wish.follow || signal.aborted) return;
    batch = log.lines.filter(({ number }) => number > last);
    last = log.lines.at(-1)?.number ?? last;
    if (batch.length > 0) continue;
    if (ended) return;
    await Promise.race([changed, aborted]);
  }
}
