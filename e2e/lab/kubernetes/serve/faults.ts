// How tests make the API server misbehave: slow, silent, forbidding, or cutting its watches.
// Obeyed by kube-api.ts and watch-response.ts; a fresh one changes nothing.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Forbid } from '../auth/reviews.ts';

export interface OpenWatch {
  /** Cuts the connection, in the middle of an event if so wished. */
  cut(midEvent: boolean): void;
  bookmark(): void;
}

export class Faults {
  /** Before every answer. */
  delayMs = 0;
  /** True refuses with 403. */
  forbid: Forbid = () => false;
  readonly watches = new Set<OpenWatch>();
  #stall: PromiseWithResolvers<void> | undefined;

  /** Ends every watch at once, the connection included. */
  cutWatches({ midEvent = false } = {}): void {
    for (const watch of [...this.watches]) watch.cut(midEvent);
  }

  /** Tells every watch that asked for bookmarks how far it is, now rather than within a minute. */
  sendBookmarks(): void {
    for (const watch of this.watches) watch.bookmark();
  }

  /** From now on no byte is written, and no connection closed, until disposed of: what a half-open connection looks like. */
  stall(): Disposable {
    const stall = Promise.withResolvers<void>();
    this.#stall = stall;
    return {
      [Symbol.dispose]: () => {
        if (this.#stall !== stall) return;
        this.#stall = undefined;
        stall.resolve();
        // What they missed is lost, as on a broken network: clients must start again.
        this.cutWatches();
      },
    };
  }

  get isStalled(): boolean {
    return this.#stall !== undefined;
  }

  async holdBack(): Promise<void> {
    if (this.delayMs > 0) await sleep(this.delayMs);
    await this.#stall?.promise;
  }
}
