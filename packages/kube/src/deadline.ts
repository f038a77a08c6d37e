// A limit on waiting, as an AbortSignal: for one call (absolute), or for silence (each sign of life puts it off).
// Used by client.ts and watch.ts. Measures on the monotonic clock.
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

export class Deadline implements Disposable {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly #stop = new AbortController();
  readonly #reason: (limit: Ms) => unknown;
  #limit: Ms;
  #since: number;
  #timer: Disposable;

  /** `reason` makes what the signal aborts with. */
  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, limit: Ms, reason: (limit: Ms) => unknown) {
    this.#clock = clock;
    this.#limit = limit;
    this.#reason = reason;
    this.#since = clock.monotonic();
    this.#timer = clock.after(limit, () => this.#look());
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Counts anew from now. Costs no timer: the running one looks again when it fires. */
  putOff(): void {
    this.#since = this.#clock.monotonic();
  }

  /** Another limit, counted from now. */
  reset(limit: Ms): void {
    this.#limit = limit;
    this.putOff();
    this.#timer[Symbol.dispose]();
    this.#timer = this.#clock.after(limit, () => this.#look());
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #look(): void {
    const left = ms(this.#limit - (this.#clock.monotonic() - this.#since));
    // A timer may fire a fraction of a millisecond early.
    if (left < 1) this.#stop.abort(this.#reason(this.#limit));
    else this.#timer = this.#clock.after(left, () => this.#look());
  }
}
