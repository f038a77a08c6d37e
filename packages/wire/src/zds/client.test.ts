// The ZDS client over a pipe in memory: connecting, retrying, giving up, and what becomes of descriptors.
// What follows from each message is tabled in session.test.ts.
import { closeSync, openSync } from 'node:fs';
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { packetPipe, type TestZdsAgent } from '../testing/index.ts';
import { ZdsClient } from './client.ts';
import { writeRequest } from './codec.ts';

const info = { name: 'p', namespace: 'n', serviceAccount: 's' };
/** Stands for a pod's network namespace: the same path is the same namespace. */
const netns = (path = '/proc/self/ns/net'): number => openSync(path, 'r');

class Scene {
  readonly pipe = packetPipe();
  readonly clock: FakeClock = fakeClock();
  readonly running = new Map<string, number>();
  readonly told: string[] = [];
  readonly lost: string[] = [];
  readonly closed = new Set<number>();
  broken = new Set<string>();
  /** Starts of pods wait for this. */
  gate: Promise<void> | undefined;
  ready = false;
  readonly #stop = new AbortController();
  /** Attempts to connect that fail first. */
  #unreachable: number;
  readonly client = new ZdsClient({
    connect: (handlers, signal) => {
      if (this.#unreachable-- > 0) return Promise.reject(new Error('ENOENT'));
      return this.pipe.connect(handlers, signal);
    },
    start: async ({ uid }, fd) => {
      this.told.push(`start ${uid}`);
      await this.gate;
      if (this.broken.has(uid)) throw new Error('port in use');
      this.running.set(uid, fd);
    },
    stop: async (uid) => {
      this.told.push(`stop ${uid}`);
      closeSync(this.running.get(uid) ?? -1);
      this.running.delete(uid);
    },
    closeFd: (fd) => {
      closeSync(fd);
      this.closed.add(fd);
    },
    ready: (ready) => {
      this.ready = ready;
    },
    clock: this.clock,
    random: () => 0.5,
    report: { connected: () => {}, disconnected: (why) => void this.lost.push(why), startFailed: () => {} },
  });
  readonly finished: Promise<void>;

  constructor(unreachable = 0) {
    this.#unreachable = unreachable;
    this.finished = this.client.run(this.#stop.signal);
  }

  agent(): Promise<TestZdsAgent> {
    return this.pipe.agents.take();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.finished.catch(() => {});
    for (const fd of this.running.values()) closeSync(fd);
    this.running.clear();
  }
}

let scene: Scene;
afterEach(() => scene.stop());

test('says hello, starts pods, and is ready only with the snapshot', async () => {
  scene = new Scene();
  const agent = await scene.agent();
  expect(await agent.hello()).toBe(1);
  expect(await agent.add('a', info, netns())).toBe('');
  expect(scene.ready).toBe(false);
  expect(await agent.snapshotSent()).toBe('');
  expect(scene.ready).toBe(true);
  expect(await agent.del('a')).toBe('');
  expect(scene.told).toEqual(['start a', 'stop a']);
  expect([...scene.client.pods()]).toEqual([]);
});

test('a second descriptor of the same namespace is recognised and closed', async () => {
  scene = new Scene();
  const agent = await scene.agent();
  await agent.hello();
  await agent.add('a', info, netns());
  const again = netns();
  expect(await agent.add('a', info, again)).toBe('');
  expect(scene.closed).toContain(again);
  expect(await agent.add('a', info, netns('/proc/self/ns/uts'))).toBe('');
  expect(scene.told).toEqual(['start a', 'stop a', 'start a']);
});

test('a pod that fails is tried again every 5 s, and the node is not ready meanwhile', async () => {
  scene = new Scene();
  scene.broken.add('a');
  const agent = await scene.agent();
  await agent.hello();
  expect(await agent.add('a', info, netns())).toBe('port in use');
  await agent.snapshotSent();
  await scene.clock.advance(ms(5_000));
  expect(scene.told).toHaveLength(2);
  expect(scene.ready).toBe(false);
  scene.broken.clear();
  await scene.clock.advance(ms(5_000));
  expect(scene.ready).toBe(true);
  await scene.clock.advance(ms(20_000));
  expect(scene.told).toHaveLength(3);
});

describe('a lost connection', () => {
  test('leaves pods running, is unready, and is followed by another; a pod missing from its snapshot is stopped', async () => {
    scene = new Scene();
    const first = await scene.agent();
    await first.hello();
    await first.add('a', info, netns());
    await first.add('b', info, netns('/proc/self/ns/uts'));
    await first.snapshotSent();
    first.close();
    await vi.waitFor(() => expect(scene.ready).toBe(false));
    await scene.clock.advance(ms(5));
    const second = await scene.agent();
    await second.hello();
    expect([...scene.running.keys()]).toEqual(['a', 'b']);
    await second.keep('b');
    await second.snapshotSent();
    expect([...scene.running.keys()]).toEqual(['b']);
    expect(scene.ready).toBe(true);
  });

  test('closes the descriptors of pods that never started', async () => {
    scene = new Scene();
    scene.broken.add('a');
    const agent = await scene.agent();
    await agent.hello();
    const fd = netns();
    await agent.add('a', info, fd);
    expect(scene.closed).not.toContain(fd);
    agent.close();
    await vi.waitFor(() => expect(scene.closed).toContain(fd));
  });

  test('an agent that hangs up at once is not hammered: 5, 10, 20 ms', async () => {
    scene = new Scene();
    for (const wait of [5, 10, 20]) {
      (await scene.agent()).close();
      await vi.waitFor(() => expect(scene.clock.pending).toBe(1));
      const known = scene.pipe.agents.seen.length;
      await scene.clock.advance(ms(wait - 1));
      expect(scene.pipe.agents.seen).toHaveLength(known);
      await scene.clock.advance(ms(1));
      expect(scene.pipe.agents.seen).toHaveLength(known + 1);
    }
  });

  test('an agent that is not there is tried after 20, 40, 80 ms', async () => {
    scene = new Scene(3);
    for (const wait of [20, 40, 80]) {
      await vi.waitFor(() => expect(scene.clock.pending).toBe(1));
      expect(scene.pipe.agents.seen).toHaveLength(0);
      await scene.clock.advance(ms(wait));
    }
    await scene.agent();
    expect(scene.lost).toEqual(['ENOENT', 'ENOENT', 'ENOENT']);
  });
});

describe('a misbehaving agent', () => {
  test('that sends garbage gets an answer, and is connected to again', async () => {
    scene = new Scene();
    const agent = await scene.agent();
    await agent.hello();
    expect(await agent.raw(Buffer.from('ffff', 'hex'))).toMatch(/^unreadable packet/);
    await vi.waitFor(() => expect(scene.clock.pending).toBe(1));
    await scene.clock.advance(ms(5));
    expect(await (await scene.agent()).hello()).toBe(1);
  });

  test('that breaks the protocol ends the run with zds.protocol, after it was told why', async () => {
    scene = new Scene();
    const agent = await scene.agent();
    await agent.hello();
    await agent.snapshotSent();
    expect(await agent.snapshotSent()).toBe('a second snapshot');
    await expect(scene.finished).rejects.toMatchObject({ fault: { code: 'zds.protocol' } });
  });

  test('that does not wait for answers is dropped before it fills the descriptor table; nothing stays open', async () => {
    scene = new Scene();
    const agent = await scene.agent();
    await agent.hello();
    const gate = Promise.withResolvers<void>();
    scene.gate = gate.promise;
    const fds = Array.from({ length: 100 }, () => netns());
    for (const [n, fd] of fds.entries()) void agent.raw(writeRequest({ is: 'add', uid: `u${n}`, pod: info }), [fd]).catch(() => {});
    await vi.waitFor(() => expect(scene.closed).toContain(fds.at(-1)));
    gate.resolve();
    await vi.waitFor(() => expect(scene.lost).toEqual([expect.stringContaining('without waiting')]));
    expect(fds.filter((fd) => !scene.closed.has(fd))).toEqual([...scene.running.values()]);
  });
});

test('stopping closes the connection and returns; pods go on', async () => {
  scene = new Scene();
  const agent = await scene.agent();
  await agent.hello();
  await agent.add('a', info, netns());
  await scene.stop();
  expect(scene.told).toEqual(['start a']);
  await expect(agent.packets.take()).rejects.toThrow('closed');
});
