// Where pods' control groups are made, that they go with their pods, and that those of a dead lab go at the next start.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { Cgroups, hierarchies } from './cgroups.ts';

const unified = 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0';
const pids = 'cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0';
const other = 'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0';
const rows: readonly (readonly [name: string, mounts: string[], want: string[]])[] = [
  ['version 2 comes first', [pids, unified], ['/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids']],
  ['of version 1, only one that limits nothing by itself', [other, pids], ['/sys/fs/cgroup/pids']],
  ['there may be none', [other, 'tmpfs /sys/fs/cgroup tmpfs rw 0 0'], []],
];
for (const [name, mounts, want] of rows) test(name, () => expect(hierarchies(`${mounts.join('\n')}\n`)).toEqual(want));

test('a pod has a group for each container, until its processes have ended', async () => {
  await using groups = Cgroups.open();
  const folder = groups.container('u-1', 'a'.repeat(64));
  expect(folder).toBe(`${groups.folder}/kubepods/burstable/podu-1/${'a'.repeat(64)}`);
  groups.container('u-2', 'b'.repeat(64));
  const child = spawn('sh', ['-c', 'echo 0 >"$1/cgroup.procs"; echo in; exec sleep 60', 'sh', folder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(readFileSync(`/proc/${child.pid}/cgroup`, 'utf8')).toContain('/kubepods/burstable/podu-1/');
  child.kill('SIGKILL');
  await groups.remove('u-1');
  expect([existsSync(dirname(folder)), existsSync(`${groups.folder}/kubepods/burstable/podu-2`)]).toEqual([false, true]);
  await groups.remove('u-1');
});

test('they go with the lab, and those of a lab that was killed with the next one', async () => {
  // No process has this number: it is more than the kernel gives.
  const dead = async (): Promise<string> => {
    await using groups = Cgroups.open();
    return `${dirname(groups.folder)}/ambient-lab-99999999`;
  };
  const folder = await dead();
  mkdirSync(`${folder}/kubepods/burstable`, { recursive: true });
  await using groups = Cgroups.open();
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(groups.folder)).toBe(true);
});
