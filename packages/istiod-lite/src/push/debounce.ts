// When changes are pushed: once it has been quiet for a while, or once the oldest has waited long enough (facts: control-plane §10.1).
// Used by push/publisher.ts. Waits by the monotonic clock; with a quiet time of 0 changes of one turn of the loop go together.
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

export interface DebounceOptions {
  readonly after: Ms;
  readonly max: Ms;
  readonly clock: Pick<Clock, 'monotonic' | 'after'>;
  /** `since`: when the oldest change came, by the monotonic clock. Must not throw. */
  readonly fire: (since: Ms) => void;
}

export class Debounce implements Disposable {
  readonly #options: DebounceOptions;
  #first: Ms | undefined;
  #last: Ms = ms(0);
  #timer: Disposable | undefined;

  constructor(options: DebounceOptions) {
    this.#options = options;
  }

  /** Something changed. */
  touch(): void {
    const { clock, after } = this.#options;
    this.#last = clock.monotonic();
    this.#first ??= this.#last;
    // One timer at a time: a storm of changes costs a comparison each, not a timer each.
    this.#timer ??= clock.after(after, () => this.#look());
  }

  #look(): void {
    const { clock, after, max, fire } = this.#options;
    this.#timer = undefined;
    const first = this.#first;
    if (first === undefined) return;
    const now = clock.monotonic();
    const due = Math.min(this.#last + after, first + max);
    if (now < due) {
      this.#timer = clock.after(ms(due - now), () => this.#look());
      return;
    }
    this.#first = undefined;
    fire(first);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#first = undefined;
  }
}
