// The bootstrap as a process: arguments, exit codes, signals, and nothing left behind.
// Setting up a bare clone is what .ci/run does; here everything is installed already.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `bootstrap.mjs run` on a script with this text. */
function start(script: string, ...args: string[]): { child: ChildProcess; line: () => Promise<string> } {
  const file = join(folder, `${Math.random()}.mjs`);
  writeFileSync(file, script);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'bootstrap.mjs'), 'run', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = async (): Promise<string> => String((await once(child.stdout, 'data'))[0]).trim();
  return { child, line };
}

test('arguments are passed on, and the exit code comes back', async () => {
  const { child, line } = start('console.log(process.argv.slice(2).join()); process.exitCode = 7;', 'a b', '--c');
  expect(await line()).toBe('a b,--c');
  expect((await once(child, 'exit'))[0]).toBe(7);
});

test('death by a signal is told as a shell would', async () => {
  const { child } = start("process.kill(process.pid, 'SIGKILL');");
  expect((await once(child, 'exit'))[0]).toBe(137);
});

test('a signal that comes twice at once arrives once, and the command decides how to end', async () => {
  const { child, line } = start(
    "let n = 0; process.on('SIGTERM', () => { n += 1; setTimeout(() => process.exit(n), 50); }); setInterval(() => {}, 1e6); console.log('ready');",
  );
  await line();
  child.kill('SIGTERM');
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(1);
});

test('what the command leaves running is ended with it', async () => {
  const { child, line } = start(
    "import { spawn } from 'node:child_process'; const child = spawn('sleep', ['1000'], { stdio: 'ignore' }); console.log(child.pid); child.unref();",
  );
  const pid = Number(await line());
  await once(child, 'exit');
  await expect.poll(() => isRunning(pid)).toBe(false);
});

test('an unknown command is refused with the list of known ones', async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'bootstrap.mjs'), 'dance'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [said] = await once(child.stderr, 'data');
  expect(String(said)).toBe('usage: node scripts/bootstrap.mjs vitest | run | check | biome …\n');
});

/** A killed process whose new parent has not asked for it yet (a zombie) does not run any more. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
