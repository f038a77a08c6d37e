// A queue between a test and a fake peer: either side may come first.
// Used by the harnesses of this folder; a test that waits for what never comes is ended by its runner's time limit.

export class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #takers: ((next: IteratorResult<T, undefined>) => void)[] = [];
  readonly #failures: ((why: unknown) => void)[] = [];
  #over: { readonly why?: unknown } | undefined;

  /** Everything ever put in, for looking back at. */
  readonly seen: T[] = [];

  put(item: T): void {
    if (this.#over !== undefined) return;
    this.seen.push(item);
    const taker = this.#takers.shift();
    this.#failures.shift();
    if (taker === undefined) this.#items.push(item);
    else taker({ done: false, value: item });
  }

  /** What is in can still be taken; then `next` says done, or rejects with `why`. */
  close(why?: unknown): void {
    this.#over ??= why === undefined ? {} : { why };
    const failures = this.#failures.splice(0);
    for (const [at, taker] of this.#takers.splice(0).entries()) {
      if (why === undefined) taker({ done: true, value: undefined });
      else failures[at]?.(why);
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.#over !== undefined) {
      return 'why' in this.#over ? Promise.reject(this.#over.why) : Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => {
      this.#takers.push(resolve);
      this.#failures.push(reject);
    });
  }

  /** The next item; rejects if there will be none. */
  async take(): Promise<T> {
    const next = await this.next();
    if (next.done === true) throw new Error('the mailbox is closed');
    return next.value;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.next(), return: async () => ({ done: true, value: undefined }) };
  }
}
