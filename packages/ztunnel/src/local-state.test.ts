// The mesh from a file or from the environment, and every way in which that stops the start.
// Beside local-state.ts; what the fields mean is tested in the model.
// Each failure is one sentence that names its source.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFault } from '@ambient-mesh/runtime/errors';
import { afterAll, expect, test } from 'vitest';
import { configure } from './config.ts';
import { localFile } from './local-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'local-state-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function config(env: Readonly<Record<string, string>>) {
  const configured = configure({ env, cpus: 1, meshConfig: undefined });
  if ('mistakes' in configured) throw new Error(configured.mistakes.join(' '));
  return configured.ok;
}
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const yaml = `
workloads:
- {name: a, namespace: ns, workloadIps: [10.0.0.1], protocol: HBONE, services: {}}
`;

test('without either there is none', () => {
  expect(localFile(config({}))).toBeUndefined();
});

test('from a file and from the environment alike', () => {
  const [byPath, inline] = [localFile(config({ LOCAL_XDS_PATH: file('mesh.yaml', yaml) })), localFile(config({ LOCAL_XDS: yaml }))];
  expect(byPath?.delta.workloads).toMatchObject([{ name: 'a', addresses: ['10.0.0.1'], protocol: 'HBONE' }]);
  expect(inline).toEqual(byPath);
});

test('config_dump shows what was written', () => {
  const shown = { workloads: [{ name: 'a', namespace: 'ns', workloadIps: ['10.0.0.1'], protocol: 'HBONE', services: {} }] };
  expect(localFile(config({ LOCAL_XDS: yaml }))?.shown).toEqual(shown);
});

test('an empty file is an empty mesh', () => {
  expect(localFile(config({ LOCAL_XDS_PATH: file('empty.yaml', '') }))?.delta).toMatchObject({ workloads: [], services: [], policies: [] });
});

const bad: readonly (readonly [rule: string, env: Readonly<Record<string, string>>, code: string, text: RegExp])[] = [
  ['no such file', { LOCAL_XDS_PATH: join(folder, 'none') }, 'local.unreadable', /^LOCAL_XDS_PATH: cannot read .*none .*ENOENT/],
  ['a folder', { LOCAL_XDS_PATH: folder }, 'local.unreadable', /EISDIR/],
  ['no YAML', { LOCAL_XDS: 'a: [' }, 'local.unreadable', /^LOCAL_XDS is not YAML: [^\n]+$/],
  ['an alias bomb', { LOCAL_XDS: `a: &a [x]\nb: [${'*a, '.repeat(200)}]` }, 'local.unreadable', /^LOCAL_XDS is not YAML/],
  ['a mistake', { LOCAL_XDS_PATH: file('bad.yaml', 'workloads: [{name: a}]') }, 'local.mistakes', /bad\.yaml: .*namespace/],
];
test.each(bad)('%s', (_, env, code, text) => {
  const why = failure(() => localFile(config(env)));
  expect(isFault(why, code)).toBe(true);
  expect(why).toMatchObject({ message: expect.stringMatching(text) });
});

function failure(f: () => unknown): unknown {
  try {
    f();
  } catch (e) {
    return e;
  }
  throw new Error('nothing was thrown');
}
