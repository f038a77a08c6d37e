// The entry of a plugin's own thread: one command after the other, one report for each. instance.ts is the other end.
// Nothing in here is trusted with more than what it is told: no environment, no files, limits from outside.
import { parentPort, workerData } from 'node:worker_threads';
import { describeError } from '@ambient-mesh/runtime/errors';
import { Guest } from './guest.ts';
import type { Command, Report, Setup } from './messages.ts';

const setup: Setup = workerData.setup;
const report = (said: Report): void => parentPort?.postMessage(said);
let guest: Guest | undefined;

try {
  guest = new Guest(setup);
  const started = guest.start();
  report({ started, events: guest.events() });
} catch (e) {
  fail(e);
}

parentPort?.on('message', (command: Command) => {
  if (guest === undefined) return;
  try {
    const verdict = guest.run(command);
    report({ verdict, events: guest.events() });
  } catch (e) {
    fail(e);
  }
});

/** A program that trapped has left its memory in the middle of something. */
function fail(e: unknown): void {
  const events = guest?.events() ?? [];
  guest = undefined;
  report({ failed: describeError(e), events });
}
