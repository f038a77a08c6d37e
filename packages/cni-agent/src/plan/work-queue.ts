// The order of work on pods: each pod by one hand at a time, several pods at once, failures again after a growing pause (facts: control-plane §2.7).
// Knows keys only; what the work is comes from app.ts. News about a pod in its pause ends the pause.
import { Backoff } from '@ambient-mesh/runtime/backoff';
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

export interface WorkPorts {
  /** Rejects when it must be tried again. */
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** For the log; `wait` is the pause before the next attempt. */
  readonly failed: (key: string, why: unknown, wait: Ms) => void;
  readonly clock: Clock;
  /** Most keys worked on at once. */
  readonly atOnce: number;
  readonly random: () => number;
}

const pause = { first: ms(5), max: ms(5_000), factor: 2, jitter: 0.1 };

interface Item {
  state: 'idle' | 'queued' | 'running' | 'pausing';
  /** News came while it was running. */
  again: boolean;
  readonly backoff: Backoff;
  timer: Disposable | undefined;
  /** Those who wait for an attempt that begins after they asked. */
  waiting: PromiseWithResolvers<void>[];
}

export class WorkQueue implements AsyncDisposable {
  readonly #ports: WorkPorts;
  readonly #stop = new AbortController();
  readonly #items = new Map<string, Item>();
  readonly #queued: string[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(ports: WorkPorts) {
    this.#ports = ports;
  }

  /** Keys that are not done: being worked on, waiting for their turn, or for another attempt. */
  get size(): number {
    return this.#items.size;
  }

  /** Worked on soon: once more if it is being worked on now. */
  add(key: string): void {
    if (this.#stop.signal.aborted) return;
    const item = this.#item(key);
    if (item.state === 'running') item.again = true;
    else if (item.state !== 'queued') this.#enqueue(key, item);
    this.#next();
  }

  /** Worked on soon, unless somebody has it in hand or it is in a pause: this is no news. */
  remind(key: string): void {
    if (!this.#items.has(key)) this.add(key);
  }

  /** As `add`; settles as the next attempt that begins from now on does. */
  run(key: string): Promise<void> {
    const asked = Promise.withResolvers<void>();
    if (this.#stop.signal.aborted) asked.reject(this.#stop.signal.reason);
    else this.#item(key).waiting.push(asked);
    this.add(key);
    return asked.promise;
  }

  #item(key: string): Item {
    const backoff = (): Backoff => new Backoff({ ...pause, random: this.#ports.random });
    const item = this.#items.get(key) ?? { state: 'idle', again: false, backoff: backoff(), timer: undefined, waiting: [] };
    this.#items.set(key, item);
    return item;
  }

  #enqueue(key: string, item: Item): void {
    item.timer?.[Symbol.dispose]();
    item.timer = undefined;
    item.state = 'queued';
    this.#queued.push(key);
  }

  #next(): void {
    while (this.#running.size < this.#ports.atOnce) {
      const key = this.#queued.shift();
      const item = key === undefined ? undefined : this.#items.get(key);
      if (key === undefined || item === undefined) return;
      const attempt = this.#attempt(key, item);
      this.#running.add(attempt);
      void attempt.finally(() => {
        this.#running.delete(attempt);
        this.#next();
      });
    }
  }

  /** Never rejects. */
  async #attempt(key: string, item: Item): Promise<void> {
    item.state = 'running';
    const waiting = item.waiting;
    item.waiting = [];
    let failure: { readonly why: unknown } | undefined;
    try {
      await this.#ports.work(key, this.#stop.signal);
    } catch (why) {
      failure = { why };
    }
    for (const { resolve, reject } of waiting) failure === undefined ? resolve() : reject(failure.why);
    if (this.#stop.signal.aborted) return;
    if (failure === undefined) item.backoff.reset();
    if (item.again) {
      item.again = false;
      this.#enqueue(key, item);
    } else if (failure === undefined) this.#items.delete(key);
    else this.#pause(key, item, failure.why);
  }

  #pause(key: string, item: Item, why: unknown): void {
    const wait = item.backoff.next();
    this.#ports.failed(key, why, wait);
    item.state = 'pausing';
    item.timer = this.#ports.clock.after(wait, () => this.add(key));
  }

  /** What is being worked on is told to stop, and waited for; the rest is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('stopped'));
    this.#queued.length = 0;
    for (const { timer, waiting } of this.#items.values()) {
      timer?.[Symbol.dispose]();
      for (const { reject } of waiting) reject(this.#stop.signal.reason);
    }
    await Promise.all(this.#running);
    this.#items.clear();
  }
}
