// What is taken from a token file, and which error names the file otherwise.
// Each call reads the file anew.
// How the token is sent is wire/grpc's affair.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readToken } from './token.ts';

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

test('a replaced token is read', async () => {
  await writeFile(path, 'old');
  expect(await readToken(path)).toBe('old');
  await writeFile(path, 'new');
  expect(await readToken(path)).toBe('new');
});
