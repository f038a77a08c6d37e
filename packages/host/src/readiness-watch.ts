// Waits until a descriptor that Node itself cannot poll becomes readable or writable.
// Used by seqpacket.ts: Node's own streams would read a packet's bytes and lose the descriptors that came with it.
// Runs on the thread's own event loop (libuv's uv_poll, through koffi): no thread of its own, no timer.
import koffi from 'koffi';

type Interest = 'readable' | 'writable';

interface Waiter {
  readonly interest: Interest;
  readonly wake: () => void;
}

export class ReadinessWatch implements Disposable {
  readonly #fd: number;
  readonly #waiters = new Set<Waiter>();
  #handle: InstanceType<typeof koffi.node.PollHandle> | undefined;
  #closed = false;

  /** The descriptor stays the caller's: close it after this. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Resolves when the descriptor may be ready, is broken, or this watch is disposed: try again, and wait again if it was not.
   * Keeps the process alive while it waits. Rejects with the signal's reason.
   */
  until(interest: Interest, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#closed) return resolve();
      const settle = (how: () => void) => {
        signal.removeEventListener('abort', onAbort);
        this.#waiters.delete(waiter);
        how();
      };
      const onAbort = () => {
        settle(() => reject(signal.reason));
        this.#listen();
      };
      const waiter: Waiter = { interest, wake: () => settle(resolve) };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#listen();
    });
  }

  /** Wakes all who wait. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle?.close();
    this.#handle = undefined;
    this.#wakeAll();
  }

  #listen(): void {
    if (this.#closed) return;
    const interests = { readable: this.#wants('readable'), writable: this.#wants('writable') };
    if (!interests.readable && !interests.writable) this.#handle?.stop();
    else if (this.#handle === undefined) this.#handle = koffi.node.poll(this.#fd, interests, this.#onEvent);
    else this.#handle.start(interests, this.#onEvent);
  }

  #wants(interest: Interest): boolean {
    for (const waiter of this.#waiters) if (waiter.interest === interest) return true;
    return false;
  }

  /** Called by libuv outside Node's own callback scope, where promises would not run and exceptions be lost: leave at once. */
  readonly #onEvent = (): void => {
    this.#handle?.stop(); // level-triggered: it would come again at once
    setImmediate(() => this.#wakeAll());
  };

  #wakeAll(): void {
    this.#handle?.stop();
    for (const waiter of [...this.#waiters]) waiter.wake();
  }
}
