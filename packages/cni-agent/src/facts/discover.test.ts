// What discovery decides before it enters any namespace; those that it enters are in discover.kernel.test.ts.
import { statSync } from 'node:fs';
import type { Ip } from '@ambient-mesh/model/address';
import { expect, test } from 'vitest';
import { ProcFolder } from '../testing/proc-folder.ts';
import { Discovery } from './discover.ts';

const pod = '2c48913c-b29f-11e7-9350-020968147796';
const other = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const ips = ['10.0.1.1' as Ip];

const idOf = (path: string): string => {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
};

function discovery(proc: string, hostNetns: readonly string[] = []) {
  const rejected: (readonly [uid: string, pid: number])[] = [];
  const report = { rejected: (uid: string, pid: number) => void rejected.push([uid, pid]) };
  return { rejected, it: new Discovery({ proc, hostRoot: '', hostNetns, report }) };
}

test('a pod without addresses is deferred: nothing is read for it (ProcScanDefersPodWithoutIPs)', async () => {
  expect(await discovery('/does/not/exist').it.find([{ uid: pod, ips: [] }])).toEqual(new Map());
});

test('without a process table the search fails, and the next one works again', async () => {
  using proc = new ProcFolder();
  const { it } = discovery(`${proc.path}/table`);
  await expect(it.find([{ uid: pod, ips }])).rejects.toThrow('ENOENT');
  await expect(it.find([{ uid: pod, ips }])).rejects.toThrow('ENOENT');
});

test('a namespace whose addresses cannot be read is rejected (ProcScanRejectsWhenOwnershipCheckErrs)', async () => {
  using proc = new ProcFolder();
  proc.set(20, { pod });
  const { it, rejected } = discovery(proc.path);
  expect(await it.find([{ uid: pod, ips }])).toEqual(new Map());
  expect(new Set(rejected.map(String))).toEqual(new Set([`${pod},20`]));
});

test('the namespaces of the node are never entered', async () => {
  using proc = new ProcFolder();
  const host = proc.file('host');
  proc.set(20, { pod, netns: host });
  const { it, rejected } = discovery(proc.path, [idOf(host)]);
  expect(await it.find([{ uid: pod, ips }])).toEqual(new Map());
  expect(rejected).toEqual([]);
  expect(await it.look(new Set([pod]))).toEqual(new Map());
});

test('the same inode on another device is not the node’s (HostNetnsWithSameIno)', async () => {
  using proc = new ProcFolder();
  const netns = proc.file('netns');
  proc.set(20, { pod, netns });
  const { it } = discovery(proc.path, [`999999:${idOf(netns).split(':')[1]}`]);
  expect(await it.look(new Set([pod]))).toEqual(new Map([[pod, new Set([idOf(netns)])]]));
});

test('a look tells every namespace of the pods asked for, and of no other pod', async () => {
  using proc = new ProcFolder();
  const [a, b, c] = ['a', 'b', 'c'].map((name) => proc.file(name)) as [string, string, string];
  proc.set(20, { pod, netns: a });
  proc.set(21, { pod, netns: b });
  proc.set(22, { pod, netns: b });
  proc.set(23, { pod: other, netns: c });
  const { it } = discovery(proc.path);
  expect(await it.look(new Set([pod, 'unknown']))).toEqual(new Map([[pod, new Set([idOf(a), idOf(b)])]]));
});

test('a sandbox that was made again shows at the next look: ended processes are forgotten, new ones read', async () => {
  using proc = new ProcFolder();
  const [before, after] = [proc.file('before'), proc.file('after')];
  proc.set(20, { pod, netns: before });
  const { it } = discovery(proc.path);
  expect(await it.look(new Set([pod]))).toEqual(new Map([[pod, new Set([idOf(before)])]]));
  proc.end(20);
  proc.set(21, { pod, netns: after });
  expect(await it.look(new Set([pod]))).toEqual(new Map([[pod, new Set([idOf(after)])]]));
  proc.end(21);
  expect(await it.look(new Set([pod]))).toEqual(new Map());
});

test('of processes seen before nothing is read, but every tenth time', async () => {
  using proc = new ProcFolder();
  const [before, after] = [proc.file('before'), proc.file('after')];
  proc.set(20, { pod, netns: before });
  const { it } = discovery(proc.path);
  await it.look(new Set([pod]));
  proc.set(20, { pod, netns: after });
  const seen: string[] = [];
  for (let n = 0; n < 10; n++) seen.push(...((await it.look(new Set([pod]))).get(pod) ?? []));
  expect(seen).toEqual([...Array<string>(9).fill(idOf(before)), idOf(after)]);
});

test('looks and searches under way together do not see each other’s half', async () => {
  using proc = new ProcFolder();
  const netns = proc.file('netns');
  for (let pid = 100; pid < 300; pid++) proc.set(pid, { pod: pid === 299 ? pod : other, netns });
  const { it } = discovery(proc.path);
  const looks = Array.from({ length: 12 }, async (_, n) => {
    if (n % 3 === 0) await it.find([{ uid: pod, ips }]);
    return it.look(new Set([pod]));
  });
  for (const found of await Promise.all(looks)) expect(found).toEqual(new Map([[pod, new Set([idOf(netns)])]]));
});

test('a path that is not there is refused', () => {
  expect(() => discovery('/proc').it.open('/does/not/exist', { uid: pod, ips })).toThrow(
    expect.objectContaining({ fault: { code: 'discover.cannot-open', path: '/does/not/exist' } }),
  );
});

test('a file that is no namespace is refused', () => {
  using proc = new ProcFolder();
  const path = proc.file('file');
  expect(() => discovery('/proc').it.open(path, { uid: pod, ips })).toThrow(
    expect.objectContaining({ fault: { code: 'discover.cannot-open', path } }),
  );
});
