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

/** Is this rejection only the echo of the abort? Node's own functions wrap the reason in an AbortError. */
function isStop(why: unknown, stop: AbortSignal): boolean {
  if (!stop.aborted) return false;
  return why === stop.reason || (why instanceof Error && why.name === 'AbortError');
}
