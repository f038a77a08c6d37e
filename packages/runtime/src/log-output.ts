// Where log lines leave the process: a bounded queue in front of a descriptor (stdout), written in batches off the event loop.
// A slow reader first fills the queue (10,000 lines), then slows this thread down; lines are dropped only when nobody can read them any more (EPIPE).
// Each thread may have an output of its own on the same descriptor: no write is longer than PIPE_BUF unless it is one line, so lines never mix.
import { write, writeSync } from 'node:fs';

const maxLines = 10_000;
/** Linux writes this much to a pipe in one piece (PIPE_BUF, pipe(7)). */
const atomicBytes = 4_096;
const retryMs = 2;

/** The system calls, so that tests can be slow, full or broken on purpose. */
export interface OutputPort {
  write(bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  writeSync(bytes: Uint8Array): number;
}

export function descriptorPort(fd: number): OutputPort {
  return { write: (bytes, done) => write(fd, bytes, done), writeSync: (bytes) => writeSync(fd, bytes) };
}

export class LogOutput {
  readonly #port: OutputPort;
  #queue: string[] = [];
  #head = 0;
  #busy = false;
  #broken = false;
  #idle: (() => void)[] = [];

  constructor(port: OutputPort) {
    this.#port = port;
  }

  /** Takes one line without its newline; never throws. Blocks only when the queue is full. */
  readonly line = (text: string): void => {
    if (this.#broken) return;
    this.#queue.push(text);
    if (this.#queue.length - this.#head > maxLines) this.drainNow();
    else if (!this.#busy) {
      this.#busy = true;
      setImmediate(() => this.#next());
    }
  };

  /** Resolves when every line given so far has left. */
  flush(): Promise<void> {
    return this.#busy ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  /** Writes the queue out before returning, for a full queue and for the last words of a process that must end at once. */
  drainNow(): void {
    for (let batch = this.#take(); batch !== undefined && !this.#broken; batch = this.#take()) {
      for (let rest = batch; rest.length > 0 && !this.#broken; ) rest = rest.subarray(this.#writeSome(rest));
    }
  }

  #next(): void {
    const batch = this.#take();
    if (batch !== undefined && !this.#broken) {
      this.#send(batch);
      return;
    }
    this.#busy = false;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #send(bytes: Uint8Array): void {
    this.#port.write(bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#send(bytes), retryMs);
      else if (error === null && written < bytes.length) this.#send(bytes.subarray(written));
      else {
        if (error !== null) this.#giveUp();
        this.#next();
      }
    });
  }

  #writeSome(bytes: Uint8Array): number {
    try {
      return this.#port.writeSync(bytes);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
      else this.#giveUp();
      return 0;
    }
  }

  /** The reader is gone: a mesh that cannot log must still carry traffic. */
  #giveUp(): void {
    this.#broken = true;
    this.#queue = [];
    this.#head = 0;
  }

  /** As many whole lines as one atomic write holds, at least one; undefined when the queue is empty. */
  #take(): Uint8Array | undefined {
    let text = '';
    let size = 0;
    while (this.#head < this.#queue.length) {
      const line = `${this.#queue[this.#head]}\n`;
      size += Buffer.byteLength(line);
      if (text !== '' && size > atomicBytes) break;
      text += line;
      this.#head += 1;
    }
    if (this.#head >= maxLines || this.#head === this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return text === '' ? undefined : Buffer.from(text);
  }
}
