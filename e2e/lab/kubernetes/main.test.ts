// The stand-alone program: writes a kubeconfig that works, and ends when told to.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../eventually.ts';
import { textAt, valueAt } from './object.ts';
import type { Json } from './patch/json.ts';

let folder: string;
let program: ChildProcess;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kube-main-'));
  const args = [join(import.meta.dirname, 'main.ts'), '--port', '0', '--kubeconfig', join(folder, 'config')];
  program = spawn(process.execPath, args, { stdio: 'ignore' });
});

afterEach(() => {
  program.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

test('serves by its kubeconfig until SIGTERM', async () => {
  const file = join(folder, 'config');
  const config = await eventually((): Json | undefined => (existsSync(file) ? parse(readFileSync(file, 'utf8')) : undefined), {
    what: 'a kubeconfig',
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const [cluster, user] = [valueAt(config, 'clusters'), valueAt(config, 'users')].map((list) => (Array.isArray(list) ? list[0] : {}));
  const pem = (from: Json | undefined, part: string, field: string): string =>
    Buffer.from(textAt(from, part, field) ?? '', 'base64').toString();
  const sent = request(new URL('/api/v1/namespaces/default', textAt(cluster, 'cluster', 'server')), {
    ca: pem(cluster, 'cluster', 'certificate-authority-data'),
    cert: pem(user, 'user', 'client-certificate-data'),
    key: pem(user, 'user', 'client-key-data'),
    agent: false,
  });
  sent.end();
  const [answer] = await once(sent, 'response');
  answer.resume();
  expect(answer.statusCode).toBe(200);
  const ended = once(program, 'exit');
  program.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
