// Asks a certificate service again for a moment when nobody is there: a control plane that is being replaced has a successor before long, and a
// proxy that starts meanwhile has connections waiting. Wrapped around the client by programs; refusals and silence pass through at once.
import { isFault } from '@ambient-mesh/runtime/errors';
import { type Clock, ms } from '@ambient-mesh/runtime/time';

/** What it takes until nobody is sent to a control plane that has gone: endpoints change, and rules of nodes follow. */
const patience = ms(3_000);
const askEvery = ms(100);

type Ask<R, A> = (request: R, signal: AbortSignal) => Promise<A>;

/** At least 3 s pass before `ca.unreachable`. Rejects with the signal's reason when aborted. */
export function patiently<R, A>(ask: Ask<R, A>, clock: Clock): Ask<R, A> {
  return async (request, signal) => {
    for (const end = clock.monotonic() + patience; ; ) {
      try {
        return await ask(request, signal);
      } catch (e) {
        if (!isFault(e, 'ca.unreachable') || clock.monotonic() >= end) throw e;
      }
      await clock.sleep(askEvery, signal);
    }
  };
}
