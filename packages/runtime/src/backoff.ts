// How long to wait before the next attempt: grows by a factor up to a limit, with chance spread around it.
// Only computes; the caller sleeps (on its Clock) and resets after a success.
import { type Ms, ms } from './time.ts';

export interface BackoffOptions {
  readonly first: Ms;
  /** Upper bound of the wait before jitter is applied. */
  readonly max: Ms;
  /** Growth per attempt. */
  readonly factor: number;
  /** Spread as a share of the wait, 0 to 1: 0.1 means from -10 % to +10 %. */
  readonly jitter: number;
  /** Uniform in [0, 1), like Math.random. */
  readonly random: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #base: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#base = options.first;
  }

  next(): Ms {
    const { max, factor, jitter, random } = this.#options;
    const base = Math.min(this.#base, max);
    this.#base = base * factor;
    return ms(base * (1 + jitter * (2 * random() - 1)));
  }

  reset(): void {
    this.#base = this.#options.first;
  }
}
