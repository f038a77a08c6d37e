// What looking costs on a node with a thousand processes. The limits are ten times what a small machine needs: only another order of cost fails.
// Needs root. What is found is in discover.kernel.test.ts.
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import { expect, test } from 'vitest';
import { netnsOf, PodScene } from '../testing/pod-scene.ts';
import { Discovery } from './discover.ts';
import { pidsIn } from './processes.ts';

const crowd = 1_000;
const ips = ['10.9.0.1' as Ip];

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const discovery = (): Discovery =>
  new Discovery({ proc: '/proc', hostRoot: '', hostNetns: [netnsOf(process.pid)], report: { rejected: () => {} } });

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** A thousand processes of another pod, which end with their common input. */
async function fill(scene: PodScene, netns: Netns): Promise<void> {
  const many = `read go; exec 3<&0; i=0; while [ $i -lt ${crowd} ]; do cat <&3 & i=$((i+1)); done; wait`;
  const pid = await scene.command(randomUUID(), netns, ['sh', '-c', many]);
  const before = pidsIn('/proc').length;
  scene.tell(pid, 'go\n');
  await expect.poll(() => pidsIn('/proc').length - before, { timeout: 30_000 }).toBeGreaterThan(crowd - 50);
}

test('a thousand processes: one look reads them all, those after it only what is new; fifty who ask at once share looks', async () => {
  await using scene = new PodScene();
  const [uid, own] = [randomUUID(), await scene.namespace(`${ips[0]}/24`)];
  await scene.process(uid, own);
  await fill(scene, own);
  const findAndLetGo = async (it: Discovery): Promise<void> => {
    const found = await it.find([{ uid, ips }]);
    expect(found.get(uid)?.id).toBe(own.id);
    for (const netns of found.values()) netns[Symbol.dispose]();
  };
  const it = discovery();
  const first = await timed(() => findAndLetGo(it));
  const again = await timed(() => findAndLetGo(it));
  const look = await timed(() => it.look(new Set([uid])));
  const nowhere = await timed(() => it.find([{ uid: randomUUID(), ips }]));
  const before = descriptors();
  const fresh = discovery();
  const fifty = await timed(() => Promise.all(Array.from({ length: 50 }, () => findAndLetGo(fresh))));
  expect(descriptors()).toBe(before);
  expect(first).toBeLessThan(1_500);
  expect(again).toBeLessThan(150);
  expect(look).toBeLessThan(1_500);
  expect(nowhere).toBeLessThan(1_500);
  expect(fifty).toBeLessThan(first * 5 + 300);
}, 60_000);
