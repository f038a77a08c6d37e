// Archives that the stock tar reads.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/typed.ts';
import { tarEnd, tarEntry } from './tar.ts';

const long = `${'folder/'.repeat(20)}${'x'.repeat(90)}.json`;
const files = [
  { name: 'report/a.txt', content: Buffer.from('hello\n') },
  { name: 'report/empty', content: Buffer.alloc(0) },
  { name: 'report/block', content: Buffer.alloc(512, 'b') },
  { name: long, content: Buffer.from('ü'.repeat(1_000)) },
];

test('names, contents and times survive', () => {
  using folder = temporaryFolder();
  const archive = join(folder.path, 'a.tar');
  writeFileSync(archive, Buffer.concat([...files.map((file) => tarEntry(file, 1_767_225_600)), tarEnd()]));
  expect(execFileSync('tar', ['tf', archive], { encoding: 'utf8' }).trim().split('\n')).toEqual(files.map(({ name }) => name));
  expect(execFileSync('tar', ['tvf', archive], { encoding: 'utf8', env: { TZ: 'UTC', PATH: process.env.PATH } })).toMatch(
    /^-rw------- 0\/0 +6 2026-01-01 00:00 report\/a.txt\n/,
  );
  execFileSync('tar', ['xf', archive, '-C', folder.path]);
  for (const { name, content } of files) expect(readFileSync(join(folder.path, name)).equals(content)).toBe(true);
});

const refused: readonly (readonly [why: string, name: string])[] = [
  ['empty', ''],
  ['a line feed', 'a\nb'],
  ['not ASCII', 'ä'],
  ['a last part that is too long', `a/${'x'.repeat(101)}`],
  ['altogether too long', `${'y'.repeat(156)}/${'x'.repeat(100)}`],
];
for (const [why, name] of refused)
  test(`no name: ${why}`, () => expect(() => tarEntry({ name, content: Buffer.alloc(0) }, 0)).toThrow(RangeError));
