// Notices that nothing moves any more. It looks now and then instead of being told of each octet, which therefore costs nothing.
// Used by transaction.ts for exchanges.
import { type Clock, type Ms, ms } from '@ambient-mesh/runtime/time';

/** Looks in the time that is allowed; who is idle is found after one to one and a quarter times that. */
const looks = 4;

export interface Watched {
  /** Anything that changes whenever something moves. */
  readonly progress: () => number;
  readonly idle: () => void;
}

/** Ends by itself when it has found what it looks for. */
export function watchIdle(clock: Clock, allowed: Ms, { progress, idle }: Watched): Disposable {
  let before = progress();
  let unchanged = 0;
  let timer: Disposable | undefined;
  const wait = (): void => {
    timer = clock.after(ms(allowed / looks), () => {
      const now = progress();
      unchanged = now === before ? unchanged + 1 : 0;
      before = now;
      if (unchanged < looks) wait();
      else idle();
    });
  };
  wait();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}
