// Finds out that a peer has gone silently: PING after a while, death when no PONG comes (facts: ztunnel §2.3).
// Owned by session.ts, which sends the frames. Time comes in through the clock.
import { type Clock, ms } from '@ambient-mesh/runtime/time';

export interface KeepaliveSettings {
  /** From set-up to the first PING, and from each PONG to the next. */
  readonly everyMs: number;
  /** From PING to giving up. */
  readonly timeoutMs: number;
}

export const defaultKeepalive: KeepaliveSettings = { everyMs: 10_000, timeoutMs: 20_000 };

export class Keepalive implements Disposable {
  readonly #clock: Clock;
  readonly #settings: KeepaliveSettings;
  readonly #ping: () => void;
  readonly #dead: () => void;
  #timer: Disposable;
  #waiting = false;

  constructor(clock: Clock, settings: KeepaliveSettings, events: { readonly ping: () => void; readonly dead: () => void }) {
    this.#clock = clock;
    this.#settings = settings;
    this.#ping = events.ping;
    this.#dead = events.dead;
    this.#timer = this.#sleep();
  }

  /** An answer to our PING; others are ignored. */
  pong(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#timer[Symbol.dispose]();
    this.#timer = this.#sleep();
  }

  [Symbol.dispose](): void {
    this.#waiting = false;
    this.#timer[Symbol.dispose]();
  }

  #sleep(): Disposable {
    return this.#clock.after(ms(this.#settings.everyMs), () => {
      this.#waiting = true;
      this.#timer = this.#clock.after(ms(this.#settings.timeoutMs), this.#dead);
      this.#ping();
    });
  }
}
