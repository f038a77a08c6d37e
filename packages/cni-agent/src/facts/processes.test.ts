// Reading a process table, and that what is told of a process is of one process (fake tables; real processes are in discover.kernel.test.ts).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ProcFolder } from '../testing/proc-folder.ts';
import { type PodProcess, pidsIn, podProcess, podProcesses } from './processes.ts';

const pod = '2c48913c-b29f-11e7-9350-020968147796';
const other = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const none = new Set<string>();

const idOf = (path: string): string => {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
};

async function all(proc: string, skip?: ReadonlySet<number>): Promise<PodProcess[]> {
  return Array.fromAsync(podProcesses(proc, skip));
}

test('processes of pods with pod, namespace and start; numbers only are processes (WithProcFs)', async () => {
  using proc = new ProcFolder();
  const netns = proc.file('netns');
  proc.set(20, { pod, netns, startTime: 5 });
  proc.set(21, {});
  expect(pidsIn(proc.path).toSorted()).toEqual([1, 20, 21]);
  expect(await all(proc.path)).toEqual([{ pid: 20, podUid: pod, netns: idOf(netns), startTime: 5 }]);
});

test('of processes to skip nothing is told', async () => {
  using proc = new ProcFolder();
  proc.set(20, { pod });
  proc.set(21, { pod });
  expect((await all(proc.path, new Set([20]))).map(({ pid }) => pid)).toEqual([21]);
});

for (const part of ['cgroup', 'stat', 'ns/net', ''])
  test(`a process that ends before its ${part === '' ? 'folder' : part} is read is left out`, async () => {
    using proc = new ProcFolder();
    proc.set(20, { pod });
    proc.set(21, { pod });
    rmSync(join(proc.path, '20', part), { recursive: true });
    if (part === 'ns/net') symlinkSync('/does/not/exist', join(proc.path, '20/ns/net'));
    expect((await all(proc.path)).map(({ pid }) => pid)).toEqual([21]);
  });

test('a process in groups of several pods is no pod’s', () => {
  using proc = new ProcFolder();
  proc.set(20, { cgroup: `2:pids:/kubepods/pod${pod}/c\n1:cpu:/kubepods/pod${other}/c\n` });
  expect(podProcess(proc.path, 20, none)).toBeUndefined();
});

test('where the node itself runs in a pod that pod is nobody’s', async () => {
  using proc = new ProcFolder();
  proc.set(1, { cgroup: `0::/kubepods/pod${other}/c/init.scope\n` });
  proc.set(20, { cgroup: `0::/kubepods/pod${other}/c/kubelet/kubepods/pod${pod}/c\n` });
  expect((await all(proc.path)).map(({ pid, podUid }) => [pid, podUid])).toEqual([[20, pod]]);
});

test('a number that is given to another process during the look: all that is told is of the first', async () => {
  using proc = new ProcFolder();
  const [mine, theirs] = [proc.file('mine'), proc.file('theirs')];
  proc.set(20, { pod, netns: mine, startTime: 5 });
  proc.set(30, { pod: other, netns: theirs, startTime: 9 });
  // The group of 20 is a pipe: whoever reads it waits, and meanwhile 30 takes its place.
  const swap = 'mv 20/cgroup group && mkfifo 20/cgroup && echo ready && exec 3>20/cgroup && mv 20 40 && mv 30 20 && cat group >&3';
  const child = spawn('sh', ['-c', swap], { cwd: proc.path, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(child.stdout, 'data');
    expect(podProcess(proc.path, 20, none)).toEqual({ pid: 20, podUid: pod, netns: idOf(mine), startTime: 5 });
    expect(podProcess(proc.path, 20, none)).toEqual({ pid: 20, podUid: other, netns: idOf(theirs), startTime: 9 });
  } finally {
    child.kill('SIGKILL');
  }
});

test('others get a turn during a look at many processes', async () => {
  using proc = new ProcFolder();
  for (let pid = 100; pid < 300; pid++) proc.set(pid, { pod });
  let [turns, isOver] = [0, false];
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  expect(await all(proc.path)).toHaveLength(200);
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(3);
});
