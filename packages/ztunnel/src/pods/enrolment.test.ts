// From the CNI agent's packets to the data plane's commands, over a real packet socket with real descriptors, and what metrics and readiness say meanwhile.
// Beside enrolment.ts. The protocol's own rules are tested in wire/zds; here, that both ends are joined rightly and no descriptor is lost.
// The data plane is a recorder that can be told to fail.
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeqPacketListener } from '@ambient-mesh/host/seqpacket';
import { Log } from '@ambient-mesh/runtime/log';
import { Metrics } from '@ambient-mesh/runtime/metrics';
import { Readiness } from '@ambient-mesh/runtime/readiness';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms } from '@ambient-mesh/runtime/time';
import { TestZdsAgent } from '@ambient-mesh/wire/testing';
import { afterEach, expect, test, vi } from 'vitest';
import type { DataPlane, DataPlaneCommand } from '../dataplane/data-plane.ts';
import { Enrolment } from './enrolment.ts';

const parts: Disposable[] = [];
afterEach(() => {
  for (const part of parts.splice(0).reverse()) part[Symbol.dispose]();
});
const defer = (f: () => void): void => void parts.push({ [Symbol.dispose]: f });

const info = { name: 'server', namespace: 'ns', serviceAccount: 'default' };

function given() {
  const folder = mkdtempSync(join(tmpdir(), 'enrolment-'));
  defer(() => rmSync(folder, { recursive: true, force: true }));
  const socketPath = join(folder, 'ztunnel.sock');
  const listener = SeqPacketListener.listen(socketPath);
  parts.push(listener);
  const stop = new AbortController();
  defer(() => stop.abort(new Error('the test is over')));

  const commands: DataPlaneCommand[] = [];
  const failing = { why: undefined as Error | undefined };
  const plane: DataPlane = {
    threads: [],
    send: async (command) => {
      commands.push(command);
      if (command.do === 'enrol' && failing.why !== undefined) throw failing.why;
    },
    metrics: async () => [],
    connections: async () => [],
    [Symbol.asyncDispose]: async () => {},
  };
  const [metrics, readiness, clock] = [new Metrics(), new Readiness(), fakeClock()];
  const lines: string[] = [];
  const log = new Log({ format: 'plain', directives: 'info', write: (line) => void lines.push(line), clock }).for('inpod');
  const enrolment = new Enrolment({ socketPath, plane, readiness, metrics, log, clock, random: () => 0.5 });
  enrolment.run(stop.signal).catch(() => {});
  return { agent: () => agentAt(listener, stop.signal), commands, failing, metrics, readiness, enrolment, lines, clock };
}

/** The next tunnel that connects, after its hello. */
async function agentAt(listener: SeqPacketListener, signal: AbortSignal): Promise<TestZdsAgent> {
  const socket = await listener.accept(signal);
  if (socket === undefined) return expect.unreachable();
  let sending = Promise.resolve();
  const agent = new TestZdsAgent({
    send: (bytes, fds) => {
      sending = sending.then(() => socket.send(bytes, signal, fds));
    },
    close: () => socket[Symbol.dispose](),
  });
  defer(() => socket[Symbol.dispose]());
  const receive = async (): Promise<void> => {
    for (let packet = await socket.receive(signal); packet !== undefined; packet = await socket.receive(signal)) agent.packet(packet.bytes);
  };
  receive().catch(() => agent.closed());
  expect(await agent.hello()).toBe(1);
  return agent;
}

/** Any descriptor will do: nothing here looks into it. */
function netnsFd(): number {
  const fd = openSync('/proc/self/ns/net', 'r');
  defer(() => closeSync(fd));
  return fd;
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const value = async (metrics: Metrics, name: string): Promise<string | undefined> =>
  (await metrics.text())
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.split(' ')[1];

test('a pod that is announced is enrolled, and its descriptor closed once the data plane has it', async () => {
  const { agent: connect, commands, metrics, enrolment } = given();
  const agent = await connect();
  const fd = netnsFd();
  const before = descriptors();
  expect(await agent.add('uid', info, fd)).toBe('');
  expect(commands).toEqual([{ do: 'enrol', pod: 'uid', info, netnsFd: expect.any(Number), role: 'pod' }]);
  expect([...enrolment.pods()]).toMatchObject([{ pod: { uid: 'uid', info }, state: 'up' }]);
  await vi.waitFor(() => expect(descriptors()).toBe(before));
  expect(await value(metrics, 'workload_manager_proxies_started_total')).toBe('1');
  expect(await value(metrics, 'workload_manager_active_proxy_count')).toBe('1');
});

test('ready with the snapshot, not before', async () => {
  const { agent: connect, readiness } = given();
  const agent = await connect();
  await agent.add('uid', info, netnsFd());
  expect(readiness.missing).toEqual(['workload proxy manager']);
  expect(await agent.snapshotSent()).toBe('');
  await vi.waitFor(() => expect(readiness.missing).toEqual([]));
});

test('a pod that goes is removed and counted', async () => {
  const { agent: connect, commands, metrics, enrolment } = given();
  const agent = await connect();
  await agent.add('uid', info, netnsFd());
  await agent.snapshotSent();
  expect(await agent.del('uid')).toBe('');
  expect(commands.at(-1)).toEqual({ do: 'remove', pod: 'uid' });
  await vi.waitFor(async () => expect(await value(metrics, 'workload_manager_proxies_stopped_total')).toBe('1'));
  expect([...enrolment.pods()]).toEqual([]);
});

test('one that cannot be served is told to the agent, removed from every thread, pending, and not ready; tried again, it comes', async () => {
  const { agent: connect, commands, failing, metrics, readiness, enrolment, clock } = given();
  const agent = await connect();
  failing.why = new Error('port 15008 is taken');
  expect(await agent.add('uid', info, netnsFd())).toContain('port 15008 is taken');
  expect(commands.map((command) => command.do)).toEqual(['enrol', 'remove']);
  expect([...enrolment.pods()]).toMatchObject([{ state: 'pending' }]);
  expect(await value(metrics, 'workload_manager_pending_proxy_count')).toBe('1');
  await agent.snapshotSent();
  expect(readiness.missing).toEqual(['workload proxy manager']);

  failing.why = undefined;
  await vi.waitFor(async () => {
    await clock.advance(ms(60_000));
    expect([...enrolment.pods()]).toMatchObject([{ state: 'up' }]);
  });
  await vi.waitFor(() => expect(readiness.missing).toEqual([]));
  expect(await value(metrics, 'workload_manager_proxies_started_total')).toBe('1');
});

test('while the agent is away pods stay, and what it keeps on its return is left alone', async () => {
  const { agent: connect, commands, enrolment, lines, clock } = given();
  const agent = await connect();
  await agent.add('uid', info, netnsFd());
  await agent.add('other', { ...info, name: 'other' }, netnsFd());
  await agent.snapshotSent();
  agent.close();
  await vi.waitFor(() => expect(lines.join('\n')).toContain('enrolled pods stay served'));
  expect([...enrolment.pods()]).toHaveLength(2);
  await clock.advance(ms(60_000));
  const again = await connect();
  expect(await again.keep('uid')).toBe('');
  expect(await again.snapshotSent()).toBe('');
  await vi.waitFor(() => expect(commands.at(-1)).toEqual({ do: 'remove', pod: 'other' }));
  expect([...enrolment.pods()]).toMatchObject([{ pod: { uid: 'uid' }, state: 'up' }]);
});
