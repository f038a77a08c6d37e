// Two candidates and one lease on a server with optimistic concurrency. Time is moved by the test.
import { type FakeClock, fakeClock } from '@ambient-mesh/runtime/testing';
import { type Clock, ms } from '@ambient-mesh/runtime/time';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KubeClient } from './client.ts';
import { LeaderElection } from './lease.ts';
import { ApiServer } from './testing/api-server.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/mesh/leases';

let api: ApiServer;
let clock: FakeClock;
let clients: KubeClient[];

beforeEach(async () => {
  api = await ApiServer.start();
  clock = fakeClock();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

interface Candidate {
  readonly election: LeaderElection;
  /** Whether its `lead` runs and has not been told to stop. */
  leads: boolean;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  /** Its connection to the server. */
  readonly client: KubeClient;
}

function candidate(identity: string, own: Clock = clock, lead?: (signal: AbortSignal) => Promise<void>): Candidate {
  const client = new KubeClient(api.access, { clock: own });
  clients.push(client);
  const election = new LeaderElection({ client, namespace: 'mesh', name: 'leader', identity, clock: own });
  const stop = new AbortController();
  const self: Candidate = {
    election,
    leads: false,
    stop,
    client,
    done: election.run(
      lead ??
        ((signal) =>
          new Promise((resolve) => {
            self.leads = true;
            signal.addEventListener('abort', () => {
              self.leads = false;
              resolve();
            });
          })),
      stop.signal,
    ),
  };
  return self;
}

const specOf = (): Record<string, unknown> => Object.fromEntries(Object.entries(api.objects.get(path, 'leader')?.spec ?? {}));
const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 4_000, interval: 2 });

/** Lets time pass in small steps, with what is asked of the server answered in between; holds all the while to there being one leader. */
async function pass(duration: number, all: readonly Candidate[]): Promise<void> {
  for (let passed = 0; passed < duration; passed += 500) {
    await clock.advance(ms(500));
    const asked = api.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 3));
    if (api.requests.length > asked) await new Promise((resolve) => setTimeout(resolve, 3));
    expect(all.filter(({ leads }) => leads).length).toBeLessThanOrEqual(1);
    expect(all.filter(({ election }) => election.isLeader).length).toBeLessThanOrEqual(1);
  }
}

test('whoever comes first leads and renews; the other waits', async () => {
  const a = candidate('a');
  await until(() => a.leads);
  const b = candidate('b');
  await pass(60_000, [a, b]);
  expect([a.leads, b.leads]).toEqual([true, false]);
  expect(a.election.isLeader).toBe(true);
  expect(specOf()).toMatchObject({
    holderIdentity: 'a',
    leaseDurationSeconds: 15,
    leaseTransitions: 0,
    acquireTime: '2026-01-01T00:00:00.000000Z',
  });
  expect(specOf().renewTime).not.toBe(specOf().acquireTime);
});

test('of two that come at once, one leads', async () => {
  const all = [candidate('a'), candidate('b')];
  await pass(20_000, all);
  expect(all.filter(({ leads }) => leads)).toHaveLength(1);
});

test('a leader that stops releases the lease, and the other leads at its next look', async () => {
  const a = candidate('a');
  await until(() => a.leads);
  const b = candidate('b');
  await pass(4_000, [a, b]);
  a.stop.abort();
  await a.done;
  expect(a.election.isLeader).toBe(false);
  expect(specOf()).toMatchObject({ holderIdentity: '' });
  await pass(3_000, [a, b]);
  expect(b.leads).toBe(true);
  expect(specOf()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});

test('a leader that dies is followed when its lease has run out, not before', async () => {
  api.objects.put(path, 'leader', { spec: { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' } });
  const b = candidate('b');
  await pass(14_000, [b]);
  expect(b.leads).toBe(false);
  await pass(4_000, [b]);
  expect(b.leads).toBe(true);
});

test('a leader that is cut off stands down before the other leads', async () => {
  const a = candidate('a');
  await until(() => a.leads);
  const b = candidate('b');
  await pass(4_000, [a, b]);
  await a.client[Symbol.asyncDispose]();
  await pass(9_000, [a, b]);
  expect(b.leads).toBe(false);
  await pass(2_000, [a, b]);
  expect(a.leads).toBe(false);
  await pass(8_000, [a, b]);
  expect(b.leads).toBe(true);
});

test('when the server is gone for longer than the deadline, the leader stands down; afterwards one leads again', async () => {
  const a = candidate('a');
  await until(() => a.leads);
  const b = candidate('b');
  await pass(4_000, [a, b]);
  api.intercept = (_, response) => response.destroy() !== undefined;
  await pass(12_000, [a, b]);
  expect([a.leads, b.leads]).toEqual([false, false]);
  api.intercept = () => false;
  await pass(20_000, [a, b]);
  expect([a, b].filter(({ leads }) => leads)).toHaveLength(1);
});

test('a server that hangs for a while costs an attempt, not the leadership', async () => {
  const a = candidate('a');
  await until(() => a.leads);
  api.intercept = () => true;
  await pass(5_000, [a]);
  api.intercept = () => false;
  await pass(20_000, [a]);
  expect(a.leads).toBe(true);
});

for (const [name, step] of [
  ['forward', 86_400_000],
  ['backward', -86_400_000],
] as const) {
  test(`a clock that jumps ${name} by a day changes nothing`, async () => {
    let jump = 0;
    const stepped: Clock = {
      ...clock,
      monotonic: clock.monotonic,
      sleep: clock.sleep,
      after: clock.after,
      now: () => ms(clock.now() + jump),
    };
    const a = candidate('a', stepped);
    await until(() => a.leads);
    const b = candidate('b');
    await pass(4_000, [a, b]);
    jump = step;
    await pass(20_000, [a, b]);
    expect([a.leads, b.leads]).toEqual([true, false]);
  });
}

test('a lease that somebody takes away is given up at the next look', async () => {
  const a = candidate('a');
  await until(() => a.leads);
  api.objects.put(path, 'leader', { spec: { holderIdentity: 'thief', leaseDurationSeconds: 15 } });
  await pass(5_000, [a]);
  expect(a.leads).toBe(false);
});

test('a lease that is deleted is made again', async () => {
  const a = candidate('a');
  await until(() => a.leads);
  api.objects.remove(path, 'leader');
  await pass(6_000, [a]);
  expect(a.leads).toBe(true);
  expect(specOf()).toMatchObject({ holderIdentity: 'a' });
});

test('work that ends by itself gives the lease to whoever is next; work that fails ends the election', async () => {
  const a = candidate('a', clock, async () => {});
  await until(() => specOf().holderIdentity === '');
  a.stop.abort();
  await a.done;
  const b = candidate('b', clock, () => Promise.reject(new Error('bug')));
  await expect(b.done).rejects.toThrow('bug');
  expect(specOf()).toMatchObject({ holderIdentity: '' });
});
