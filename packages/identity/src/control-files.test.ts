// Files that the control plane's clients read: root certificates and the token.
// Each is read anew on every call, and an empty one is an error that names it.
// Watching is tested with revocation-file.test.ts; here only that a change is told.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RootFile } from './root-file.ts';
import { testAuthority } from './testing/index.ts';
import { readToken } from './token.ts';

const mesh = testAuthority();
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
  path = join(folder, 'file');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const faultOf = (e: unknown): string => (e instanceof MeshError ? `${e.fault.code} ${e.message.includes(path)}` : String(e));

const tokens: readonly (readonly [name: string, content: string | undefined, want: string])[] = [
  ['a token', 'abc', 'abc'],
  ['a token with a line end', 'abc\n', 'abc'],
  ['an empty file', '', 'token.empty true'],
  ['white space', ' \n', 'token.empty true'],
  ['no file', undefined, 'token.unreadable true'],
];
for (const [name, content, want] of tokens) {
  test(`${name}: ${want}`, async () => {
    if (content !== undefined) await writeFile(path, content);
    expect(await readToken(path).catch(faultOf)).toBe(want);
  });
}

const noRoots: readonly (readonly [name: string, content: string | undefined])[] = [
  ['no file', undefined],
  ['an empty file', ''],
  ['a file without certificates', 'hello'],
];
for (const [name, content] of noRoots) {
  test(`${name}: no roots`, async () => {
    if (content !== undefined) await writeFile(path, content);
    using roots = new RootFile(path, fakeClock(), () => {});
    expect(await roots.read().catch(faultOf)).toBe('roots.unreadable true');
  });
}

test('roots are read anew, and a change is told', async () => {
  const clock = fakeClock();
  let changes = 0;
  await writeFile(path, mesh.root.certPem);
  using roots = new RootFile(path, clock, () => void changes++);
  expect(await roots.read()).toEqual(mesh.rootsPem);
  await writeFile(path, mesh.root.certPem + mesh.root.certPem);
  await vi.waitUntil(() => clock.pending > 0);
  expect((await roots.read()).length).toBe(2);
  expect(changes).toBe(0);
  await clock.advance(ms(2_000));
  expect(changes).toBe(1);
});
