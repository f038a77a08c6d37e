// When changes are pushed: a short while after the first of them, so that what comes together goes together; longer when pushing is expensive.
// Used by push/publisher.ts. The original waits until it has been quiet for that while, which a busy cluster never is: its changes then
// wait for the longest time, 10 s. A push here costs what changed, so waiting longer than its cost asks for saves nothing.
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

export interface DebounceOptions {
  /** How long changes are gathered, from the first on. 0: changes of one turn of the loop go together. */
  readonly after: Ms;
  /** Longest gathering, however expensive the last push was. */
  readonly max: Ms;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** Pushes, at once. `since`: when the oldest change came, by the monotonic clock. Must not throw. */
  readonly fire: (since: Ms) => void;
}

/** Pushes may take this share of the time: after one that took 100 ms changes are gathered for a second. */
const share = 0.1;

export class Debounce implements Disposable {
  readonly #options: DebounceOptions;
  #first: Ms | undefined;
  #cost = 0;
  #timer: Disposable | undefined;

  constructor(options: DebounceOptions) {
    this.#options = options;
  }

  /** Something changed. */
  touch(): void {
    if (this.#first !== undefined) return;
    const { clock, after, max } = this.#options;
    this.#first = clock.monotonic();
    this.#timer = clock.after(ms(Math.min(Math.max(after, this.#cost / share), Math.max(after, max))), () => this.#fire());
  }

  #fire(): void {
    const { clock, fire } = this.#options;
    const first = this.#first;
    this.#first = undefined;
    if (first === undefined) return;
    const began = clock.monotonic();
    fire(first);
    // A push that takes less than a timer can tell is not worth waiting for.
    const took = clock.monotonic() - began;
    this.#cost = took < 2 ? 0 : took;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#first = undefined;
  }
}
