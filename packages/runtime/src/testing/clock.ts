// A clock that stands still until a test moves it. Timers fire in the order of their time, then of their creation.
// Passes the same suite as the system clock (time.test.ts), so it may stand in for it anywhere.
import { type Clock, type Ms, ms, sleepWith } from '../time.ts';

export interface FakeClock extends Clock {
  /** Moves time on, firing what falls due on the way; lets pending promises run between two timers and at the end. */
  advance(by: Ms): Promise<void>;
  /** Timers that have neither fired nor been disposed of. */
  readonly pending: number;
}

interface Timer {
  readonly due: number;
  readonly f: () => void;
}

/** Starts at `start`: milliseconds since 1970, by default the first second of 2026. */
export function fakeClock(start: Ms = ms(Date.UTC(2026, 0, 1))): FakeClock {
  const timers = new Set<Timer>();
  let elapsed = 0;
  const nextDue = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) if (timer.due <= until && (next === undefined || timer.due < next.due)) next = timer;
    return next;
  };
  const clock: FakeClock = {
    now: () => ms(start + elapsed),
    monotonic: () => ms(elapsed),
    sleep: (for_, signal) => sleepWith(clock, for_, signal),
    after(for_, f) {
      const timer: Timer = { due: elapsed + Math.max(0, for_), f };
      timers.add(timer);
      return { [Symbol.dispose]: () => void timers.delete(timer) };
    },
    async advance(by) {
      const until = elapsed + by;
      await settled();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        elapsed = timer.due;
        timer.f();
        await settled();
      }
      elapsed = until;
    },
    get pending() {
      return timers.size;
    },
  };
  return clock;
}

/** One turn of the event loop: every promise that can settle without I/O has settled by then. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
