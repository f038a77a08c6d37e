// Waiting for a pod of this node to become known: at once, woken by its coming and by no other, or given up after 5 s.
// Beside local-workloads.ts; time is a fake clock.
// Which workload belongs to a pod is the model's rule.

import type { MeshDelta } from '@ambient-mesh/model/delta';
import { delta, meshOf, workload } from '@ambient-mesh/model/testing';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { LocalWorkloads } from './local-workloads.ts';
import { infoKey, parseWorkloadInfo } from './workload-info.ts';

const info = { name: 'server', namespace: 'ns', serviceAccount: 'default' };
const server = workload({ name: 'server', ips: ['10.0.0.2'] });

function given(known: Partial<MeshDelta> = {}) {
  const mesh = meshOf(known, 'n1');
  const clock = fakeClock();
  const local = new LocalWorkloads(mesh, clock);
  const learn = (more: Partial<MeshDelta>) => {
    mesh.apply(delta(more));
    local.changed();
  };
  return { clock, local, learn };
}

test('a pod that is known is found without a promise', () => {
  const { local, clock } = given({ workloads: [server] });
  expect(local.find(info)).toMatchObject({ uid: server.uid });
  expect(clock.pending).toBe(0);
});

test('one that is not known after 5 s is given up', async () => {
  const { local, clock } = given();
  const found = local.find(info);
  let settled = false;
  void Promise.resolve(found).then(() => {
    settled = true;
  });
  await clock.advance(ms(4_999));
  expect(settled).toBe(false);
  await clock.advance(ms(1));
  expect(await found).toBeUndefined();
});

const others = [
  ['another name', workload({ name: 'other', ips: ['10.0.0.2'] })],
  ['another namespace', workload({ name: 'server', namespace: 'elsewhere' })],
  ['another service account', workload({ name: 'server', serviceAccount: 'other' })],
  ['another node', workload({ name: 'server', node: 'n2' })],
] as const;
test.each(others)('%s does not wake who waits', async (_, other) => {
  const { local, clock, learn } = given();
  const found = local.find(info);
  learn({ workloads: [other] });
  await clock.advance(ms(5_000));
  expect(await found).toBeUndefined();
});

test('its coming wakes everyone who waits for it, and their timers go', async () => {
  const { local, clock, learn } = given();
  const found = [local.find(info), local.find(info), local.find({ ...info, name: 'never' })];
  expect(clock.pending).toBe(3);
  learn({ workloads: [workload({ name: 'other' })] });
  learn({ workloads: [server] });
  expect(await Promise.all(found.slice(0, 2))).toMatchObject([{ uid: server.uid }, { uid: server.uid }]);
  expect(clock.pending).toBe(1);
});

test('what went again is not known', () => {
  const { local, learn } = given({ workloads: [server] });
  learn({ removedAddresses: [server.uid] });
  expect(local.known(info)).toBeUndefined();
});

test('one string per pod', () => {
  expect(infoKey(info)).toBe('ns/server/default');
  expect(parseWorkloadInfo(infoKey(info))).toEqual(info);
});

test.each(['', 'ns', 'ns/pod', 'ns/pod/', '/pod/sa', 'ns//sa', 'ns/pod/sa/more'])('%j names no workload', (text) => {
  expect(parseWorkloadInfo(text)).toBeUndefined();
});
