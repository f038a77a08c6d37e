// Image `ambient-mesh/load`: asks an echo server at a steady pace, each time on a connection of its own, and writes a line for each request.
// Its argument is a LoadOrder as JSON. Goes on until it is ended; what is under way then is not reported.
import { setTimeout as sleep } from 'node:timers/promises';
import { carryOut } from './echo-caller.ts';
import type { LoadLine, LoadOrder } from './echo-protocol.ts';

process.on('SIGTERM', () => process.exit(0));

const { everyMs, ...order } = JSON.parse(process.argv[2] ?? '{}') as LoadOrder;

async function ask(): Promise<void> {
  const at = Date.now();
  const started = performance.now();
  const [{ answer, error } = { error: 'no result' }] = await carryOut(order);
  const line: LoadLine = {
    at,
    ms: Math.round(performance.now() - started),
    ...(answer !== undefined && { pod: answer.pod, version: answer.version }),
    ...(error !== undefined && { error }),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const began = performance.now();
for (let n = 1; ; n++) {
  void ask();
  await sleep(Math.max(0, began + n * everyMs - performance.now()));
}
