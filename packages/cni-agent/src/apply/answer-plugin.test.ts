// The agent's answers to the plugin: pods that are known, that are not known yet, and namesakes.
import type { Ip } from '@ambient-mesh/model/address';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import type { Pod } from '../facts/pod.ts';
import { type AnswerPorts, answerPlugin, type StartingPod } from './answer-plugin.ts';

const ips = ['10.0.1.9' as Ip];
const asked: StartingPod = { namespace: 'shop', pod: 'web-0', uid: 'new', netns: '/run/netns/x', ips };
const podOf = (uid: string, runtimeUid = uid): Pod => ({
  name: 'web-0',
  namespace: 'shop',
  uid,
  runtimeUid,
  serviceAccount: 'seller',
  labels: {},
  hostNetwork: false,
  hasSidecar: false,
  ips: [],
  isOver: false,
  redirection: '',
  wishes: {},
});
const never = new AbortController().signal;

/** @param watch what the watch knows, by the number of looks before that */
function bench({
  watch,
  api,
  wanted = true,
  knows = () => true,
  outcome = async () => {},
}: {
  watch: (looks: number) => Pod | undefined;
  api?: Pod;
  wanted?: boolean;
  knows?: () => boolean;
  outcome?: () => Promise<void>;
}) {
  const done: string[] = [];
  let looks = 0;
  const ports: AnswerPorts = {
    find: (_namespace, _name, uid) => {
      const pod = watch(looks++);
      return pod !== undefined && (uid === pod.uid || uid === pod.runtimeUid) ? pod : undefined;
    },
    fetch: async () => {
      done.push('fetch');
      return api;
    },
    isWanted: () => wanted,
    knows,
    place: (uid, placement) => done.push(`place ${uid} in ${placement.netns}`),
    run: async (uid) => {
      done.push(`run ${uid}`);
      await outcome();
    },
    clock: { ...fakeClock(), sleep: async () => {} },
  };
  return { ports, done };
}

test('a pod of the mesh is enrolled where the runtime says', async () => {
  const { ports, done } = bench({ watch: () => podOf('new') });
  expect(await answerPlugin(asked, ports, never)).toBe('in-mesh');
  expect(done).toEqual(['place new in /run/netns/x', 'run new']);
});

test('a pod outside the mesh is not touched', async () => {
  const { ports, done } = bench({ watch: () => podOf('new'), wanted: false });
  expect([await answerPlugin(asked, ports, never), done]).toEqual(['not-in-mesh', []]);
});

test('PrefersCNIProvidedPodIP: the status knows none yet', async () => {
  const { ports } = bench({ watch: () => podOf('new') });
  await expect(answerPlugin({ ...asked, ips: [] }, ports, never)).rejects.toThrow('gave it no address');
});

test('GetPodWithRetry: the watch may be late', async () => {
  const { ports, done } = bench({ watch: (looks) => (looks < 5 ? undefined : podOf('new')) });
  expect(await answerPlugin(asked, ports, never)).toBe('in-mesh');
  expect(done).toEqual(['place new in /run/netns/x', 'run new']);
});

test('a pod outside the mesh starts although the watch does not know it', async () => {
  const { ports, done } = bench({ watch: () => undefined, api: podOf('new'), wanted: false });
  expect([await answerPlugin(asked, ports, never), done]).toEqual(['not-in-mesh', ['fetch']]);
});

test('a pod whose namespace is not known yet is not said to be outside the mesh: its label may ask for it', async () => {
  let looks = 0;
  const { ports } = bench({ watch: () => podOf('new'), wanted: false, knows: () => looks++ > 5 });
  expect([await answerPlugin(asked, ports, never), looks > 5]).toEqual(['not-in-mesh', true]);
  const blind = bench({ watch: () => podOf('new'), api: podOf('new'), wanted: false, knows: () => false });
  await expect(answerPlugin(asked, blind.ports, never)).rejects.toThrow('has not told of the namespace shop');
});

test('a pod whose own label asks for the mesh needs no namespace to be known', async () => {
  const { ports, done } = bench({ watch: () => podOf('new'), knows: () => false });
  expect([await answerPlugin(asked, ports, never), done.length]).toEqual(['in-mesh', 2]);
});

test('a namesake outside the mesh says nothing about the pod', async () => {
  const { ports } = bench({ watch: () => undefined, api: podOf('newer'), wanted: false });
  await expect(answerPlugin(asked, ports, never)).rejects.toThrow('has not told of the pod shop/web-0 (new)');
});

test('a pod that nobody knows does not start', async () => {
  const { ports } = bench({ watch: () => undefined });
  await expect(answerPlugin(asked, ports, never)).rejects.toThrow('has not told of the pod shop/web-0 (new)');
});

test('an old pod of the same name is not the pod', async () => {
  const { ports, done } = bench({ watch: (looks) => podOf(looks < 20 ? 'old' : 'new'), api: podOf('new') });
  expect(await answerPlugin(asked, ports, never)).toBe('in-mesh');
  expect(done.filter((each) => each.includes('old'))).toEqual([]);
});

test('a runtime that names no uid: the API server says which pod it is', async () => {
  const { ports, done } = bench({ watch: (looks) => podOf(looks < 20 ? 'old' : 'new'), api: podOf('new') });
  expect(await answerPlugin({ ...asked, uid: undefined }, ports, never)).toBe('in-mesh');
  expect(done).toEqual(['fetch', 'place new in /run/netns/x', 'run new']);
});

test('a static pod is known by the uid of its file', async () => {
  const { ports, done } = bench({ watch: () => podOf('new', 'hash') });
  expect(await answerPlugin({ ...asked, uid: 'hash' }, ports, never)).toBe('in-mesh');
  expect(done).toEqual(['place new in /run/netns/x', 'run new']);
});

test('what goes wrong is the answer', async () => {
  const { ports } = bench({
    watch: () => podOf('new'),
    outcome: async () => {
      throw new Error('no ztunnel is connected on this node');
    },
  });
  await expect(answerPlugin(asked, ports, never)).rejects.toThrow('no ztunnel is connected');
});
