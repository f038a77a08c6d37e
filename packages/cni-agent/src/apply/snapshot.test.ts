// What the agent makes of a node that it finds: pods that are enrolled already, and rules that nobody wants.
import { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import { expect, test } from 'vitest';
import type { Pod } from '../facts/pod.ts';
import { Members } from './members.ts';
import type { RulesState } from './node.ts';
import { isEnrolled, probeTargets, restore, sweepResidue } from './snapshot.ts';

const ip = (text: string): Ip => text as Ip;
const podOf = (uid: string, more: Partial<Pod> = {}): Pod => ({
  name: uid,
  namespace: 'shop',
  uid,
  runtimeUid: uid,
  serviceAccount: 'seller',
  labels: {},
  hostNetwork: false,
  hasSidecar: false,
  ips: [ip('10.0.1.1')],
  isOver: false,
  redirection: 'enabled',
  wishes: {},
  ...more,
});
const never = new AbortController().signal;
const netns = (): Netns => Netns.open('/proc/self/ns/net');
const found = (...uids: readonly string[]) => ({
  open: () => netns(),
  find: async (wanted: readonly { readonly uid: string }[]) =>
    new Map(wanted.filter(({ uid }) => uids.includes(uid)).map(({ uid }) => [uid, netns()])),
});

const rows: readonly (readonly [name: string, pod: Partial<Pod>, isWanted: boolean, enrolled: boolean])[] = [
  ['annotated and wanted', {}, true, true],
  ['pending: it is enrolled like any other', { redirection: 'pending' }, true, false],
  ['not annotated', { redirection: '' }, true, false],
  ['not wanted any more', {}, false, false],
  ['over', { isOver: true }, true, false],
];
for (const [name, pod, isWanted, enrolled] of rows)
  test(`the snapshot: ${name}`, () => expect(isEnrolled(podOf('u', pod), isWanted)).toBe(enrolled));

test('whose namespace is found is a member to be looked at; whose is not is kept by its ztunnel, and suspect', async () => {
  using members = new Members();
  await restore([podOf('here'), podOf('gone')], found('here'), members);
  expect(members.get('here')).toMatchObject({ isPending: false, isSuspect: false, capture: undefined, netns: expect.anything() });
  expect(members.get('gone')).toMatchObject({ isPending: false, isSuspect: true, netns: undefined });
});

test('SyncHostIPSet: nothing is pruned while an address is not known', () => {
  const [known, unknown] = [podOf('a'), podOf('b', { ips: [] })];
  expect(probeTargets([known])).toEqual({ all: new Map([['a', known.ips]]), prune: true });
  expect(probeTargets([known, unknown]).prune).toBe(false);
});

const residues: readonly (readonly [name: string, generation: number, state: RulesState, removed: boolean])[] = [
  ['rules were never written there', 1, 'absent', false],
  ['somebody else has rules there', 5, 'absent', false],
  ['an agent was killed in the middle', 5, 'damaged', true],
  ['an agent was killed at the end', 5, 'whole', true],
];
for (const [name, generation, state, wanted] of residues)
  test(`a pod outside the mesh: ${name}`, async () => {
    const said: string[] = [];
    const rules = {
      apply: async () => {},
      check: async () => state,
      open: async () => {},
      remove: async () => void said.push('removed'),
      generation: () => generation,
    };
    await sweepResidue([podOf('u')], { namespaces: found('u'), rules }, ({ uid }) => said.push(uid), never);
    expect(said).toEqual(wanted ? ['removed', 'u'] : []);
  });

test('a pod in which nothing can be removed keeps no other from being swept', async () => {
  const said: string[] = [];
  const open: Netns[] = [];
  const namespaces = {
    open: () => netns(),
    find: async (wanted: readonly { readonly uid: string }[]) =>
      new Map(
        wanted.map(({ uid }) => {
          const found = netns();
          open.push(found);
          return [uid, found];
        }),
      ),
  };
  const rules = {
    apply: async () => {},
    check: async () => 'damaged' as const,
    open: async () => {},
    remove: async ({ fd }: Netns) => {
      if (fd === open[0]?.fd) throw new Error('nft fails');
    },
    generation: () => 5,
  };
  await expect(sweepResidue([podOf('a'), podOf('b')], { namespaces, rules }, ({ uid }) => said.push(uid), never)).rejects.toThrow(
    'nft fails',
  );
  expect(said).toEqual(['b']);
  for (const each of open) expect(() => each.run(() => {})).toThrow('which was let go');
});
