// The ZDS server over real packet sockets, with ztunnels driven by hand: who is told what, in which order, and what one that misbehaves costs.
// Any file may stand for a network namespace here. Random courses of events, and the real other end, are in server.random.test.ts.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { isFault } from '@ambient-mesh/runtime/errors';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HandZtunnel } from '../testing/ztunnel.ts';
import { type ZdsPod, ZdsServer } from './server.ts';

const stacks: AsyncDisposableStack[] = [];
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.disposeAsync();
});

const info = (name: string) => ({ name, namespace: 'n', serviceAccount: 's' });

class Scene {
  readonly #parts = new AsyncDisposableStack();
  readonly clock = fakeClock();
  readonly folder = mkdtempSync(join(tmpdir(), 'zds-'));
  readonly path = join(this.folder, 'run', 'ztunnel.sock');
  /** What the agent knows. */
  readonly pods = new Map<string, ZdsPod>();
  readonly said: string[] = [];
  readonly server: ZdsServer;
  #entered = 0;

  constructor({ accepting = true } = {}) {
    stacks.push(this.#parts);
    this.#parts.defer(() => rmSync(this.folder, { recursive: true, force: true }));
    this.server = ZdsServer.listen(this.path, {
      uids: () => this.pods.keys(),
      pod: (uid) => this.pods.get(uid),
      clock: this.clock,
      report: {
        connected: (n) => void this.said.push(`connected ${n}`),
        disconnected: (n, why) => void this.said.push(`disconnected ${n}: ${why}`),
        refusedInSnapshot: (uid, said) => void this.said.push(`refused ${uid}: ${said}`),
      },
    });
    this.#parts.use(this.server);
    if (accepting) this.server.accept();
  }

  /** The agent knows it from now on; nobody is told. */
  know(uid: string, file = 'net'): ZdsPod & { readonly netns: Netns } {
    const netns = this.#parts.use(Netns.open(`/proc/self/ns/${file}`));
    const pod = { uid, info: info(uid), netns };
    this.pods.set(uid, pod);
    return pod;
  }

  add(uid: string, file?: string): Promise<void> {
    return this.server.add(this.know(uid, file));
  }

  del(uid: string): Promise<void> {
    this.pods.delete(uid);
    return this.server.del(uid);
  }

  /** One that is connected; not greeting. Lets the server accept it although others came just before. */
  async dial(): Promise<HandZtunnel> {
    const ztunnel = this.#parts.use(new HandZtunnel(this.path));
    if (this.#entered++ > 0) await this.clock.advance(ms(200));
    return ztunnel;
  }

  async greeting(): Promise<HandZtunnel> {
    const ztunnel = this.#parts.use(await HandZtunnel.greeting(this.path));
    if (this.#entered++ > 0) await this.clock.advance(ms(200));
    return ztunnel;
  }

  /** One that has its snapshot. */
  async join(): Promise<HandZtunnel> {
    const ztunnel = await this.greeting();
    const before = this.saying('connected').length;
    await ztunnel.snapshot();
    await vi.waitFor(() => expect(this.saying('connected').length).toBe(before + 1));
    return ztunnel;
  }

  /** All reports that begin so. */
  saying(begin: string): readonly string[] {
    return this.said.filter((line) => line.startsWith(begin));
  }

  async goes(ztunnel: HandZtunnel): Promise<void> {
    const before = this.saying('disconnected').length;
    ztunnel[Symbol.dispose]();
    await vi.waitFor(() => expect(this.saying('disconnected').length).toBe(before + 1));
  }
}

const faultOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (e: { fault?: { code: string } }) => e.fault?.code ?? e,
  );

describe('the snapshot', () => {
  test('has every pod: served where its namespace is known, kept where not; and then its end', async () => {
    const scene = new Scene();
    const { netns } = scene.know('a');
    scene.pods.set('b', { uid: 'b', info: info('b'), netns: undefined });
    const ztunnel = await scene.greeting();
    expect(await ztunnel.snapshot()).toEqual(['add a', 'keep b', 'snapshot-sent']);
    expect(ztunnel.pods).toEqual(
      new Map([
        ['a', netns.id],
        ['b', 'kept'],
      ]),
    );
    await vi.waitFor(() => expect(scene.said).toEqual(['connected 1']));
  });

  test('goes on when the ztunnel refuses a pod of it', async () => {
    const scene = new Scene();
    scene.know('a');
    scene.know('b');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.take('port in use')).toBe('add a');
    expect(await ztunnel.snapshot()).toEqual(['add b', 'snapshot-sent']);
    await vi.waitFor(() => expect(scene.said).toEqual(['refused a: the ztunnel says: port in use', 'connected 1']));
  });

  test('is not sent before the server accepts; ztunnels wait', async () => {
    const scene = new Scene({ accepting: false });
    const ztunnel = await scene.greeting();
    scene.know('late');
    scene.server.accept();
    expect(await ztunnel.snapshot()).toEqual(['add late', 'snapshot-sent']);
  });

  test('keeps a pod whose namespace was let go meanwhile', async () => {
    const scene = new Scene();
    scene.know('a');
    scene.know('b').netns[Symbol.dispose]();
    expect(await (await scene.greeting()).snapshot()).toEqual(['add a', 'keep b', 'snapshot-sent']);
  });

  test('never hands over what a descriptor number has come to mean since', async () => {
    const scene = new Scene();
    const { netns } = scene.know('a', 'net');
    netns[Symbol.dispose]();
    using stranger = Netns.open('/proc/self/ns/mnt');
    expect(stranger.fd, 'the kernel gives the lowest free number').toBe(netns.fd);
    expect(await (await scene.greeting()).snapshot()).toEqual(['keep a', 'snapshot-sent']);
    expect(await faultOf(scene.server.add({ uid: 'a', info: info('a'), netns }))).toBe('zds.netns-gone');
  });

  test('a pod added meanwhile is told in between, and once', async () => {
    const scene = new Scene();
    scene.know('a');
    scene.know('c');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.next()).toBe('add a');
    const added = [scene.add('b'), scene.add('c', 'mnt')];
    await ztunnel.ack();
    expect((await ztunnel.snapshot()).toSorted()).toEqual(['add b', 'add c', 'snapshot-sent']);
    await Promise.all(added);
    expect(ztunnel.pods.get('c')).toBe(scene.pods.get('c')?.netns?.id);
  });

  const orders: readonly (readonly [when: string, del: (scene: Scene) => Promise<void>])[] = [
    ['and forgotten first', (scene) => scene.del('b')],
    ['and forgotten later', (scene) => scene.server.del('b').finally(() => scene.pods.delete('b'))],
  ];
  test.each(orders)('a pod removed before its turn %s is not announced after its removal', async (_when, del) => {
    const scene = new Scene();
    scene.know('a');
    scene.know('b');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.next()).toBe('add a');
    const deleted = del(scene);
    await ztunnel.ack();
    expect((await ztunnel.snapshot()).filter((heard) => heard !== 'snapshot-sent').at(-1)).toBe('del b');
    await deleted;
    expect([...ztunnel.pods.keys()]).toEqual(['a']);
  });

  test('a pod removed right after its turn is removed there too', async () => {
    const scene = new Scene();
    scene.know('a');
    const ztunnel = await scene.greeting();
    expect(await ztunnel.next()).toBe('add a');
    const deleted = scene.del('a');
    await ztunnel.ack();
    await ztunnel.snapshot();
    await Promise.all([deleted, ztunnel.heard.includes('del a') || ztunnel.take()]);
    expect([...ztunnel.pods.keys()]).toEqual([]);
  });

  test('a ztunnel that comes while a pod is being removed does not hear of it', async () => {
    const scene = new Scene();
    scene.know('a');
    const old = await scene.join();
    const deleted = scene.server.del('a');
    expect(await old.next()).toBe('del a');
    const newcomer = await scene.greeting();
    expect(await newcomer.snapshot()).toEqual(['snapshot-sent']);
    await old.ack();
    await deleted;
  });

  test('a pod that was removed and enrolled again is announced', async () => {
    const scene = new Scene();
    await scene.server.del('a');
    expect(await faultOf(scene.add('a'))).toBe('zds.no-ztunnel');
    expect(await (await scene.greeting()).snapshot()).toEqual(['add a', 'snapshot-sent']);
  });
});

describe('adding', () => {
  test('resolves when the ztunnel has acknowledged, and hands over the namespace', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    let isDone = false;
    const added = scene.add('a').then(() => {
      isDone = true;
    });
    expect(await ztunnel.next()).toBe('add a');
    expect(isDone).toBe(false);
    await ztunnel.ack();
    await added;
    expect(ztunnel.pods).toEqual(new Map([['a', scene.pods.get('a')?.netns?.id]]));
  });

  test('one request at a time: the next waits for the answer', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    const added = [scene.add('a'), scene.add('b')];
    expect(await ztunnel.next()).toBe('add a');
    const second = ztunnel.next();
    expect(await Promise.race([second, scene.clock.advance(ms(1)).then(() => 'nothing')])).toBe('nothing');
    await ztunnel.ack();
    expect(await second).toBe('add b');
    await ztunnel.ack();
    await Promise.all(added);
  });

  test('the namespace may be let go while the request waits for its turn', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    const first = scene.add('a');
    const pod = scene.know('b');
    const second = scene.server.add(pod);
    pod.netns[Symbol.dispose]();
    await ztunnel.take();
    await ztunnel.take();
    await Promise.all([first, second]);
    expect(ztunnel.pods.get('b')).toBe(pod.netns.id);
  });

  test('without a ztunnel, one that refuses and one that is too late are faults of their own', async () => {
    const scene = new Scene();
    expect(await faultOf(scene.add('a'))).toBe('zds.no-ztunnel');
    const ztunnel = await scene.join();
    const refused = faultOf(scene.add('b'));
    await ztunnel.take('port in use');
    expect(await refused).toBe('zds.refused');
    const late = faultOf(scene.add('c'));
    await ztunnel.next();
    await scene.clock.advance(ms(5_000));
    expect(await late).toBe('zds.timeout');
    expect(scene.server.connected).toBe(1);
  });
});

describe('several ztunnels', () => {
  test('additions go to the newest, removals to all', async () => {
    const scene = new Scene();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    expect(await recent.take()).toBe('add a');
    await added;
    const deleted = scene.del('a');
    expect(await Promise.all([old.take(), recent.take()])).toEqual(['del a', 'del a']);
    await deleted;
    expect(old.heard).toEqual(['snapshot-sent', 'del a']);
  });

  test('an addition goes to the newest although its snapshot is still on its way', async () => {
    const scene = new Scene();
    scene.know('a');
    const old = await scene.join();
    const recent = await scene.greeting();
    expect(await recent.next()).toBe('add a');
    const added = scene.add('b');
    await recent.ack();
    expect(await recent.take()).toBe('add b');
    await added;
    expect(await recent.take()).toBe('snapshot-sent');
    expect(old.heard).toEqual(['add a', 'snapshot-sent']);
  });

  test('one that has not said hello is not the newest yet', async () => {
    const scene = new Scene();
    const old = await scene.join();
    await scene.dial();
    const added = scene.add('a');
    expect(await old.take()).toBe('add a');
    await added;
  });

  test('when the newest goes, the one before it is the newest again and hears what it has missed', async () => {
    const scene = new Scene();
    const [old, recent] = [await scene.join(), await scene.join()];
    const first = scene.add('a');
    await recent.take();
    await first;
    scene.pods.set('unknown where', { uid: 'unknown where', info: info('x'), netns: undefined });
    await scene.goes(recent);
    expect(await old.take()).toBe('add a');
    const second = scene.add('b');
    expect(await old.take()).toBe('add b');
    await second;
    expect([...old.pods.keys()]).toEqual(['a', 'b']);
  });

  test('an addition that waits at the newest when it dies goes to the one before it', async () => {
    const scene = new Scene();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    expect(await recent.next()).toBe('add a');
    recent[Symbol.dispose]();
    void old.serve();
    await added;
    expect([...old.pods.keys()]).toEqual(['a']);
  });

  test('but not if the pod was removed meanwhile', async () => {
    const scene = new Scene();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    expect(await recent.next()).toBe('add a');
    const deleted = scene.del('a');
    expect(await old.take()).toBe('del a');
    recent[Symbol.dispose]();
    await Promise.all([added, deleted]);
    expect(old.heard).toEqual(['snapshot-sent', 'del a']);
  });

  test('they may go in any order', async () => {
    const scene = new Scene();
    const [first, second, third] = [await scene.join(), await scene.join(), await scene.join()];
    await scene.goes(second);
    await scene.goes(third);
    const added = scene.add('a');
    expect(await first.take()).toBe('add a');
    await added;
    await scene.goes(first);
    expect(scene.server.connected).toBe(0);
    expect(await faultOf(scene.add('b'))).toBe('zds.no-ztunnel');
  });
});

describe('removing', () => {
  test('resolves when all have answered, whatever they say', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    const deleted = scene.del('never seen');
    expect(await ztunnel.take('what?')).toBe('del never seen');
    await deleted;
    expect(scene.server.connected).toBe(1);
  });

  test('does not wait for one that is gone, nor for one that is being let in', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    await scene.dial();
    const deleted = scene.del('a');
    expect(await ztunnel.next()).toBe('del a');
    ztunnel[Symbol.dispose]();
    await deleted;
    await scene.del('b');
  });

  test('waits 5 s for one that is silent', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    const deleted = scene.del('a');
    await ztunnel.next();
    await scene.clock.advance(ms(5_000));
    await deleted;
  });
});

describe('a ztunnel is let go', () => {
  const hellos: readonly (readonly [mistake: string, bytes: Uint8Array, why: string])[] = [
    ['that speaks another version', Uint8Array.of(0x08, 2), 'it speaks version 2'],
    ['whose hello is garbage', Uint8Array.of(0xff, 0xff), 'its hello is unreadable'],
    ['whose hello says nothing', Uint8Array.of(0x1a, 0), 'it speaks version 0'],
    ['whose hello is too long', new Uint8Array(1_024), 'its hello is unreadable'],
  ];
  test.each(hellos)('%s', async (_mistake, bytes, why) => {
    const scene = new Scene();
    const ztunnel = await scene.dial();
    await ztunnel.send(bytes);
    expect(await ztunnel.next()).toBe('closed');
    expect(scene.said).toEqual([expect.stringContaining(why)]);
  });

  test('that says nothing for 5 s', async () => {
    const scene = new Scene();
    const ztunnel = await scene.dial();
    await vi.waitFor(() => expect(scene.clock.pending).toBe(2));
    await scene.clock.advance(ms(4_999));
    expect(scene.said).toEqual([]);
    await scene.clock.advance(ms(1));
    expect(await ztunnel.next()).toBe('closed');
    expect(scene.said).toEqual(['disconnected 0: the connection to the ztunnel is over: no hello within 5 s']);
  });

  test('that goes before its hello', async () => {
    const scene = new Scene();
    await scene.goes(await scene.dial());
    expect(scene.said).toEqual([expect.stringContaining('it closed the connection')]);
  });

  test('that goes in the middle of its snapshot', async () => {
    const scene = new Scene();
    scene.know('a');
    scene.know('b');
    const ztunnel = await scene.greeting();
    await ztunnel.next();
    await scene.goes(ztunnel);
    expect(scene.said).toEqual([expect.stringMatching(/^disconnected 0: .*closed the connection/)]);
  });

  test('that speaks out of turn', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    await ztunnel.ack();
    expect(await ztunnel.next()).toBe('closed');
    await vi.waitFor(() => expect(scene.saying('disconnected')).toEqual([expect.stringContaining('it spoke out of turn')]));
  });

  test('whose answer is unreadable; the request is made at the one before it', async () => {
    const scene = new Scene();
    const [old, recent] = [await scene.join(), await scene.join()];
    const added = scene.add('a');
    await recent.next();
    await recent.send(Uint8Array.of(0xff));
    expect(await recent.next()).toBe('closed');
    void old.serve();
    await added;
  });

  test('that owes three answers', async () => {
    const scene = new Scene();
    const ztunnel = await scene.join();
    for (const want of ['zds.timeout', 'zds.timeout']) {
      const late = faultOf(scene.add('a'));
      await ztunnel.next();
      await scene.clock.advance(ms(5_000));
      expect(await late).toBe(want);
    }
    const last = faultOf(scene.add('a'));
    await ztunnel.next();
    await scene.clock.advance(ms(5_000));
    expect(await last).toBe('zds.timeout');
    expect(await ztunnel.next()).toBe('closed');
    await vi.waitFor(() => expect(scene.saying('disconnected')).toEqual([expect.stringContaining('it owes 3 answers')]));
  });

  test('that is the ninth; the eight stay, and who comes after one of them left is let in', async () => {
    const scene = new Scene();
    const eight: HandZtunnel[] = [];
    for (let i = 0; i < 8; i++) eight.push(await scene.join());
    const ninth = await scene.greeting();
    expect(await ninth.next()).toBe('closed');
    expect(scene.server.connected).toBe(8);
    expect(scene.saying('disconnected')).toEqual([expect.stringContaining('8 are connected already')]);
    await scene.goes(eight[3] ?? expect.unreachable());
    await scene.join();
    expect(scene.server.connected).toBe(8);
  });
});

test('an answer that comes too late is not taken for the answer to the next request', async () => {
  const scene = new Scene();
  const ztunnel = await scene.join();
  const late = faultOf(scene.add('a'));
  await ztunnel.next();
  await scene.clock.advance(ms(5_000));
  expect(await late).toBe('zds.timeout');
  const refused = faultOf(scene.add('b'));
  await ztunnel.next();
  await ztunnel.ack();
  await ztunnel.ack('port in use');
  expect(await refused).toBe('zds.refused');
  const added = faultOf(scene.add('c'));
  await ztunnel.take();
  expect(await added).toBe('done');
});

test('five ztunnels a second are let in', async () => {
  const scene = new Scene();
  await (await scene.greeting()).snapshot();
  const second = await HandZtunnel.greeting(scene.path);
  using _second = second;
  const told = second.snapshot();
  await scene.clock.advance(ms(199));
  expect(second.heard).toEqual([]);
  await scene.clock.advance(ms(1));
  expect(await told).toEqual(['snapshot-sent']);
});

test('the socket replaces what an earlier agent left, and is gone with the server; so are timers, connections and descriptors', async () => {
  const before = readdirSync('/proc/self/fd').length;
  const folder = mkdtempSync(join(tmpdir(), 'zds-'));
  const path = join(folder, 'ztunnel.sock');
  const clock = fakeClock();
  const report = { connected: () => {}, disconnected: () => {}, refusedInSnapshot: () => {} };
  using netns = Netns.open('/proc/self/ns/net');
  const pod = { uid: 'a', info: info('a'), netns };
  const ports = { uids: () => ['a'], pod: () => pod, clock, report };
  const earlier = ZdsServer.listen(path, ports);
  const server = ZdsServer.listen(path, ports);
  await earlier[Symbol.asyncDispose]();
  expect(statSync(path).isSocket()).toBe(true);
  server.accept();
  const [told, silent, mute] = [await HandZtunnel.greeting(path), new HandZtunnel(path), new HandZtunnel(path)];
  expect(await told.next()).toBe('add a');
  const [adding, deleting] = [faultOf(server.add(pod)), server.del('b')];
  await clock.advance(ms(200));
  await server[Symbol.asyncDispose]();
  expect(await adding).toBe('zds.no-ztunnel');
  await deleting;
  for (const each of [told, silent, mute]) {
    expect(await each.next()).toBe('closed');
    each[Symbol.dispose]();
  }
  expect(clock.pending).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
  expect(readdirSync('/proc/self/fd').length).toBe(before + 1);
});

test('another kind of file in the place of the socket stays', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zds-'));
  const path = join(folder, 'ztunnel.sock');
  writeFileSync(path, '');
  const ports = { uids: () => [], pod: () => undefined, clock: fakeClock() };
  const report = { connected: () => {}, disconnected: () => {}, refusedInSnapshot: () => {} };
  try {
    ZdsServer.listen(path, { ...ports, report });
    expect.unreachable();
  } catch (e) {
    expect(isFault(e, 'host.bind')).toBe(true);
  }
  rmSync(folder, { recursive: true });
});
