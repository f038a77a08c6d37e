// The plugin's copy on the node: made when it differs in any way, left alone when it does not, and never seen half made.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProgramCopy } from './program-copy.ts';

let folder: string;
let from: string;
let to: string;
let copy: ProgramCopy;
const epoch = new Date(0);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'program-'));
  from = join(folder, 'image');
  to = join(folder, 'bin', 'plugin');
  writeFileSync(from, 'version 1', { mode: 0o700 });
  utimesSync(from, epoch, epoch);
  copy = new ProgramCopy(from, to);
  expect(await copy.restore()).toBe(true);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isWhole = (): boolean => readFileSync(to).equals(readFileSync(from)) && (statSync(to).mode & 0o777) === 0o755;

test('it is made with its folder, and then left alone', async () => {
  expect(isWhole()).toBe(true);
  const { ino } = statSync(to);
  for (let i = 0; i < 3; i++) expect(await copy.restore()).toBe(false);
  expect(statSync(to).ino).toBe(ino);
});

test('another agent finds it right as well', async () => {
  expect(await new ProgramCopy(from, to).restore()).toBe(false);
});

const changes: readonly (readonly [name: string, change: () => void])[] = [
  ['it was removed', () => rmSync(to)],
  ['it was cut off', () => writeFileSync(to, 'versi')],
  [
    'something of the same size and time took its place',
    () => {
      writeFileSync(to, 'version 0');
      utimesSync(to, epoch, epoch);
    },
  ],
  [
    'the image has another version of the same size and time',
    () => {
      writeFileSync(from, 'version 2');
      utimesSync(from, epoch, epoch);
    },
  ],
  ['it may not be run', () => chmodSync(to, 0o644)],
  ['anybody may write it', () => chmodSync(to, 0o777)],
];
for (const [name, change] of changes) {
  test(`it is made again: ${name}`, async () => {
    await copy.restore();
    change();
    expect([await copy.restore(), isWhole(), await copy.restore()]).toEqual([true, true, false]);
    expect(readdirSync(join(folder, 'bin'))).toEqual(['plugin']);
  });
  test(`an agent that has just started sees it too: ${name}`, async () => {
    change();
    expect([await new ProgramCopy(from, to).restore(), isWhole()]).toEqual([true, true]);
  });
}

test('programs of several pieces are compared to the end', async () => {
  const program = Buffer.alloc((3 << 20) + 17, 'x');
  writeFileSync(from, program);
  expect(await copy.restore()).toBe(true);
  expect(await copy.restore()).toBe(false);
  program[program.length - 1] = 0;
  writeFileSync(to, program);
  expect([await copy.restore(), isWhole()]).toEqual([true, true]);
});

test('without its source it says so, and what is there stays', async () => {
  rmSync(from);
  await expect(copy.restore()).rejects.toThrow(/ENOENT.*image/);
  expect(readFileSync(to, 'utf8')).toBe('version 1');
});
