// Files that are there whole or not at all, also when writing fails half-way.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeLeftovers, replaceWhole, writeWhole } from './atomic-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atomic-'));
  path = join(folder, 'a.conf');
  writeFileSync(path, 'old');
  chmodSync(path, 0o640);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const is = () => ({ text: readFileSync(path, 'utf8'), mode: statSync(path).mode & 0o777, names: readdirSync(folder) });
const old = { text: 'old', mode: 0o640, names: ['a.conf'] };

test('text and mode take the place of what was there, whatever the umask', async () => {
  const before = process.umask(0o077);
  try {
    expect(await writeWhole(path, 'new', 0o644)).toBe(true);
  } finally {
    process.umask(before);
  }
  expect(is()).toEqual({ text: 'new', mode: 0o644, names: ['a.conf'] });
});

test('the old file is there until the last question is answered, the new one beside it', async () => {
  let seen: ReturnType<typeof is> | undefined;
  await writeWhole(path, 'new', 0o600, async () => {
    seen = is();
    return true;
  });
  expect(seen).toEqual({ ...old, names: ['a.conf', expect.stringMatching(/^a\.conf\.tmp\.[0-9a-f]+$/)] });
});

test('a no changes nothing', async () => {
  expect(await writeWhole(path, 'new', 0o600, async () => false)).toBe(false);
  expect(is()).toEqual(old);
});

test('a failure half-way changes nothing', async () => {
  const fails = replaceWhole(path, async (beside) => {
    writeFileSync(beside, 'half');
    throw new Error('the disk is full');
  });
  await expect(fails).rejects.toThrow('the disk is full');
  expect(is()).toEqual(old);
});

test('what a folder with that name prevents is said, and nothing is left behind', async () => {
  mkdirSync(join(folder, 'b.conf', 'full'), { recursive: true });
  await expect(writeWhole(join(folder, 'b.conf'), 'new', 0o600)).rejects.toThrow();
  expect(readdirSync(folder).sort()).toEqual(['a.conf', 'b.conf']);
});

test("of leftovers only the file's own go", async () => {
  for (const name of ['a.conf.tmp.1', 'a.conf.tmp.ff', 'b.conf.tmp.1', 'a.conf.bak', 'xa.conf.tmp.1'])
    writeFileSync(join(folder, name), '');
  await removeLeftovers(path);
  expect(readdirSync(folder).sort()).toEqual(['a.conf', 'a.conf.bak', 'b.conf.tmp.1', 'xa.conf.tmp.1']);
  await removeLeftovers(join(folder, 'nowhere', 'a.conf'));
});
