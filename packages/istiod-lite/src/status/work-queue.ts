// Work that is known by a key: each key is worked on once at a time, again if it was added meanwhile, and anew after a pause when it failed.
// Used for everything the leader writes to the API server. What the work is, and what is wanted, is read when the work begins, not when it is added.
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { type Clock, ms } from '@ambient-mesh/runtime/time';

export interface WorkQueueOptions {
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** Keys worked on at the same time. Default 8. */
  readonly workers?: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** After the last attempt (the fifth retry): the key is dropped until it is added again. */
  readonly failed: (key: string, why: unknown) => void;
}

const retries = 5;
const pause = { first: ms(250), max: ms(10_000), factor: 2, jitter: 0.5 };

export class WorkQueue {
  readonly #options: Required<WorkQueueOptions>;
  readonly #signal: AbortSignal;
  readonly #waiting: Set<string> = new Set();
  /** Value: added again meanwhile. */
  readonly #busy: Map<string, boolean> = new Map();
  #whenIdle = Promise.withResolvers<void>();

  /** Nothing is begun after `signal` aborts; what is under way gets the signal. */
  constructor(options: WorkQueueOptions, signal: AbortSignal) {
    this.#options = { workers: 8, ...options };
    this.#signal = signal;
  }

  add(key: string): void {
    if (this.#signal.aborted) return;
    if (this.#busy.has(key)) this.#busy.set(key, true);
    else this.#waiting.add(key);
    this.#begin();
  }

  /** Resolves when nothing is waiting or under way; also after an abort, once what was under way has ended. */
  async idle(): Promise<void> {
    while (this.#busy.size > 0 || (this.#waiting.size > 0 && !this.#signal.aborted)) await this.#whenIdle.promise;
  }

  #begin(): void {
    for (const key of this.#waiting) {
      if (this.#busy.size >= this.#options.workers || this.#signal.aborted) return;
      this.#waiting.delete(key);
      this.#busy.set(key, false);
      void this.#workOn(key);
    }
  }

  async #workOn(key: string): Promise<void> {
    const { work, clock, random, failed } = this.#options;
    const backoff = new Backoff({ ...pause, random });
    for (let attempt = 0; ; attempt++) {
      // What is added from here on was not known to this attempt.
      this.#busy.set(key, false);
      try {
        await work(key, this.#signal);
        break;
      } catch (e) {
        if (this.#signal.aborted) break;
        if (attempt === retries) {
          failed(key, e);
          break;
        }
        await clock.sleep(backoff.next(), this.#signal).catch(() => {});
      }
    }
    if (this.#busy.get(key) && !this.#signal.aborted) this.#waiting.add(key);
    this.#busy.delete(key);
    this.#begin();
    if (this.#busy.size > 0 || (this.#waiting.size > 0 && !this.#signal.aborted)) return;
    this.#whenIdle.resolve();
    this.#whenIdle = Promise.withResolvers();
  }
}
