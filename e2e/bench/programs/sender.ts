// The sending half of steady-rate.ts, as a worker thread: writes each request to its descriptor at the moment it is due.
// Waits by Atomics.wait, which keeps time to some 50 us where a timer would keep it to 1 ms, and never waits for an answer.
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

export interface Sending {
  /** Connected sockets; requests go round them. */
  readonly fds: readonly number[];
  readonly request: string;
  readonly total: number;
  /** On the clock of process.hrtime. */
  readonly startNs: number;
  readonly intervalNs: number;
}

const { fds, request, total, startNs, intervalNs } = workerData as Sending;
const bytes = Buffer.from(request);
const never = new Int32Array(new SharedArrayBuffer(4));

for (let sent = 0; sent < total; sent++) {
  const earlyMs = (startNs + sent * intervalNs - Number(process.hrtime.bigint())) / 1e6;
  if (earlyMs > 0) Atomics.wait(never, 0, 0, earlyMs);
  writeSync(fds[sent % fds.length] ?? -1, bytes);
}
