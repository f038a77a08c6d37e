// Waiting that can be given up, for work that takes no signal or that others wait for too: a session being opened, a certificate being fetched.

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
