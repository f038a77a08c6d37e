// The ZDS server over any course of events: pods that come, move and go while ztunnels do the same; and against the tunnel's own client.
// Beside server.test.ts, which has the rules one by one. What is compared is what each ztunnel was told in the end.
// As in the agent, what concerns one pod happens one after the other; all else happens at once.
import { closeSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Netns } from '@ambient-mesh/host/netns';
import { SeqPacket } from '@ambient-mesh/host/seqpacket';
import { type Clock, systemClock } from '@ambient-mesh/runtime/time';
import { type ConnectPackets, ZdsClient } from '@ambient-mesh/wire/zds/client';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { HandZtunnel } from '../testing/ztunnel.ts';
import { type ZdsPod, ZdsServer } from './server.ts';

/** Lets ztunnels in as fast as they come. */
const hurried: Clock = { ...systemClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

const files = ['net', 'mnt', 'uts'] as const;
type File = (typeof files)[number];

type Event =
  | { readonly on: 'add'; readonly uid: string; readonly file: File }
  | { readonly on: 'del'; readonly uid: string; readonly forget: 'before' | 'after' }
  | { readonly on: 'join' }
  | { readonly on: 'leave'; readonly which: number }
  /** Lets the others get somewhere first. */
  | { readonly on: 'turn'; readonly turns: number };

const uid = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ on: fc.constant('add' as const), uid, file: fc.constantFrom(...files) }) },
  {
    weight: 3,
    arbitrary: fc.record({ on: fc.constant('del' as const), uid, forget: fc.constantFrom('before' as const, 'after' as const) }),
  },
  { weight: 2, arbitrary: fc.record({ on: fc.constant('join' as const) }) },
  { weight: 2, arbitrary: fc.record({ on: fc.constant('leave' as const), which: fc.nat(7) }) },
  { weight: 3, arbitrary: fc.record({ on: fc.constant('turn' as const), turns: fc.integer({ min: 1, max: 6 }) }) },
);

class Agent implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'zds-'));
  readonly path = join(this.#folder, 'ztunnel.sock');
  readonly pods = new Map<string, ZdsPod>();
  readonly #chains = new Map<string, Promise<unknown>>();
  server: ZdsServer = this.#listen();

  #listen(): ZdsServer {
    return ZdsServer.listen(this.path, {
      uids: () => this.pods.keys(),
      pod: (uid) => this.pods.get(uid),
      clock: hurried,
      report: { connected: () => {}, disconnected: () => {}, refusedInSnapshot: () => {} },
    });
  }

  async restart(): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.server = this.#listen();
    this.server.accept();
  }

  /** The namespace known before is let go at once, although requests that name it may still be waiting. */
  know(uid: string, file: File): ZdsPod & { readonly netns: Netns } {
    const netns = Netns.open(`/proc/self/ns/${file}`);
    this.pods.get(uid)?.netns?.[Symbol.dispose]();
    const pod = { uid, info: { name: uid, namespace: 'n', serviceAccount: 's' }, netns };
    this.pods.set(uid, pod);
    return pod;
  }

  forget(uid: string): void {
    this.pods.get(uid)?.netns?.[Symbol.dispose]();
    this.pods.delete(uid);
  }

  add(uid: string, file: File): Promise<void> {
    return this.#inTurn(uid, () => this.server.add(this.know(uid, file)));
  }

  del(uid: string, forget: 'before' | 'after'): Promise<void> {
    return this.#inTurn(uid, async () => {
      if (forget === 'before') this.forget(uid);
      await this.server.del(uid);
      this.forget(uid);
    });
  }

  #inTurn(uid: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#chains.get(uid) ?? Promise.resolve()).then(work);
    this.#chains.set(
      uid,
      done.catch(() => {}),
    );
    return done;
  }

  /** What a ztunnel should know. */
  get truth(): ReadonlyMap<string, string | undefined> {
    return new Map([...this.pods].map(([uid, { netns }]) => [uid, netns?.id]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    for (const uid of [...this.pods.keys()]) this.forget(uid);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function play(events: readonly Event[]): Promise<void> {
  await using agent = new Agent();
  agent.server.accept();
  const live: HandZtunnel[] = [];
  const serving: Promise<void>[] = [];
  const work: Promise<void>[] = [];
  const expected = (e: { fault?: { code: string } }): void => expect(e.fault?.code).toBe('zds.no-ztunnel');
  for (const event of events) {
    if (event.on === 'add') work.push(agent.add(event.uid, event.file).catch(expected));
    else if (event.on === 'del') work.push(agent.del(event.uid, event.forget));
    else if (event.on === 'turn') for (let i = 0; i < event.turns; i++) await new Promise((resolve) => setImmediate(resolve));
    else if (event.on === 'leave') live.splice(event.which, 1)[0]?.[Symbol.dispose]();
    else if (live.length < 4) {
      const ztunnel = await HandZtunnel.greeting(agent.path);
      live.push(ztunnel);
      serving.push(ztunnel.serve());
    }
  }
  await Promise.all(work);
  const patience = { timeout: 4_000, interval: 2 };
  await vi.waitFor(() => {
    expect(agent.server.connected).toBe(live.length);
    for (const { heard } of live) expect(heard).toContain('snapshot-sent');
  }, patience);
  for (let newest = live.at(-1); newest !== undefined; newest = live.at(-1)) {
    const { pods } = newest;
    await vi.waitFor(() => expect(pods).toEqual(agent.truth), patience);
    for (const older of live) expect([...older.pods.keys()].filter((uid) => !agent.pods.has(uid))).toEqual([]);
    live.pop()?.[Symbol.dispose]();
    await vi.waitFor(() => expect(agent.server.connected).toBe(live.length), patience);
  }
  await Promise.all(serving);
}

test('whatever happens, in the end the newest ztunnel knows exactly the pods that there are, and no other knows one that is gone', async () => {
  const before = readdirSync('/proc/self/fd').length;
  await fc.assert(fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 60 }), play), {
    numRuns: 40,
    interruptAfterTimeLimit: 30_000,
  });
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 1);
}, 60_000);

/** The agent's socket as ztunnel gives it to the client. */
const packets =
  (path: string): ConnectPackets =>
  async (handlers, signal) => {
    const socket = SeqPacket.connect(path);
    const close = (why?: unknown): void => {
      socket[Symbol.dispose]();
      handlers.closed(why);
    };
    void (async () => {
      for (let packet = await socket.receive(signal); packet !== undefined; packet = await socket.receive(signal)) {
        handlers.packet(packet.bytes, packet.fd === undefined ? [] : [packet.fd]);
      }
    })().then(() => close(), close);
    return { send: (bytes) => void socket.send(bytes, signal).catch(close), close: () => close() };
  };

test('the client of ztunnel serves what it is told, keeps it while the agent is away, and drops what is gone when the agent is back', async () => {
  await using agent = new Agent();
  const stop = new AbortController();
  const [running, ready] = [new Set<string>(), { is: false }];
  const client = new ZdsClient({
    connect: packets(agent.path),
    start: async ({ uid }, fd) => {
      closeSync(fd);
      running.add(uid);
    },
    stop: async (uid) => void running.delete(uid),
    closeFd: closeSync,
    ready: (is) => {
      ready.is = is;
    },
    clock: hurried,
    random: () => 0.5,
    report: { connected: () => {}, disconnected: () => {}, startFailed: () => {} },
  });
  const over = client.run(stop.signal);
  agent.know('a', 'net');
  agent.server.accept();
  await vi.waitFor(() => expect(ready.is).toBe(true));
  expect([...running]).toEqual(['a']);
  await agent.add('b', 'net');
  await agent.add('c', 'net');
  await agent.del('a', 'before');
  expect([...running]).toEqual(['b', 'c']);

  agent.forget('b');
  agent.pods.set('c', { uid: 'c', info: { name: 'c', namespace: 'n', serviceAccount: 's' }, netns: undefined });
  await agent.restart();
  await vi.waitFor(() => expect([...running]).toEqual(['c']));
  stop.abort(new Error('the test is over'));
  await over;
});
