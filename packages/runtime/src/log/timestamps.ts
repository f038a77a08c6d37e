// RFC 3339 time in UTC with microseconds, made cheaply: the part up to the second is kept between lines.
// The wall clock ticks in milliseconds; the digits below come from the monotonic clock, so lines of one millisecond keep their order.
import type { Clock } from '../time.ts';

/** The two clocks may drift apart, or the wall clock be set; beyond this the fraction starts anew from the wall clock. */
const toleranceMs = 1;

/** Returns a function that gives the present moment: `2026-08-20T10:11:12.123456Z`. */
export function timestamps(clock: Pick<Clock, 'now' | 'monotonic'>): () => string {
  let offset = Number.NaN;
  let second = Number.NaN;
  let prefix = '';
  return () => {
    const wall = clock.now();
    const monotonic = clock.monotonic();
    let at = monotonic + offset;
    if (!(at >= wall - toleranceMs && at < wall + 1 + toleranceMs)) {
      offset = wall - monotonic;
      at = wall;
    }
    const micros = Math.floor(at * 1_000);
    const fraction = micros % 1_000_000;
    const now = (micros - fraction) / 1_000_000;
    if (now !== second) {
      second = now;
      prefix = new Date(now * 1_000).toISOString().slice(0, 20);
    }
    return `${prefix}${fraction < 100_000 ? `${fraction}`.padStart(6, '0') : fraction}Z`;
  };
}
