// Structured concurrency: a group of tasks that starts together, fails together and is always joined.
// Nothing in the project starts a promise and walks away from it; it runs inside `together`.

export type Task = (signal: AbortSignal) => Promise<void>;

/**
 * Runs the tasks until all have ended. The first that fails stops the others (through the signal each is given), and its
 * reason comes out of here once they have ended too. When `signal` aborts, tasks that end by rejecting with that abort count as ended well.
 */
export async function together(signal: AbortSignal, ...tasks: readonly Task[]): Promise<void> {
  const own = new AbortController();
  const stop = AbortSignal.any([signal, own.signal]);
  const run = async (task: Task): Promise<void> => {
    try {
      await task(stop);
    } catch (why) {
      if (!isStop(why, stop)) own.abort(why);
    }
  };
  await Promise.all(tasks.map(run));
  if (own.signal.aborted) throw own.signal.reason;
}

/** The outcome of `work`, unless the signal aborts first: rejects with its reason then. Gives up waiting, not the work waited for. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Is this rejection only the echo of the abort? Node's own functions wrap the reason in an AbortError. */
function isStop(why: unknown, stop: AbortSignal): boolean {
  if (!stop.aborted) return false;
  return why === stop.reason || (why instanceof Error && why.name === 'AbortError');
}
