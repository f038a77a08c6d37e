// Ends and beginnings: graceful and forced shutdown, removal of a pod, and what happens to open connections meanwhile.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { Lab } from '../lab/lab.ts';
import type { Node } from '../lab/node.ts';
import type { Pod } from '../lab/pod.ts';
import { hello, helloAnswered } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' } } as const;

let lab: Lab;
let a: Node;
let b: Node;
let pods: Record<'client' | 'server', Pod>;
const to = (): string => `${pods.server.ip}:8080`;

beforeAll(async () => {
  lab = await Lab.start();
  [a, b] = [await lab.node('a'), await lab.node('b')];
  const [client, server] = await Promise.all([
    a.pod({ name: 'client', captured: true }),
    b.pod({ name: 'server', captured: true, servers }),
  ]);
  pods = { client, server };
  await b.ztunnel();
});
afterAll(() => lab?.[Symbol.asyncDispose]());

const shutdownRows: readonly (readonly [name: string, stop: 'SIGTERM' | 'quit'])[] = [
  ['on SIGTERM', 'SIGTERM'],
  ['on POST /quitquitquit', 'quit'],
];
for (const [name, how] of shutdownRows) {
  test(`${name} an open connection keeps working, new ones fail, and the process ends within 1 s of its close`, async () => {
    const tunnel = await a.ztunnel({ env: { CONNECTION_TERMINATION_DEADLINE: '20s' } });
    const opened = await pods.client.app.ask('open', { to: to() });
    expect(await pods.client.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
    if (how === 'SIGTERM') tunnel.child.signal('SIGTERM');
    else expect(await tunnel.http({ port: 15000, path: '/quitquitquit', method: 'POST' })).toMatchObject({ status: 200 });
    const refused = async (): Promise<true | undefined> =>
      (await pods.client.call(to(), hello)).outcome === 'not-connected' ? true : undefined;
    await eventually(refused, { what: 'a closed listener' });
    expect(await pods.client.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
    expect(tunnel.child.exitCode).toBeUndefined();
    await pods.client.app.ask('close', opened);
    expect(await tunnel.child.exited(2_000)).toBe(0);
  });
}

test('at the deadline the process ends although a connection is open, and says so', async () => {
  const tunnel = await a.ztunnel({ env: { CONNECTION_TERMINATION_DEADLINE: '1s' } });
  const opened = await pods.client.app.ask('open', { to: to() });
  expect(await pods.client.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
  const before = performance.now();
  expect(await tunnel.stop()).toBe(0);
  expect(performance.now() - before).toBeGreaterThan(900);
  expect(await pods.client.app.ask('ended', { ...opened, timeoutMs: 1_000 })).toMatch(/closed|reset/);
  expect(tunnel.child.output).toMatch(/\taccess\t.*drain/);
});

test('with nothing open the process ends at once', async () => {
  const tunnel = await a.ztunnel();
  const before = performance.now();
  expect(await tunnel.stop()).toBe(0);
  expect(performance.now() - before).toBeLessThan(1_500);
});

describe('with a ztunnel on both nodes', () => {
  beforeAll(() => a.ztunnel());

  test('removing the server from its ztunnel cuts open connections and fails new ones; enrolling it again repairs', async () => {
    const opened = await pods.client.app.ask('open', { to: to() });
    expect(await pods.client.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
    await b.agent.remove(pods.server);
    expect(await pods.client.app.ask('ended', { ...opened, timeoutMs: 3_000 })).toMatch(/closed|reset/);
    expect((await pods.client.call(to(), hello)).outcome).toMatch(/closed|reset/);
    await b.agent.enrol(pods.server);
    expect(await pods.client.call(to(), hello)).toMatchObject(helloAnswered);
  });

  test('removing the client closes its listeners', async () => {
    await a.agent.remove(pods.client);
    expect(await pods.client.call(to(), hello)).toMatchObject({ outcome: 'not-connected', code: 'ECONNREFUSED' });
    await a.agent.enrol(pods.client);
    expect(await pods.client.call(to(), hello)).toMatchObject(helloAnswered);
  });

  test('a workload that the control plane removes is no longer reached through the mesh', async () => {
    await lab.controlPlane.remove(pods.server.workload());
    const outcome = async (): Promise<true | undefined> =>
      (await pods.client.call(to(), { ...hello, timeoutMs: 1_000 })).outcome === 'answered' ? undefined : true;
    await eventually(outcome, { timeoutMs: 8_000, what: 'a failing request' });
    await lab.controlPlane.put(pods.server.workload());
    expect(await pods.client.call(to(), hello)).toMatchObject(helloAnswered);
  });

  test('a control plane that comes back after a cut goes on where it was', async () => {
    lab.controlPlane.disconnect();
    expect(await pods.client.call(to(), hello)).toMatchObject(helloAnswered);
    await eventually(() => (lab.controlPlane.xds.clients === 2 ? true : undefined), { what: 'both ztunnels connected again' });
    const late = await b.pod({ name: 'late', captured: true, servers });
    expect(await pods.client.call(`${late.ip}:8080`, hello)).toMatchObject(helloAnswered);
    const again = lab.controlPlane.xds.requests.filter((request) => Object.keys(request.initialResourceVersions).length > 0);
    expect(again.length).toBeGreaterThanOrEqual(2);
  });
});

test('a pod whose tunnel port is taken is refused with a reason, keeps the node unready, and comes up once the port is free', async () => {
  const c = await lab.node('c');
  const tunnel = await c.ztunnel();
  const pod = await c.pod({ name: 'crowded', captured: true, enrolled: false, servers: { 15008: { kind: 'sink' }, ...servers } });
  await expect(c.agent.enrol(pod)).rejects.toThrow(/refused uid-default-crowded: .*15008/);
  const ready = await tunnel.http({ port: 15021, path: '/healthz/ready' });
  expect({ status: ready.status, body: ready.body.toString() }).toEqual({
    status: 500,
    body: expect.stringContaining('workload proxy manager'),
  });
  expect((await tunnel.metrics()).sum('workload_manager_pending_proxy_count')).toBe(1);
  await pod.app.ask('stopServing', { port: 15008 });
  await tunnel.ready();
  expect((await tunnel.metrics()).sum('workload_manager_active_proxy_count')).toBe(1);
  expect((await tunnel.configDump()).workloadState[pod.uid]).toMatchObject({ state: 'Up' });
});
