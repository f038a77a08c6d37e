// Which process is the kubelet (GetKubeletUIDFromPath).
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type FakeProcess, ProcFolder } from '../testing/proc-folder.ts';
import { findKubeletUid } from './kubelet-uid.ts';

const rows: readonly (readonly [name: string, process: FakeProcess, is: boolean])[] = [
  ['kubelet', { comm: 'kubelet' }, true],
  ['k3s', { comm: 'k3s' }, true],
  ['k3s as a server calls itself', { comm: 'k3s-server' }, true],
  ['kubelite that runs a kubelet', { comm: 'kubelite', cmdline: '/snap/bin/kubelite\0--kubelet-args-file=/etc/kubelet\0' }, true],
  ['kubelite without one', { comm: 'kubelite', cmdline: '/snap/bin/kubelite\0--scheduler\0' }, false],
  ['another name', { comm: 'kubelet-probe' }, false],
  ['a name with kubelet in the command line', { comm: 'sh', cmdline: 'sh\0kubelet\0' }, false],
  ['a process of a pod that calls itself kubelet', { comm: 'kubelet', pod: '2c48913c-b29f-11e7-9350-020968147796' }, false],
  [
    'a process in groups of several pods that calls itself kubelet',
    { comm: 'kubelet', cgroup: '0::/pod2c48913c-b29f-11e7-9350-020968147796/podaaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/c\n' },
    false,
  ],
];
for (const [name, process, is] of rows)
  test(`${name}: ${is ? 'the kubelet' : 'not the kubelet'}`, () => {
    using proc = new ProcFolder();
    proc.set(77, process);
    expect(findKubeletUid(proc.path)).toBe(is ? statSync(proc.path).uid : undefined);
  });

test('the kubelet is found past a process that ended', () => {
  using proc = new ProcFolder();
  proc.set(70, { comm: 'kubelet' });
  proc.end(70);
  proc.set(77, { comm: 'kubelet' });
  expect(findKubeletUid(proc.path)).toBe(statSync(proc.path).uid);
});

test('the memory of a pod’s process is not read: it could hold the agent up for good', () => {
  using proc = new ProcFolder();
  proc.set(70, { comm: 'kubelite', pod: '2c48913c-b29f-11e7-9350-020968147796' });
  const cmdline = join(proc.path, '70', 'cmdline');
  rmSync(cmdline);
  execFileSync('mkfifo', [cmdline]);
  const ask = `import(${JSON.stringify(new URL('./kubelet-uid.ts', import.meta.url).href)}).then((m) => console.log(m.findKubeletUid(${JSON.stringify(proc.path)})))`;
  expect(execFileSync(process.execPath, ['-e', ask], { timeout: 10_000, encoding: 'utf8' })).toBe('undefined\n');
});
