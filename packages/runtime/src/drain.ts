// Graceful stop as tokens: whoever must finish first holds one, and the process ends when the last is given back.
// The two signals say what to do meanwhile: `signal` = take nothing new, `forced` = drop what is left.
// Who starts a drain (SIGTERM, an admin request, a pod's removal) is the program's affair.
import type { Clock, Ms } from './time.ts';

export type DrainMode = 'graceful' | 'immediate';

export interface DrainOptions {
  /** How long participants may take after a graceful start before `forced` aborts. */
  readonly deadline: Ms;
  readonly clock: Clock;
}

export class Drain {
  readonly #options: DrainOptions;
  readonly #started = new AbortController();
  readonly #forced = new AbortController();
  readonly #drained = Promise.withResolvers<void>();
  #participants = 0;
  #mode: DrainMode | undefined;
  #deadline: Disposable | undefined;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Aborts when draining starts: close listeners, refuse new work. */
  get signal(): AbortSignal {
    return this.#started.signal;
  }

  /** Aborts at the deadline, or at once in immediate mode: end everything now. */
  get forced(): AbortSignal {
    return this.#forced.signal;
  }

  /** Undefined until draining starts. */
  get mode(): DrainMode | undefined {
    return this.#mode;
  }

  /** A second start may only hurry: `immediate` overtakes `graceful`, anything else changes nothing. */
  start(mode: DrainMode): void {
    if (this.#mode === mode || this.#mode === 'immediate') return;
    const first = this.#mode === undefined;
    this.#mode = mode;
    if (first) this.#started.abort(new Error('draining'));
    if (mode === 'immediate') this.#force('stopped at once');
    else if (this.#participants > 0) {
      this.#deadline = this.#options.clock.after(this.#options.deadline, () => this.#force('not drained in time'));
    }
    this.#settle();
  }

  /** A participant that `drained` waits for. Giving a token back twice counts once. */
  enter(): Disposable {
    let held = true;
    this.#participants += 1;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#participants -= 1;
        this.#settle();
      },
    };
  }

  /** Resolves when draining has started and no participant is left; forced participants are waited for too. */
  drained(): Promise<void> {
    return this.#drained.promise;
  }

  #force(why: string): void {
    this.#deadline?.[Symbol.dispose]();
    this.#forced.abort(new Error(why));
  }

  #settle(): void {
    if (this.#mode === undefined || this.#participants > 0) return;
    this.#deadline?.[Symbol.dispose]();
    this.#drained.resolve();
  }
}
