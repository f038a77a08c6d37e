// Time as a port: durations with their unit in the type, and a clock that tests can replace (see testing/clock.ts).
// Everything that waits in this project waits through a Clock.

/** A duration or an instant in milliseconds; may have a fraction. */
export type Ms = number & { readonly unit: 'ms' };
export const ms = (n: number): Ms => n as Ms;

export interface Clock {
  /** Wall clock: milliseconds since 1970. May jump in either direction. */
  now(): Ms;
  /** Never goes back; only differences have a meaning. */
  monotonic(): Ms;
  /** Resolves after `for_`; rejects with `signal.reason` when the signal aborts first. */
  sleep(for_: Ms, signal: AbortSignal): Promise<void>;
  /** Calls `f` once after `for_`, unless disposed of before. */
  after(for_: Ms, f: () => void): Disposable;
}

/** setTimeout takes 31 bits and fires at once beyond; longer waits are cut into pieces. */
const longestTimerMs = 2 ** 31 - 1;

/** Node's clock. Its timers do not keep the process alive: sockets and listeners do that. */
export const systemClock: Clock = {
  now: () => ms(Date.now()),
  monotonic: () => ms(performance.now()),
  sleep: (for_, signal) => sleepWith(systemClock, for_, signal),
  after(for_, f) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      const piece = Math.min(left, longestTimerMs);
      timer = setTimeout(() => (left > piece ? arm(left - piece) : f()), piece);
      timer.unref();
    };
    arm(Math.max(0, for_));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** `Clock.sleep` for any clock that has `after`. */
export function sleepWith(clock: Pick<Clock, 'after'>, for_: Ms, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = clock.after(for_, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    const stop = (): void => {
      timer[Symbol.dispose]();
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `5s`, `1m30s`, `100ms`, `1.5h`. Undefined for anything else, a number without a unit included. */
export function parseDuration(text: string): Ms | undefined {
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|[smhd])/g)) total += Number(number) * (unitMs[unit ?? ''] ?? Number.NaN);
  return Number.isSafeInteger(Math.round(total)) ? ms(total) : undefined;
}
