// Whose namespace is whose: real processes in real groups and namespaces, so that no pod is ever given another's.
// Needs root. What is decided without entering a namespace is in discover.test.ts.
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import { expect, test } from 'vitest';
import { netnsOf, PodScene } from '../testing/pod-scene.ts';
import { ProcFolder } from '../testing/proc-folder.ts';
import { startTimeOf } from './cgroup.ts';
import { Discovery } from './discover.ts';
import { podProcess } from './processes.ts';

const ip = (text: string): Ip => text as Ip;
const [mine, theirs, second] = [ip('10.9.0.1'), ip('10.9.0.2'), ip('fd09::1')];

function discovery(proc = '/proc') {
  const rejected: string[] = [];
  const report = { rejected: (uid: string, pid: number, why: string) => void rejected.push(`${uid} ${pid} ${why}`) };
  return { rejected, it: new Discovery({ proc, hostRoot: '', hostNetns: [netnsOf(process.pid)], report }) };
}

/** The ids of what is found; everything is let go. */
async function found(it: Discovery, ...wanted: readonly { readonly uid: string; readonly ips: readonly Ip[] }[]): Promise<object> {
  const all = await it.find(wanted);
  const ids = Object.fromEntries(Array.from(all, ([uid, { id }]) => [uid, id]));
  for (const netns of all.values()) netns[Symbol.dispose]();
  return ids;
}

/** How often this process holds the namespace open. */
const held = ({ id }: Netns): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').includes(`ino:\t${id.split(':')[1]}\n`);
    } catch {
      return false;
    }
  }).length;

test('a pod is found by its process and its address, and its namespace can be entered', async () => {
  await using scene = new PodScene();
  const [uid, own] = [randomUUID(), await scene.namespace(`${mine}/24`)];
  const pid = await scene.process(uid, own);
  const { it, rejected } = discovery();
  const all = await it.find([{ uid, ips: [mine] }]);
  using netns = all.get(uid);
  expect([netns?.id, netns?.run(() => netnsOf(pid)), rejected]).toEqual([own.id, own.id, []]);
});

const addresses: readonly (readonly [name: string, has: readonly string[], wants: readonly Ip[], isFound: boolean])[] = [
  ['IPv4', ['10.9.0.1/24'], [mine], true],
  ['IPv6', ['fd09::1/64'], [second], true],
  ['dual stack, both there', ['10.9.0.1/24', 'fd09::1/64'], [mine, second], true],
  ['dual stack, IPv4 only there (ProcScanAcceptsDualStackPodByAnyIP)', ['10.9.0.1/24'], [second, mine], true],
  ['dual stack, IPv6 only there', ['fd09::1/64'], [mine, second], true],
  ['one of several addresses of an interface (InterfaceAddrsContainAny)', ['10.9.0.7/24', '10.9.0.1/32'], [mine], true],
  ['an address that starts alike', ['10.9.0.11/24'], [mine], false],
  ['only the network is the same', ['10.9.0.2/24'], [mine], false],
  ['no address', [], [mine], false],
  ['loopback is nobody’s own', [], [ip('127.0.0.1'), ip('::1')], false],
];
for (const [name, has, wants, isFound] of addresses)
  test(`${name}: ${isFound ? 'found' : 'not found'}`, async () => {
    await using scene = new PodScene();
    const [uid, own] = [randomUUID(), await scene.namespace(...has)];
    await scene.process(uid, own);
    expect(await found(discovery().it, { uid, ips: wants })).toEqual(isFound ? { [uid]: own.id } : {});
  });

test('a pod’s process that goes into another pod’s namespace enrols neither wrongly (ProcScanRejectsForeignNetns)', async () => {
  await using scene = new PodScene();
  const [a, b] = [randomUUID(), randomUUID()];
  const [ofA, ofB] = [await scene.namespace(`${mine}/24`), await scene.namespace(`${theirs}/24`)];
  const inB = await scene.process(b, ofB);
  const intruder = await scene.command(a, ofA, ['nsenter', `--net=/proc/${inB}/ns/net`, 'cat']);
  await expect.poll(() => netnsOf(intruder)).toBe(ofB.id);
  const { it, rejected } = discovery();
  expect(await found(it, { uid: a, ips: [mine] }, { uid: b, ips: [theirs] })).toEqual({ [b]: ofB.id });
  expect(rejected).toEqual(expect.arrayContaining([`${a} ${intruder} its namespace does not have the address ${mine}`]));
  expect(rejected.some((line) => line.startsWith(b))).toBe(false);
  await scene.process(a, ofA);
  expect(await found(it, { uid: a, ips: [mine] }, { uid: b, ips: [theirs] })).toEqual({ [a]: ofA.id, [b]: ofB.id });
});

test('a process that moves to another namespace after it was seen is judged by where it is', async () => {
  await using scene = new PodScene();
  const uid = randomUUID();
  const [own, foreign] = [await scene.namespace(`${mine}/24`), await scene.namespace(`${theirs}/24`)];
  const far = await scene.process(randomUUID(), foreign);
  const enters = ['sh', '-c', `read line; exec nsenter --net=/proc/${far}/ns/net cat`];
  const pid = await scene.command(uid, own, enters);
  const { it } = discovery();
  expect(await found(it, { uid, ips: [mine] })).toEqual({ [uid]: own.id });
  scene.tell(pid, 'go\n');
  await expect.poll(() => netnsOf(pid)).toBe(foreign.id);
  expect(await found(it, { uid, ips: [mine] })).toEqual({});
});

test('an address that was another pod’s before: only the pod that has processes there now is found', async () => {
  await using scene = new PodScene();
  const [before, now] = [randomUUID(), randomUUID()];
  const old = await scene.process(before, await scene.namespace(`${mine}/24`));
  const { it } = discovery();
  await it.look(new Set([before]));
  await scene.end(old);
  const own = await scene.namespace(`${mine}/24`);
  await scene.process(now, own);
  expect(await found(it, { uid: before, ips: [mine] }, { uid: now, ips: [mine] })).toEqual({ [now]: own.id });
});

test('a uid that was another sandbox’s before, as static pods’ are: the namespace of the processes that run now', async () => {
  await using scene = new PodScene();
  const uid = randomUUID().replaceAll('-', '');
  const before = await scene.namespace(`${mine}/24`);
  const old = await scene.process(uid, before);
  const { it } = discovery();
  expect(await found(it, { uid, ips: [mine] })).toEqual({ [uid]: before.id });
  await scene.end(old);
  const now = await scene.namespace(`${theirs}/24`);
  await scene.process(uid, now);
  expect(await found(it, { uid, ips: [theirs] })).toEqual({ [uid]: now.id });
  expect(await it.look(new Set([uid]))).toEqual(new Map([[uid, new Set([now.id])]]));
});

test('a pod with namespaces of its own inside, as docker in a pod: the one with its address', async () => {
  await using scene = new PodScene();
  const uid = randomUUID();
  const [own, inner] = [await scene.namespace(`${mine}/24`), await scene.namespace('172.17.0.2/16')];
  await scene.process(uid, inner);
  await scene.process(uid, own);
  await scene.process(uid, inner);
  const { it } = discovery();
  expect(await found(it, { uid, ips: [mine] })).toEqual({ [uid]: own.id });
  expect(await it.look(new Set([uid]))).toEqual(new Map([[uid, new Set([own.id, inner.id])]]));
});

test('several namespaces with the address: that of the oldest process, not of the lowest number; none else stays open (FindNetnsForPodsClosesLosingCandidates)', async () => {
  await using scene = new PodScene();
  using proc = new ProcFolder();
  const uid = randomUUID();
  const [young, oldest, middle] = [
    await scene.namespace(`${mine}/24`),
    await scene.namespace(`${mine}/24`),
    await scene.namespace(`${mine}/24`),
  ];
  const through = ({ fd }: Netns): string => `/proc/${process.pid}/fd/${fd}`;
  proc.set(20, { pod: uid, netns: through(young), startTime: 900 });
  proc.set(21, { pod: uid, netns: through(oldest), startTime: 700 });
  proc.set(22, { pod: uid, netns: through(middle), startTime: 800 });
  const { it } = discovery(proc.path);
  const before = [young, oldest, middle].map(held);
  const all = await it.find([{ uid, ips: [mine] }]);
  expect([all.get(uid)?.id, [young, oldest, middle].map(held)]).toEqual([oldest.id, before.map((n, at) => n + (at === 1 ? 1 : 0))]);
  all.get(uid)?.[Symbol.dispose]();
  expect([young, oldest, middle].map(held)).toEqual(before);
});

test('candidates without the address are closed', async () => {
  await using scene = new PodScene();
  const [uid, foreign] = [randomUUID(), await scene.namespace(`${theirs}/24`)];
  await scene.process(uid, foreign);
  const before = held(foreign);
  expect(await found(discovery().it, { uid, ips: [mine] })).toEqual({});
  expect(held(foreign)).toBe(before);
});

test('a number that means another process since it was seen: what was known of the first is not believed', async () => {
  await using scene = new PodScene();
  using proc = new ProcFolder();
  const [uid, other] = [randomUUID(), randomUUID()];
  const own = await scene.namespace(`${mine}/24`);
  const netns = `/proc/${process.pid}/fd/${own.fd}`;
  proc.set(20, { pod: uid, netns, startTime: 5 });
  const { it, rejected } = discovery(proc.path);
  await it.look(new Set([uid]));
  proc.set(20, { pod: other, netns, startTime: 9 });
  expect(await found(it, { uid, ips: [mine] })).toEqual({});
  expect(rejected).toEqual([`${uid} 20 it changed while we looked`]);
});

test('a process that ended is no pod’s', async () => {
  await using scene = new PodScene();
  const [uid, own] = [randomUUID(), await scene.namespace(`${mine}/24`)];
  const pid = await scene.process(uid, own);
  expect(podProcess('/proc', pid, new Set())).toEqual({
    pid,
    podUid: uid,
    netns: own.id,
    startTime: startTimeOf(readFileSync(`/proc/${pid}/stat`, 'utf8')),
  });
  await scene.end(pid);
  expect(podProcess('/proc', pid, new Set())).toBeUndefined();
});

test('all who ask at once are answered, each with a descriptor of his own', async () => {
  await using scene = new PodScene();
  const [uid, own] = [randomUUID(), await scene.namespace(`${mine}/24`)];
  await scene.process(uid, own);
  const { it } = discovery();
  const answers = await Promise.all(Array.from({ length: 5 }, () => it.find([{ uid, ips: [mine] }])));
  const all = answers.map((answer) => answer.get(uid));
  expect(all.map((netns) => netns?.id)).toEqual(Array<string>(5).fill(own.id));
  expect(new Set(all.map((netns) => netns?.fd)).size).toBe(5);
  for (const netns of all) netns?.[Symbol.dispose]();
});

test('processes that end and begin all the time spoil no search', async () => {
  await using scene = new PodScene();
  const [uid, own] = [randomUUID(), await scene.namespace(`${mine}/24`)];
  await scene.process(uid, own);
  await scene.command(uid, own, ['sh', '-c', 'while :; do /bin/true; done']);
  const { it } = discovery();
  for (let n = 0; n < 20; n++) expect(await found(it, { uid, ips: [mine] })).toEqual({ [uid]: own.id });
});

const paths: readonly (readonly [name: string, is: 'own' | 'foreign' | 'host', ips: readonly Ip[], code: string | undefined])[] = [
  ['the pod’s own namespace', 'own', [mine], undefined],
  ['by any of its addresses', 'own', [second, mine], undefined],
  ['another pod’s namespace', 'foreign', [mine], 'discover.not-its-own'],
  ['no address to prove it', 'own', [], 'discover.not-its-own'],
  ['the node’s namespace', 'host', [mine], 'discover.host-namespace'],
];
for (const [name, is, ips, code] of paths)
  test(`a path to ${name} (OpenNetns): ${code ?? 'opened'}`, async () => {
    await using scene = new PodScene();
    const at = { own: await scene.namespace(`${mine}/24`), foreign: await scene.namespace(`${theirs}/24`) };
    const path = is === 'host' ? '/proc/self/ns/net' : `/proc/${process.pid}/fd/${at[is].fd}`;
    const { it } = discovery();
    const open = () => it.open(path, { uid: randomUUID(), ips });
    if (code === undefined) {
      using netns = open();
      expect(netns.id).toBe(at.own.id);
      return;
    }
    const before = [at.own, at.foreign].map(held);
    expect(open).toThrow(expect.objectContaining({ fault: { code, path } }));
    expect([at.own, at.foreign].map(held)).toEqual(before);
  });
