// Where a control plane is, and what is read to reach it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { callHeaders, parseTarget, readRoot } from './target.ts';

const folder = mkdtempSync(join(tmpdir(), 'target-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileWith = (content: string): string => {
  const file = join(folder, `${Math.random()}`);
  writeFileSync(file, content);
  return file;
};
const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';

test.each([
  ['https://istiod.istio-system.svc:15012', { host: 'istiod.istio-system.svc', port: 15_012 }],
  ['istiod.istio-system.svc:15012', { host: 'istiod.istio-system.svc', port: 15_012 }],
  ['https://[fd00::1]:15012', { host: 'fd00::1', port: 15_012 }],
  ['10.0.0.1', { host: '10.0.0.1', port: 443 }],
  ['http://istiod:15010', undefined],
  ['https://user:secret@istiod:15012', undefined],
  ['https://', undefined],
  ['a b', undefined],
])('%s', (address, want) => {
  expect(parseTarget(address)).toEqual(want);
});

describe('roots', () => {
  test('from a file, from text, from the system', async () => {
    expect(await readRoot({ file: fileWith(pem) })).toBe(pem);
    expect(await readRoot({ literal: pem })).toBe(pem);
    expect(await readRoot({ system: true })).toContain('BEGIN CERTIFICATE');
  });

  test.each([
    ['a file that is not there', { file: '/does/not/exist' }],
    ['a file without a certificate', { file: fileWith('hello') }],
    ['text that is none', { literal: '/not/a/file' }],
  ])('%s is grpc.root', async (_what, source) => {
    await expect(readRoot(source)).rejects.toMatchObject({ fault: { code: 'grpc.root' } });
  });
});

describe('headers of a call', () => {
  const bare = { host: 'h', port: 1, root: { system: true }, headers: [['X-One', '1']] } as const;

  test('without a token there is no authorization; names are lower case', async () => {
    expect(await callHeaders(bare)).toEqual({ 'x-one': '1' });
  });

  test('a token comes from a file, without its newline, or is given', async () => {
    expect(await callHeaders({ ...bare, token: { file: fileWith('t1\n') } })).toMatchObject({ authorization: 'Bearer t1' });
    expect(await callHeaders({ ...bare, token: { literal: 't2' } })).toMatchObject({ authorization: 'Bearer t2' });
  });

  test('an empty token file is an error', async () => {
    await expect(callHeaders({ ...bare, token: { file: fileWith('\n') } })).rejects.toMatchObject({ fault: { code: 'token.empty' } });
  });
});
