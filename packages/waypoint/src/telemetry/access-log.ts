// Where lines of access logs go: a stream of the process, written to in batches.
// A line costs no system call of its own, and a slow reader drops lines rather than requests. What a line says is access-format.ts.
import type { Writable } from 'node:stream';

/** Lines waiting for a slow reader; more are dropped and counted. */
const mostWaiting = 10_000;

export class AccessLog {
  readonly #out: Writable;
  readonly #dropped: () => void;
  #lines: string[] = [];
  #planned = false;
  #blocked = false;

  constructor(out: Writable, dropped: () => void) {
    this.#out = out;
    this.#dropped = dropped;
  }

  /** `line` with its end. */
  write(line: string): void {
    if (this.#lines.length >= mostWaiting) {
      this.#dropped();
      return;
    }
    this.#lines.push(line);
    if (this.#planned || this.#blocked) return;
    this.#planned = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#planned = false;
    if (this.#lines.length === 0 || this.#blocked) return;
    const text = this.#lines.join('');
    this.#lines = [];
    if (this.#out.write(text)) return;
    this.#blocked = true;
    this.#out.once('drain', () => {
      this.#blocked = false;
      this.flush();
    });
  }
}
