// The node's folder of CNI configurations: what counts as one, and who wins when two write at the same time.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfFolder } from './conf-folder.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
const open = (confName = ''): ConfFolder => new ConfFolder({ netDir: folder, confName, confMode: 0o640 });
const write = { do: 'write', name: 'a.conflist', text: 'planned', like: 'a.conflist', remove: undefined } as const;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'net.d-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('GetConfigFilenames: files by their ending, or the one that is named', async () => {
  for (const name of ['a.conf', 'b.conflist', 'c.json', 'd.conflist.bak', 'e.conflist.tmp.1']) writeFileSync(at(name), name);
  expect([...(await open().files())].sort()).toEqual([
    ['a.conf', 'a.conf'],
    ['b.conflist', 'b.conflist'],
  ]);
  expect([...(await open('c.json').files()).keys()].sort()).toEqual(['a.conf', 'b.conflist', 'c.json']);
});

test('what cannot be a configuration is there, but not read', async () => {
  mkdirSync(at('folder.conf'));
  execFileSync('mkfifo', [at('pipe.conf')]);
  writeFileSync(at('huge.conf'), '{}');
  truncateSync(at('huge.conf'), 2 ** 30);
  symlinkSync(at('nowhere'), at('dangling.conf'));
  symlinkSync(at('dangling.conf'), at('loop.conf'));
  rmSync(at('dangling.conf'));
  symlinkSync(at('loop.conf'), at('dangling.conf'));
  writeFileSync(at('good.conf'), '{}');
  expect(Object.fromEntries(await open().files())).toEqual({
    'folder.conf': undefined,
    'pipe.conf': undefined,
    'huge.conf': undefined,
    'loop.conf': undefined,
    'dangling.conf': undefined,
    'good.conf': '{}',
  });
});

test('a folder that is not there is an error', async () => {
  rmSync(folder, { recursive: true });
  await expect(open().files()).rejects.toThrow(folder);
});

test('a file that is written keeps the mode of the one it was made from', async () => {
  writeFileSync(at('a.conf'), 'single', { mode: 0o604 });
  const files = await open().files();
  expect(await open().carryOut({ ...write, like: 'a.conf', remove: 'a.conf' }, files)).toBe(true);
  expect([readdirSync(folder), statSync(at('a.conflist')).mode & 0o777]).toEqual([['a.conflist'], 0o604]);
});

test('CNI_CONF_GROUP_READ: a file that is made from no other has the mode that is wished for', async () => {
  expect(await open().carryOut({ ...write, like: undefined }, new Map())).toBe(true);
  expect([readFileSync(at('a.conflist'), 'utf8'), statSync(at('a.conflist')).mode & 0o777]).toEqual(['planned', 0o640]);
});

test('what somebody wrote after the plan was made is not undone', async () => {
  writeFileSync(at('a.conflist'), 'before');
  const files = await open().files();
  writeFileSync(at('a.conflist'), 'the network is upgraded');
  expect(await open().carryOut(write, files)).toBe(false);
  expect([readdirSync(folder), readFileSync(at('a.conflist'), 'utf8')]).toEqual([['a.conflist'], 'the network is upgraded']);
});

test('what somebody removed after the plan was made does not come back', async () => {
  writeFileSync(at('a.conflist'), 'before');
  const files = await open().files();
  rmSync(at('a.conflist'));
  expect(await open().carryOut(write, files)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

test('to remove what is gone is no error', async () => {
  expect(await open().carryOut({ do: 'remove', name: 'a.conflist' }, new Map())).toBe(true);
});
