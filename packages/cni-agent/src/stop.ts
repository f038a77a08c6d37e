// Whether the process has been told to end. Loaded before everything else (bin/): as process 1 of a container we would not even hear of a
// signal that nobody listens to, and loading the rest takes a moment.
const told = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => told.abort(new Error(signal)));

/** Aborts at the first signal; later ones change nothing. */
export const stop: AbortSignal = told.signal;
