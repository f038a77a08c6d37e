// When revocation lists are loaded and which set is in force: missing, bad, empty, good, and changed as Kubernetes changes mounted files.
// Real files in a folder of the test's own; the 2 s of gathering are a fake clock's.
// What lists mean is revocation.test.ts.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RevocationFile } from './revocation-file.ts';
import { testAuthority } from './testing/index.ts';

const mesh = testAuthority();
const leaf = mesh.credentials(mesh.id('a', 'b')).certChainPem;
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revocation-'));
  path = join(folder, 'ca.crl');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function started(): Promise<
  { file: RevocationFile; clock: ReturnType<typeof fakeClock>; sizes: number[]; mistakes: string[] } & Disposable
> {
  const clock = fakeClock();
  const sizes: number[] = [];
  const mistakes: string[] = [];
  const file = new RevocationFile({ path, clock, onChange: (set) => sizes.push(set.size), onMistake: (text) => mistakes.push(text) });
  await file.start();
  return { file, clock, sizes, mistakes, [Symbol.dispose]: () => file[Symbol.dispose]() };
}

const starts: readonly (readonly [name: string, content: string | undefined, size: number, mistake: RegExp | undefined])[] = [
  ['a missing file', undefined, 0, /ENOENT/],
  ['an unreadable list', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n', 0, /list 1 of 1 cannot be read/],
  ['an empty file', '', 0, undefined],
  ['a list of one', mesh.crl(leaf), 1, undefined],
];
for (const [name, content, size, mistake] of starts) {
  test(`${name} at start: ${size} revoked, ${mistake ? 'and it is said' : 'without complaint'}`, async () => {
    if (content !== undefined) await writeFile(path, content);
    using at = await started();
    expect(at.file.current.size).toBe(size);
    expect(at.mistakes.length).toBe(mistake ? 1 : 0);
    if (mistake) expect(at.mistakes[0]).toMatch(mistake);
  });
}

test('a changed file is loaded 2 s later, a bad one leaves the set as it was', async () => {
  using at = await started();
  const change = async (content: string): Promise<void> => {
    await writeFile(path, content);
    await vi.waitUntil(() => at.clock.pending > 0);
    await at.clock.advance(ms(2_000));
  };
  await change(mesh.crl(leaf));
  await vi.waitUntil(() => at.file.current.size === 1);
  await change('hello');
  await vi.waitUntil(() => at.mistakes.at(-1)?.includes('cannot be read'));
  expect(at.mistakes.at(-1)).toMatch(/keeping 1 revoked serials/);
  expect(at.file.current.size).toBe(1);
  await change(mesh.crl());
  await vi.waitUntil(() => at.file.current.size === 0);
  expect(new Set(at.sizes)).toEqual(new Set([1, 0]));
});

test('a link swapped beside the file is a change', async () => {
  const version = async (name: string, content: string): Promise<void> => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'ca.crl'), content);
  };
  await version('..1', mesh.crl());
  await symlink('..1', join(folder, '..data'));
  await symlink('..data/ca.crl', path);
  using at = await started();
  expect(at.sizes).toEqual([0]);
  await version('..2', mesh.crl(leaf));
  await symlink('..2', join(folder, '..next'));
  await rename(join(folder, '..next'), join(folder, '..data'));
  await vi.waitUntil(() => at.clock.pending > 0);
  await at.clock.advance(ms(2_000));
  await vi.waitUntil(() => at.file.current.size === 1);
});

test('a folder that does not exist yet is awaited', async () => {
  await rm(folder, { recursive: true });
  using at = await started();
  expect(at.mistakes.length).toBe(1);
  await mkdir(folder);
  await writeFile(path, mesh.crl(leaf));
  await at.clock.advance(ms(10_000));
  await vi.waitUntil(() => at.file.current.size === 1);
});

test('after disposal nothing is watched', async () => {
  const at = await started();
  at.file[Symbol.dispose]();
  await writeFile(path, mesh.crl(leaf));
  expect(at.clock.pending).toBe(0);
});
