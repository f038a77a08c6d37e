// One pod through facts, plan and apply, against a node that records what is done to it and can be told to fail.
import { Netns } from '@ambient-mesh/host/netns';
import type { Ip } from '@ambient-mesh/model/address';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { expect, test } from 'vitest';
import { captureOf } from '../facts/capture.ts';
import type { Pod } from '../facts/pod.ts';
import { Members } from './members.ts';
import type { NodeParts, RulesState } from './node.ts';
import { Outsiders } from './outsiders.ts';
import { Reconciler } from './reconcile.ts';

const ip = (text: string): Ip => text as Ip;
const defaults = { ipv6: true, dnsCapture: true, probe: { v4: ip('169.254.7.127'), v6: ip('fd16::1') } };
const never = new AbortController().signal;

/** Stand for namespaces: only their identity counts here. */
const netns = (which: 'net' | 'uts' | 'ipc' = 'net'): Netns => Netns.open(`/proc/self/ns/${which}`);

type Failing = 'check' | 'find' | 'apply' | 'add' | 'no-ztunnel' | 'upsert' | 'annotate' | 'open' | 'probes.remove';

class Bench {
  readonly done: string[] = [];
  readonly said: string[] = [];
  readonly failing = new Set<Failing>();
  rules: RulesState = 'whole';
  generation = 7;
  pod: Pod | undefined = {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    runtimeUid: 'u1',
    serviceAccount: 'seller',
    labels: {},
    hostNetwork: false,
    hasSidecar: false,
    ips: [ip('10.0.1.1')],
    isOver: false,
    redirection: '',
    wishes: {},
  };
  isWanted = true;
  readonly members = new Members();
  readonly outsiders = new Outsiders({
    warn: (_pod, obstacle) => this.said.push(`warn ${obstacle}`),
    recovered: (_pod, obstacle) => this.said.push(`recovered ${obstacle}`),
    shut: (ips) => this.said.push(`shut ${ips.join() || 'nobody'}`),
  });
  readonly reconciler: Reconciler;

  constructor() {
    this.reconciler = new Reconciler({
      node: this.#node(),
      members: this.members,
      outsiders: this.outsiders,
      pod: () => this.pod,
      isWanted: () => this.isWanted,
      captureOf: (pod) => captureOf(pod, defaults),
      report: { done: () => {}, found: () => {}, mistaken: (_pod, mistakes) => this.said.push(...mistakes) },
    });
  }

  work(): Promise<void> {
    this.done.length = 0;
    return this.reconciler.work('u1', never);
  }

  change(more: Partial<Pod>): void {
    if (this.pod !== undefined) this.pod = { ...this.pod, ...more };
  }

  #do(what: string, fails: Failing): void {
    this.done.push(what);
    if (this.failing.has(fails)) throw new Error(`no ${fails}`);
  }

  #node(): NodeParts {
    const clock = fakeClock();
    return {
      namespaces: {
        open: (path) => {
          this.#do(`open ${path}`, 'find');
          return netns('uts');
        },
        find: async ([wanted]) => {
          this.done.push('find');
          return new Map(this.failing.has('find') ? [] : [[wanted?.uid ?? '', netns()]]);
        },
      },
      rules: {
        apply: async (_netns, { ingress }) => this.#do(ingress ? 'apply ingress' : 'apply', 'apply'),
        check: async () => {
          this.#do('check', 'check');
          return this.rules;
        },
        open: async () => this.#do('open rules', 'open'),
        remove: async () => void this.done.push('remove rules'),
        generation: () => this.generation,
      },
      ztunnels: {
        add: async () => {
          if (this.failing.has('no-ztunnel')) throw new MeshError({ code: 'zds.no-ztunnel' }, 'nobody is there');
          this.#do('add', 'add');
        },
        del: async () => void this.done.push('del'),
      },
      probes: {
        upsert: async (_uid, ips) => this.#do(`probes ${ips.join()}`, 'upsert'),
        remove: async (_uid, ips) => this.#do(`no probes ${[...new Set(ips)].join()}`, 'probes.remove'),
      },
      annotate: async (_pod, value) => {
        this.#do(`annotate ${value}`, 'annotate');
        this.change({ redirection: value ?? '' });
      },
      clock: { ...clock, sleep: async () => {} },
    };
  }
}

test('a running pod: the ztunnel listens before anything is redirected to it', async () => {
  const bench = new Bench();
  await bench.work();
  expect(bench.done).toEqual(['find', 'add', 'apply', 'probes 10.0.1.1', 'annotate enabled']);
  await bench.work();
  expect(bench.done).toEqual([]);
  expect(bench.said).toEqual([]);
});

test('a starting pod: the namespace is the one that the runtime names, and its addresses those of the runtime', async () => {
  const bench = new Bench();
  bench.change({ ips: [] });
  await bench.work();
  expect(bench.done).toEqual([]);
  bench.reconciler.place('u1', { netns: '/run/netns/x', ips: [ip('10.0.1.9')] });
  await bench.work();
  expect(bench.done).toEqual(['open /run/netns/x', 'add', 'apply', 'probes 10.0.1.9', 'annotate enabled']);
  bench.change({ ips: [ip('10.0.1.9')] });
  await bench.work();
  expect(bench.done).toEqual([]);
});

test('a start that fails is forgotten: the runtime comes again with another namespace', async () => {
  const bench = new Bench();
  bench.change({ ips: [] });
  bench.failing.add('apply');
  bench.reconciler.place('u1', { netns: '/run/netns/x', ips: [ip('10.0.1.9')] });
  await expect(bench.work()).rejects.toThrow('redirect rules');
  expect([bench.done.slice(-2), bench.members.size]).toEqual([['del', 'no probes 10.0.1.9'], 0]);
  await bench.work();
  expect(bench.done).toEqual([]);
});

test('a sandbox made anew: probes do not pass to the old address any more, which may be another pod’s', async () => {
  const bench = new Bench();
  await bench.work();
  for (const address of ['10.0.1.8', '10.0.1.9']) {
    bench.reconciler.place('u1', { netns: '/run/netns/x', ips: [ip(address)] });
    await bench.work();
  }
  expect(bench.done).toEqual(['open /run/netns/x', 'add', 'probes 10.0.1.9', 'no probes 10.0.1.8']);
});

test('a start that fails at its end leaves nothing behind: no address for probes, nothing at the ztunnel', async () => {
  const bench = new Bench();
  bench.change({ ips: [] });
  bench.failing.add('annotate');
  bench.reconciler.place('u1', { netns: '/run/netns/x', ips: [ip('10.0.1.9')] });
  await expect(bench.work()).rejects.toThrow('cannot be annotated');
  expect([bench.done.slice(-2), bench.members.size]).toEqual([['del', 'no probes 10.0.1.9'], 0]);
});

test('without a ztunnel the pod is captured, annotated as pending, and enrolled later; its rules are written once, and when somebody touched them', async () => {
  const bench = new Bench();
  bench.failing.add('no-ztunnel');
  await expect(bench.work()).rejects.toThrow('no ztunnel');
  expect(bench.done).toEqual(['find', 'apply', 'annotate pending']);
  expect(bench.said).toEqual(['warn no-ztunnel', 'shut nobody']);
  await expect(bench.work()).rejects.toThrow('no ztunnel');
  expect(bench.said).toHaveLength(2);
  expect(bench.done).toEqual([]);
  bench.generation = 8;
  await expect(bench.work()).rejects.toThrow('no ztunnel');
  expect(bench.done).toEqual(['apply']);
  bench.failing.clear();
  await bench.work();
  expect(bench.done).toEqual(['add', 'probes 10.0.1.1', 'annotate enabled']);
  expect(bench.said.slice(2)).toEqual(['recovered no-ztunnel', 'shut nobody']);
});

const obstacles: readonly (readonly [failing: Failing, obstacle: string, shut: string])[] = [
  ['find', 'no-namespace', '10.0.1.1'],
  ['apply', 'rules', '10.0.1.1'],
  ['add', 'ztunnel-refused', 'nobody'],
  ['upsert', 'probes', 'nobody'],
  ['annotate', 'annotation', 'nobody'],
];
for (const [failing, obstacle, shut] of obstacles)
  test(`${obstacle}: said once, tried again, and over when it works`, async () => {
    const bench = new Bench();
    bench.failing.add(failing);
    for (let i = 0; i < 2; i++) await expect(bench.work()).rejects.toMatchObject({ fault: { obstacle } });
    expect(bench.said).toEqual([`warn ${obstacle}`, `shut ${shut}`]);
    bench.failing.clear();
    await bench.work();
    expect(bench.pod?.redirection).toBe('enabled');
    expect(bench.said.slice(2)).toEqual([`recovered ${obstacle}`, 'shut nobody']);
  });

test('taken out of the mesh: peers hear first, then new connections go past the tunnel, then it leaves', async () => {
  const bench = new Bench();
  await bench.work();
  bench.isWanted = false;
  await bench.work();
  expect(bench.done).toEqual(['annotate null', 'open rules', 'del', 'remove rules', 'no probes 10.0.1.1']);
  expect(bench.members.size).toBe(0);
  await bench.work();
  expect(bench.done).toEqual([]);
});

test('a pod that an earlier agent enrolled is taken out as well', async () => {
  const bench = new Bench();
  bench.change({ redirection: 'enabled' });
  bench.isWanted = false;
  await bench.work();
  expect(bench.done).toEqual(['annotate null', 'find', 'open rules', 'del', 'remove rules', 'no probes 10.0.1.1']);
});

test('a deleted pod: nothing is done inside, and nobody is asked to write at it', async () => {
  const bench = new Bench();
  await bench.work();
  bench.pod = undefined;
  await bench.work();
  expect(bench.done).toEqual(['no probes 10.0.1.1', 'del']);
  expect(bench.members.size).toBe(0);
});

test('a job that is done leaves, its namespace is left alone', async () => {
  const bench = new Bench();
  await bench.work();
  bench.change({ isOver: true });
  await bench.work();
  expect(bench.done).toEqual(['no probes 10.0.1.1', 'annotate null', 'del']);
});

test('a step that fails while leaving does not stop the others, and is tried again', async () => {
  const bench = new Bench();
  await bench.work();
  bench.isWanted = false;
  bench.failing.add('probes.remove');
  await expect(bench.work()).rejects.toThrow('out of the mesh');
  expect(bench.done).toContain('remove rules');
  bench.failing.clear();
  await bench.work();
  expect(bench.members.size).toBe(0);
});

for (const failing of ['open', 'find'] as const)
  test(`what an earlier agent enrolled is not left half way: ${failing} fails after the annotation is gone, and is tried again`, async () => {
    const bench = new Bench();
    bench.change({ redirection: 'enabled' });
    bench.isWanted = false;
    bench.failing.add(failing);
    await expect(bench.work()).rejects.toThrow('out of the mesh');
    bench.failing.clear();
    await bench.work();
    expect(bench.done.slice(-4)).toEqual(['open rules', 'del', 'remove rules', 'no probes 10.0.1.1']);
    expect(bench.members.size).toBe(0);
  });

test('wanted again while it was half out: it is enrolled anew, and not only its rules are put right', async () => {
  const bench = new Bench();
  await bench.work();
  bench.isWanted = false;
  bench.failing.add('open');
  await expect(bench.work()).rejects.toThrow('out of the mesh');
  bench.failing.clear();
  bench.isWanted = true;
  await bench.work();
  expect(bench.done).toEqual(['add', 'apply', 'probes 10.0.1.1', 'annotate enabled']);
});

test('while peers cannot be told, a running pod stays in the mesh as it is, probes included', async () => {
  const bench = new Bench();
  await bench.work();
  bench.isWanted = false;
  bench.failing.add('annotate');
  await expect(bench.work()).rejects.toThrow('out of the mesh');
  expect(bench.done).toEqual(['annotate null']);
  bench.failing.clear();
  await bench.work();
  expect(bench.done).toEqual(['annotate null', 'open rules', 'del', 'remove rules', 'no probes 10.0.1.1']);
});

test('a pod without addresses has no namespace to restore: it is let go of', async () => {
  const bench = new Bench();
  bench.change({ redirection: 'enabled', ips: [] });
  bench.isWanted = false;
  bench.failing.add('find');
  await bench.work();
  expect([bench.done, bench.members.size]).toEqual([['annotate null', 'del', 'no probes '], 0]);
});

for (const state of ['absent', 'damaged'] as const)
  test(`rules found ${state} are said and written again`, async () => {
    const bench = new Bench();
    await bench.work();
    const member = bench.members.get('u1');
    if (member !== undefined) member.isSuspect = true;
    bench.rules = state;
    await bench.work();
    expect(bench.done).toEqual(['check', 'apply']);
    expect(bench.said).toEqual(['warn rules-damaged', 'shut 10.0.1.1', 'recovered rules-damaged', 'shut nobody']);
  });

test('rules that cannot be read are written again: whoever can make the look fail does not get out of the mesh by it', async () => {
  const bench = new Bench();
  await bench.work();
  const member = bench.members.get('u1');
  if (member !== undefined) member.isSuspect = true;
  bench.failing.add('check');
  await bench.work();
  expect([bench.done, member?.isSuspect]).toEqual([['check', 'apply'], false]);
  expect(bench.said).toEqual(['warn rules-damaged', 'shut 10.0.1.1', 'recovered rules-damaged', 'shut nobody']);
});

test('rules that somebody touched beside ours are let be', async () => {
  const bench = new Bench();
  await bench.work();
  const member = bench.members.get('u1');
  if (member !== undefined) member.isSuspect = true;
  await bench.work();
  expect(bench.done).toEqual(['check']);
  expect(bench.said).toEqual([]);
});

test('a changed annotation changes the rules, and is no damage', async () => {
  const bench = new Bench();
  await bench.work();
  bench.change({ wishes: { 'ambient.istio.io/bypass-inbound-capture': 'true' } });
  bench.rules = 'damaged';
  await bench.work();
  expect(bench.done).toEqual(['check', 'apply ingress']);
  expect(bench.said).toEqual([]);
});

test('an annotation that cannot be read is said, and counts as absent', async () => {
  const bench = new Bench();
  bench.change({ wishes: { 'ambient.istio.io/bypass-inbound-capture': 'yes' } });
  await bench.work();
  expect(bench.done).toContain('apply');
  expect(bench.said).toEqual([expect.stringContaining('neither true nor false')]);
});

test('a second address is let through to, an old one is not any more', async () => {
  const bench = new Bench();
  await bench.work();
  bench.change({ ips: [ip('10.0.1.2'), ip('fd00::2')] });
  await bench.work();
  expect(bench.done).toEqual(['no probes 10.0.1.1', 'probes 10.0.1.2,fd00::2']);
});

test('a pod that moved to another namespace is enrolled there', async () => {
  const bench = new Bench();
  await bench.work();
  const member = bench.members.get('u1');
  const before = member?.netns?.id;
  if (member !== undefined) Object.assign(member, { hasMoved: true, netns: netns('ipc') });
  await bench.work();
  expect(bench.done).toEqual(['find', 'add', 'apply', 'probes 10.0.1.1']);
  expect(bench.members.get('u1')).toMatchObject({ hasMoved: false, netns: { id: before } });
});
