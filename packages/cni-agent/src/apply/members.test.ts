// Rules of the agent's memory: whose descriptor is kept, whose is closed. Files stand for namespaces: only their identity counts here.
// Beside members.ts.
import { fstatSync } from 'node:fs';
import { Netns } from '@ambient-mesh/host/netns';
import { expect, test } from 'vitest';
import type { Pod } from '../facts/pod.ts';
import { Members } from './members.ts';

const pod: Pod = {
  name: 'web',
  namespace: 'shop',
  uid: 'u1',
  runtimeUid: 'u1',
  serviceAccount: 'seller',
  labels: {},
  hostNetwork: false,
  hasSidecar: false,
  ips: [],
  isOver: false,
  redirection: '',
  wishes: {},
};
const open = (which: 'net' | 'uts'): Netns => Netns.open(`/proc/self/ns/${which}`);

const isOpen = ({ fd }: Netns): boolean => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

test('a pod is a member before its namespace is known (PodsAppearsWithNilNetnsWhenEnsureIsUsed)', () => {
  using members = new Members();
  const member = members.ensure(pod);
  expect([members.size, member.netns, [...members.values()]]).toEqual([1, undefined, [member]]);
  expect(members.ensure(pod)).toBe(member);
});

test('the first namespace is taken over (Upsert)', () => {
  using members = new Members();
  const [member, netns] = [members.ensure(pod), open('net')];
  expect(members.settle(member, netns)).toBe(netns);
  expect([members.get('u1')?.netns, isOpen(netns)]).toEqual([netns, true]);
});

test('the same namespace again: the first descriptor stays, the second is closed (UpsertWithLiveNetns)', () => {
  using members = new Members();
  const [member, first, again] = [members.ensure(pod), open('net'), open('net')];
  members.settle(member, first);
  expect(members.settle(member, again)).toBe(first);
  expect([isOpen(first), isOpen(again)]).toEqual([true, false]);
  expect(members.settle(member, first)).toBe(first);
  expect(isOpen(first)).toBe(true);
});

test('another namespace takes the place of the first, which is closed, and nothing is known of its rules (UpsertWithNewInode)', () => {
  using members = new Members();
  const [member, before, now] = [members.ensure(pod), open('net'), open('uts')];
  members.settle(member, before);
  Object.assign(member, { generation: 3, hasMoved: true });
  expect(members.settle(member, now)).toBe(now);
  expect([isOpen(before), isOpen(now), member.generation, member.hasMoved]).toEqual([false, true, undefined, false]);
});

test('a pod is forgotten once, and its namespace closed; again changes nothing (DoubleTake)', () => {
  using members = new Members();
  const netns = open('net');
  members.settle(members.ensure(pod), netns);
  members.forget('u1');
  members.forget('u1');
  expect([members.size, members.get('u1'), isOpen(netns)]).toEqual([0, undefined, false]);
});

test('at the end every namespace is closed', () => {
  const members = new Members();
  const all = [open('net'), open('uts')];
  for (const [at, netns] of all.entries()) members.settle(members.ensure({ ...pod, uid: `u${at}` }), netns);
  members[Symbol.dispose]();
  expect([members.size, all.map(isOpen)]).toEqual([0, [false, false]]);
});

test('a namespace that is another member’s is refused and let go: two pods never have one identity', () => {
  using members = new Members();
  const [first, second] = [members.ensure(pod), members.ensure({ ...pod, uid: 'u2', name: 'api' })];
  const [netns, again] = [open('net'), open('net')];
  members.settle(first, netns);
  expect(() => members.settle(second, again)).toThrow('that of pod shop/web');
  expect([first.netns, second.netns, isOpen(netns), isOpen(again)]).toEqual([netns, undefined, true, false]);
});

test('a pod that was thought to have moved and is found where it was has not moved', () => {
  using members = new Members();
  const member = members.ensure(pod);
  members.settle(member, open('net'));
  member.hasMoved = true;
  members.settle(member, open('net'));
  expect(member.hasMoved).toBe(false);
});
