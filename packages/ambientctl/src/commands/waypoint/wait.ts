// Waiting until waypoints are programmed: asks again and again, since waits are short and few, and says in the end who is not.
// Used by apply.ts and status.ts.
import type { Clock, Ms } from '@ambient-mesh/runtime/time';
import { ms } from '@ambient-mesh/runtime/time';
import { isProgrammed, nameOf, type WaypointGateway } from './gateway.ts';

const askEvery = ms(500);

export interface Patience {
  readonly clock: Clock;
  readonly timeout: Ms;
  readonly signal: AbortSignal;
}

/** What `look` saw last: all of it programmed, or the time is over. Failures of `look` pass through. */
export async function untilProgrammed(
  look: () => Promise<readonly WaypointGateway[]>,
  { clock, timeout, signal }: Patience,
): Promise<readonly WaypointGateway[]> {
  const end = clock.monotonic() + timeout;
  for (;;) {
    const seen = await look();
    if (seen.every(isProgrammed)) return seen;
    const left = end - clock.monotonic();
    if (left <= 0) return seen;
    await clock.sleep(ms(Math.min(askEvery, left)), signal);
  }
}

/** One sentence about a waypoint that is not ready. */
export function whyNot(waypoint: WaypointGateway, timeout: string): string {
  const { programmed } = waypoint;
  const why = programmed?.message || programmed?.reason || 'nobody has said anything about it yet';
  return `waypoint ${nameOf(waypoint)} is not ready after ${timeout}: ${why}`;
}
