// An allowance for what an honest peer does seldom: so much at once, so much a second.
// Used by session.ts against floods that cost us work and the peer nothing (RFC 9113 §10.5).
import type { Clock } from '@ambient-mesh/runtime/time';

export class Budget {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #since: number;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#since = clock.monotonic();
  }

  /** False when it is used up. */
  spend(): boolean {
    if (this.#left < 1) {
      const now = this.#clock.monotonic();
      this.#left = Math.min(this.#burst, this.#left + ((now - this.#since) * this.#perSecond) / 1000);
      this.#since = now;
      if (this.#left < 1) return false;
    } else if (this.#left === this.#burst) this.#since = this.#clock.monotonic();
    this.#left--;
    return true;
  }
}
