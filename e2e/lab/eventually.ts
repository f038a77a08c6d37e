// Waiting for a condition with a deadline: the only way in which the lab and its scenarios wait.
// Polls, because the conditions live in other processes.
import { setTimeout as sleep } from 'node:timers/promises';

/** The first defined answer of `probe`. A throwing probe counts as "not yet"; its last error becomes the cause. */
export async function eventually<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  {
    timeoutMs = 5_000,
    everyMs = 20,
    what,
  }: { readonly timeoutMs?: number; readonly everyMs?: number; readonly what: string | (() => string) },
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const found = await probe();
      if (found !== undefined) return found;
    } catch (e) {
      cause = e;
    }
    if (performance.now() > deadline) {
      throw new Error(`after ${timeoutMs} ms there was still not: ${typeof what === 'string' ? what : what()}`, { cause });
    }
    await sleep(everyMs);
  }
}
