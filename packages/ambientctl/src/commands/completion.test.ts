// The scripts of completion, in the shells themselves where they are installed: what a user sees after pressing Tab.
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder, typed } from '../testing/typed.ts';

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;
const scriptOf = async (shell: string): Promise<string> => (await typed(`completion ${shell}`)).out;

const rows: readonly (readonly [typed: string, words: readonly string[]])[] = [
  ['ambientctl wa', ['waypoint']],
  ['ambientctl waypoint l', ['list']],
  ['ambientctl -n shop waypoint apply --fo', ['--for']],
  ['ambientctl waypoint apply --for w', ['workload']],
  ['ambientctl -o j', ['json']],
  ['ambientctl zc connections --direction ', ['inbound', 'outbound']],
  ['ambientctl zc con', ['connections']],
  ['ambientctl waypoint pc cl', ['clusters']],
  ['ambientctl completion ', ['bash', 'fish', 'zsh']],
  ['ambientctl top s', ['services']],
  ['ambientctl waypoint apply --name waypoint --ov', ['--overwrite']],
  ['ambientctl waypoint apply --name ', []],
];

describe.skipIf(!has('bash'))('bash (needs bash)', () => {
  for (const [line, words] of rows) {
    test(line, async () => {
      using folder = temporaryFolder();
      const file = join(folder.path, 'completion');
      writeFileSync(file, await scriptOf('bash'));
      const program = `set -u; source "$1"; COMP_WORDS=("\${@:2}"); COMP_CWORD=$(($# - 2)); _ambientctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const out = execFileSync('bash', ['-c', program, 'bash', file, ...line.split(' ')], { encoding: 'utf8', cwd: folder.path });
      expect(out.trim().split('\n').filter(Boolean).sort()).toEqual(words);
    });
  }
  test('values after an equals sign, and files', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'completion');
    writeFileSync(file, await scriptOf('bash'));
    const complete = (...words: readonly string[]): string =>
      execFileSync(
        'bash',
        [
          '-c',
          `source "$1"; COMP_WORDS=("\${@:2}"); COMP_CWORD=$(($# - 2)); _ambientctl; echo "\${COMPREPLY[@]}"`,
          'bash',
          file,
          'ambientctl',
          ...words,
        ],
        { encoding: 'utf8', cwd: folder.path },
      ).trim();
    expect(complete('waypoint', 'apply', '--for', '=', 'a')).toBe('all');
    expect(complete('waypoint', 'apply', '--for', '=')).toBe('service workload all none');
    expect(complete('zc', 'workload', '-f', 'compl')).toBe('completion');
  });
  test('bash itself knows to whom it belongs', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'completion');
    writeFileSync(file, await scriptOf('bash'));
    const registered = execFileSync('bash', ['-c', 'source <(cat "$1"); complete -p ambientctl', 'bash', file], { encoding: 'utf8' });
    expect(registered.trim()).toBe('complete -o default -F _ambientctl ambientctl');
  });
});

describe.skipIf(!has('zsh'))('zsh (needs zsh)', () => {
  test('it can be read', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'completion');
    writeFileSync(file, await scriptOf('zsh'));
    execFileSync('zsh', ['-n', file]);
  });
});

describe.skipIf(!has('fish'))('fish (needs fish)', () => {
  for (const [line, words] of rows.filter(([, all]) => all.length > 0)) {
    test(line, async () => {
      const input = `${await scriptOf('fish')}\ncomplete -C ${JSON.stringify(line)}\n`;
      const out = execFileSync('fish', ['--no-config'], { encoding: 'utf8', input });
      expect(
        out
          .trim()
          .split('\n')
          .map((each) => each.split('\t')[0])
          .sort(),
      ).toEqual(words);
    });
  }
});

for (const shell of ['zsh', 'fish']) {
  test(`${shell}: every quote that opens closes, and no line is left without its command`, async () => {
    const script = await scriptOf(shell);
    const plain = script.replaceAll(/\\[\\']/g, '').replaceAll("'\\''", '');
    expect((plain.match(/'/g) ?? []).length % 2).toBe(0);
    for (const word of ['waypoint', 'ztunnel-config', 'bug-report', 'completion']) expect(script).toContain(word);
    expect(script).not.toContain('undefined');
  });
}

test('another shell is refused', async () => {
  expect(await typed('completion tcsh')).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('Allowed choices are bash, zsh, fish'),
  });
});
