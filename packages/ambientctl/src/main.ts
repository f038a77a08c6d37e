// The program: hands the process's own arguments, streams and clock to program.ts, and its exit code back. Nothing else happens here.
import { readFileSync } from 'node:fs';
import { systemClock } from '@ambient-mesh/runtime/time';
import { runProgram } from './program.ts';

const { version }: { readonly version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
// Somebody who reads the first lines only (`| head`) is no error.
process.stdout.on('error', () => process.exit(0));

// While a command waits, only timers that hold nothing may be left.
const alive = setInterval(() => {}, 2 ** 30);
const code = await runProgram(
  process.argv.slice(2),
  {
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    isTerminal: process.stdout.isTTY === true,
    env: process.env,
    clock: systemClock,
    signal: stop.signal,
  },
  version,
);
// What was printed into a pipe may still be under way: the process ends by itself, and is made to if something of ours lingers.
clearInterval(alive);
process.exitCode = code;
setTimeout(() => process.exit(), 2_000).unref();
