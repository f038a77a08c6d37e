// The program from outside: its commands, and starts that cannot succeed, which say why in one line and end with 1.
// Beside main.ts. Nothing here needs rights, because nothing gets that far.
// Starts that succeed are the end-to-end tests.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const program = join(import.meta.dirname, '..', 'bin', 'ztunnel.mjs');

interface Ran {
  readonly code: number | string | null | undefined;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const options = { env: { PATH: process.env.PATH, ...env }, timeout: 15_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], options, (why, out, err) => resolve({ code: why === null ? 0 : why.code, out, err }));
  });
}

test('version is JSON with the fields that tools read', async () => {
  const { code, out } = await run(['version']);
  expect(code).toBe(0);
  const keys = ['version', 'gitRevision', 'rustVersion', 'buildProfile', 'buildStatus', 'istioVersion', 'cryptoProvider'];
  expect(Object.keys(JSON.parse(out))).toEqual(keys);
});

test('help is not a mistake, anything unknown is', async () => {
  const [help, unknown] = await Promise.all([run(['help']), run(['serve'])]);
  expect([help.code, unknown.code]).toEqual([0, 1]);
  expect(help.out).toBe(unknown.out);
  expect(help.out).toContain('docs/configuration.md');
});

const bad: readonly (readonly [rule: string, env: Readonly<Record<string, string>>, says: string])[] = [
  ['a value that cannot be read', { PROXY_MODE: 'sidecar' }, 'PROXY_MODE is "sidecar" but must be "shared" or "dedicated".'],
  ['several mistakes', { PROXY_MODE: 'sidecar', LOG_FORMAT: 'xml' }, 'dedicated". LOG_FORMAT is "xml"'],
  ['log levels that there are not', { RUST_LOG: 'chatty' }, 'RUST_LOG is "chatty"'],
];
test.each(bad)('%s stops the start with one line', async (_, env, says) => {
  const { code, out, err } = await run([], env);
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/^ztunnel cannot start: [^\n]+\n$/);
  expect(err).toContain(says);
});
