// The look every two seconds: what it notices, and what it leaves alone. What is done about it is reconcile.test.ts.
import { Netns } from '@ambient-mesh/host/netns';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import type { Pod } from '../facts/pod.ts';
import type { Step } from '../plan/pod-plan.ts';
import { type EnrolledPod, Members } from './members.ts';
import { look, type WatchPorts } from './watch.ts';

const podOf = (uid: string): Pod => ({
  name: uid,
  namespace: 'shop',
  uid,
  runtimeUid: `runtime-${uid}`,
  serviceAccount: 'seller',
  labels: {},
  hostNetwork: false,
  hasSidecar: false,
  ips: [],
  isOver: false,
  redirection: 'enabled',
  wishes: {},
});

function bench() {
  const members = new Members();
  const member = members.ensure(podOf('u1'));
  Object.assign(member, { isPending: false, generation: 7, netns: Netns.open('/proc/self/ns/net') });
  // Whose turn it is to be looked at thoroughly.
  Object.assign(members.ensure(podOf('other')), { isPending: false, generation: undefined, netns: Netns.open('/proc/self/ns/uts') });
  const state = { generation: 7, namespaces: new Map<string, Set<string>>(), attended: [] as string[], moved: [] as string[], failures: 0 };
  const needs = ({ pod, isSuspect, hasMoved }: EnrolledPod): boolean => pod.uid !== 'other' && (isSuspect || hasMoved);
  const ports: WatchPorts = {
    members,
    generation: () => state.generation,
    look: async () => state.namespaces,
    pods: () => ['u1', 'u2'],
    plan: (uid): Step => {
      const known = members.get(uid);
      return known !== undefined && needs(known) ? { do: 'verify', pod: known.pod } : { do: 'nothing' };
    },
    attend: (uid) => state.attended.push(uid),
    moved: ({ pod }) => state.moved.push(pod.uid),
    failed: () => state.failures++,
    clock: fakeClock(),
  };
  return { member, members, state, ports };
}

test('nothing has happened', async () => {
  const { ports, state, member } = bench();
  state.namespaces.set('runtime-u1', new Set([member.netns?.id ?? '']));
  await look(ports, 1);
  expect(state).toMatchObject({ attended: [], moved: [] });
});

test('somebody touched rules', async () => {
  const { ports, state, member } = bench();
  state.generation = 8;
  await look(ports, 1);
  expect([member.isSuspect, state.attended.includes('u1')]).toEqual([true, true]);
});

test('rules that we have never known to be whole are not compared', async () => {
  const { ports, state, member } = bench();
  Object.assign(member, { generation: undefined });
  state.generation = 8;
  await look(ports, 1);
  expect(member.isSuspect).toBe(false);
});

test('a pod whose processes all run elsewhere has moved, and is said once', async () => {
  const { ports, state, member } = bench();
  state.namespaces.set('runtime-u1', new Set(['another']));
  await look(ports, 1);
  await look(ports, 1);
  expect([member.hasMoved, state.moved, state.attended.includes('u1')]).toEqual([true, ['u1'], true]);
});

test('a pod with one more namespace has not moved, nor one whose processes nobody sees', async () => {
  const { ports, state, member } = bench();
  state.namespaces.set('runtime-u1', new Set(['another', member.netns?.id ?? '']));
  await look(ports, 1);
  state.namespaces.clear();
  await look(ports, 1);
  expect([member.hasMoved, state.moved]).toEqual([false, []]);
});

test('an event that was missed is made up for', async () => {
  const { ports, state } = bench();
  await look({ ...ports, plan: (uid) => (uid === 'u2' ? { do: 'annotate', pod: podOf('u2') } : { do: 'nothing' }) }, 1);
  expect(state.attended).toEqual(['u2']);
});

test('each in its turn is looked at thoroughly', async () => {
  const { ports, member, members } = bench();
  await look(ports, 0);
  expect([member.isSuspect, members.get('other')?.isSuspect]).toEqual([true, false]);
  await look(ports, 1);
  expect(members.get('other')?.isSuspect).toBe(true);
});

test('a pod that is being enrolled is left to whoever does it', async () => {
  const { ports, state, member } = bench();
  member.isPending = true;
  state.generation = 8;
  await look(ports, 1);
  expect(member.isSuspect).toBe(false);
});

test('a pod that left while processes were looked at has not moved: nobody would ever take that back', async () => {
  const { ports, state, members } = bench();
  const gone = async () => {
    members.forget('u1');
    return new Map([['runtime-u1', new Set(['another'])]]);
  };
  await look({ ...ports, look: gone }, 1);
  expect(state.moved).toEqual([]);
});

test('one namespace that cannot be asked keeps nobody else from being looked at', async () => {
  const { ports, state, member, members } = bench();
  const broken = members.ensure(podOf('broken'));
  Object.assign(broken, { isPending: false, generation: 7, netns: Netns.open('/proc/self/ns/ipc') });
  const generation = (netns: Netns): number => {
    if (netns === broken.netns) throw new Error('no such namespace');
    return 8;
  };
  await look({ ...ports, generation }, 1);
  expect([member.isSuspect, state.attended, state.failures]).toEqual([true, ['u1', 'u1'], 1]);
});
