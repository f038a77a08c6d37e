// Gives memory back that starting took: compiled code that ran once, a grown young generation. For long-lived processes, once per thread.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Clock, ms } from './time.ts';

/** When connections to the control plane are up and what they needed is garbage. */
const whenSettled = ms(3_000);

/** Later, and then for some 10 ms of this thread. */
export function giveBackStartMemory(clock: Pick<Clock, 'after'>): void {
  clock.after(whenSettled, () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  });
}
