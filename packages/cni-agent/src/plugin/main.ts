// The program `istio-cni`: run by the container runtime as the last plugin of the node's chain, for every pod that starts or ends.
// Reads environment and standard input, prints one JSON text, and is gone in some 50 ms. Built into one executable by scripts/build-plugin.ts,
// so nothing here may import what is large or loads late. It prints a CNI error whatever goes wrong, and always ends.
import { cniVersions, codes, errorText } from './cni.ts';
import { LogLines } from './log-lines.ts';
import { run, type Said } from './run.ts';

/** A configuration with the result of a long chain is a few kilobytes. */
const longestInputBytes = 1024 * 1024;

let hasAnswered = false;

async function main(): Promise<void> {
  if (!process.env.CNI_COMMAND) return introduce();
  const log = new LogLines();
  const said = await run(process.env, await input(), log).catch(mishap);
  process.exitCode = said.exitCode;
  await print(said.text);
  if (said.runDir !== undefined) await log.send(said.runDir);
  process.exit();
}

/** Empty, which is no configuration, when it is too long or breaks off. */
async function input(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of process.stdin) {
      length += chunk.length;
      if (length > longestInputBytes) return '';
      chunks.push(chunk);
    }
  } catch {
    return '';
  }
  return Buffer.concat(chunks).toString('utf8');
}

function print(text: string): Promise<void> {
  hasAnswered = true;
  // A runtime that has gone away needs no answer.
  process.stdout.on('error', () => process.exit(1));
  return text === '' ? Promise.resolve() : new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
}

function mishap(e: unknown): Said {
  const details = e instanceof Error ? (e.stack ?? e.message) : String(e);
  const error = { code: codes.internal, msg: 'istio-cni failed unexpectedly', details };
  return { text: errorText({ error, version: '1.1.0' }), exitCode: 1, runDir: undefined };
}

function introduce(): void {
  process.stderr.write(`istio-cni: enrols pods in the ambient mesh; run by container runtimes. CNI versions: ${cniVersions.join(', ')}\n`);
}

process.on('uncaughtException', (e) => {
  // What goes wrong after the answer, the log at most, does not change it.
  if (hasAnswered) process.exit();
  else void print(mishap(e).text).then(() => process.exit(1));
});
void main();
