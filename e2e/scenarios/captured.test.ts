// Captured pods in shared mode: on one node and across two, in and out of the mesh, both address families.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Pod } from '../lab/pod.ts';
import { watchWire } from '../lab/wire-watch.ts';
import { hello, helloAnswered, identityOf, type TwoNodes, trafficDuring, twoNodes } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' }, 8081: { kind: 'peer' } } as const;
const once = { opened: 1, closed: 1, failed: 0, received: 11, sent: 22 };

let mesh: TwoNodes;
let pods: Record<'client' | 'near' | 'far' | 'plain' | 'plainClient', Pod>;

beforeAll(async () => {
  mesh = await twoNodes();
  const [client, near, far, plain, plainClient] = await Promise.all([
    mesh.a.pod({ name: 'client', captured: true }),
    mesh.a.pod({ name: 'near', captured: true, servers }),
    mesh.b.pod({ name: 'far', captured: true, servers }),
    mesh.b.pod({ name: 'plain', servers }),
    mesh.a.pod({ name: 'plain-client' }),
  ]);
  pods = { client, near, far, plain, plainClient };
});
afterAll(() => mesh?.[Symbol.asyncDispose]());

describe('across nodes', () => {
  test('both sides count one connection of 11 and 22 bytes under both identities', async () => {
    const labels = { source_workload: 'client', destination_workload: 'far', connection_security_policy: 'mutual_tls' };
    const call = async (): Promise<void> => expect(await pods.client.call(`${pods.far.ip}:8080`, hello)).toMatchObject(helloAnswered);
    const [source, destination] = await Promise.all([
      trafficDuring(mesh.tunnelA, { ...labels, reporter: 'source', source_principal: identityOf('client') }, call),
      trafficDuring(mesh.tunnelB, { ...labels, reporter: 'destination', destination_principal: identityOf('far') }, async () => {}),
    ]);
    expect(source).toEqual(once);
    expect(destination).toEqual(once);
  });

  test('both access logs name both identities, the tunnel address and the bytes', async () => {
    await pods.client.call(`${pods.far.ip}:8080`, hello);
    const both = [
      `src.workload="client"`,
      `src.identity="${identityOf('client')}"`,
      `dst.workload="far"`,
      `dst.identity="${identityOf('far')}"`,
    ];
    const source = await mesh.tunnelA.access(...both, `direction="outbound"`, `dst.hbone_addr=${pods.far.ip}:8080`);
    expect(source).toContain(`dst.addr=${pods.far.ip}:15008`);
    expect(source).toMatch(/bytes_sent=11 bytes_recv=22 duration="\d+ms"/);
    const destination = await mesh.tunnelB.access(...both, `direction="inbound"`, `dst.hbone_addr=${pods.far.ip}:8080`);
    expect(destination).toMatch(/bytes_sent=22 bytes_recv=11 duration="\d+ms"/);
  });

  for (const family of ['v4', 'v6'] as const) {
    test(`nothing but 15008 is on the wire, and the server sees the client's own ${family} address`, async () => {
      using wire = watchWire(mesh.lab.underlay);
      const address = pods.far.addresses[family];
      const report = await pods.client.call(`${family === 'v6' ? `[${address}]` : address}:8081`, {
        send: 'hi',
        until: pods.client.addresses[family].length + 3,
      });
      expect(report.text).toContain(`${pods.client.addresses[family]} `);
      expect(wire.crossed()).toMatchObject({ other: 0, hbone: expect.toSatisfy((n: number) => n > 0) });
    });
  }
});

describe('on one node', () => {
  test('both reporters count the connection; the security policy says that it stayed in memory', async () => {
    const labels = { source_workload: 'client', destination_workload: 'near', connection_security_policy: 'local' };
    const call = async (): Promise<void> => expect(await pods.client.call(`${pods.near.ip}:8080`, hello)).toMatchObject(helloAnswered);
    const [source, destination] = await Promise.all([
      trafficDuring(mesh.tunnelA, { ...labels, reporter: 'source' }, call),
      trafficDuring(mesh.tunnelA, { ...labels, reporter: 'destination' }, async () => {}),
    ]);
    expect([source, destination]).toEqual([once, once]);
  });

  test('both access lines are written with both identities', async () => {
    mesh.tunnelA.child.forget();
    await pods.client.call(`${pods.near.ip}:8080`, hello);
    for (const direction of ['outbound', 'inbound']) {
      await mesh.tunnelA.access(
        `direction="${direction}"`,
        `src.identity="${identityOf('client')}"`,
        `dst.identity="${identityOf('near')}"`,
      );
    }
  });

  for (const family of ['v4', 'v6'] as const) {
    test(`the server sees the client's own ${family} address`, async () => {
      const address = pods.near.addresses[family];
      const report = await pods.client.call(`${family === 'v6' ? `[${address}]` : address}:8081`, { send: 'hi', until: 5 });
      expect(report.text).toContain(`${pods.client.addresses[family]} `);
    });
  }
});

test('the counters follow an open connection: opened at once, bytes as they move, closed at its end', async () => {
  const labels = { reporter: 'source', source_workload: 'client', destination_workload: 'far' };
  const counted = async (name: string): Promise<number> => (await mesh.tunnelA.metrics()).sum(`istio_tcp_${name}_total`, labels);
  const names = ['connections_opened', 'connections_closed', 'received_bytes', 'sent_bytes'] as const;
  const before = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await counted(name)] as const)));
  const grown = async (name: (typeof names)[number]): Promise<number> => (await counted(name)) - (before[name] ?? 0);
  const opened = await pods.client.app.ask('open', { to: `${pods.far.ip}:8080` });
  expect(await pods.client.app.ask('exchange', { ...opened, ...hello })).toMatchObject(helloAnswered);
  await eventually(async () => ((await grown('received_bytes')) === 11 ? true : undefined), { what: '11 bytes received' });
  expect([await grown('connections_opened'), await grown('connections_closed'), await grown('sent_bytes')]).toEqual([1, 0, 22]);
  expect((await mesh.tunnelA.metrics()).sum('istio_tcp_sockets_open', { reporter: 'source' })).toBeGreaterThanOrEqual(1);
  await pods.client.app.ask('close', opened);
  await eventually(async () => ((await grown('connections_closed')) === 1 ? true : undefined), {
    what: 'the connection counted as closed',
  });
});

describe('out of the mesh', () => {
  test('a server outside is reached in clear; the log names no identities', async () => {
    const labels = { reporter: 'source', source_workload: 'client', destination_workload: 'plain', connection_security_policy: 'unknown' };
    const call = async (): Promise<void> => expect(await pods.client.call(`${pods.plain.ip}:8080`, hello)).toMatchObject(helloAnswered);
    expect(await trafficDuring(mesh.tunnelA, labels, call)).toEqual(once);
    const line = await mesh.tunnelA.access(`dst.addr=${pods.plain.ip}:8080`, 'direction="outbound"');
    expect(line).not.toMatch(/identity/);
    expect(line).not.toMatch(/hbone_addr/);
  });

  test('a client outside reaches a captured server in clear, under its own address', async () => {
    const labels = {
      reporter: 'destination',
      source_workload: 'plain-client',
      destination_workload: 'far',
      connection_security_policy: 'unknown',
    };
    const call = async (): Promise<void> => expect(await pods.plainClient.call(`${pods.far.ip}:8080`, hello)).toMatchObject(helloAnswered);
    expect(await trafficDuring(mesh.tunnelB, labels, call)).toEqual(once);
    expect((await pods.plainClient.call(`${pods.far.ip}:8081`, { until: 5 })).text).toContain(pods.plainClient.ip);
  });

  test('an address that the mesh does not know is passed through', async () => {
    const stranger = await mesh.b.pod({ name: 'stranger', workload: false, servers });
    expect(await pods.client.call(`${stranger.ip}:8080`, hello)).toMatchObject(helloAnswered);
    expect(await mesh.tunnelA.access(`dst.addr=${stranger.ip}:8080`)).not.toMatch(/dst\.workload/);
  });

  test('a port where nobody listens fails the connection on both sides of the tunnel', async () => {
    const traffic = await trafficDuring(mesh.tunnelB, { reporter: 'destination', destination_workload: 'far' }, async () => {
      expect((await pods.client.call(`${pods.far.ip}:9`, { send: 'x' })).outcome).toMatch(/closed|reset/);
    });
    expect(traffic).toMatchObject({ opened: 1, closed: 1, failed: 1 });
    for (const [tunnel, direction] of [
      [mesh.tunnelA, 'outbound'],
      [mesh.tunnelB, 'inbound'],
    ] as const) {
      expect(await tunnel.access(`direction="${direction}"`, `dst.hbone_addr=${pods.far.ip}:9`)).toMatch(/error=/);
    }
    const labels = { reporter: 'destination', destination_workload: 'far', response_flags: 'CONNECT' };
    expect((await mesh.tunnelB.metrics()).sum('istio_tcp_connections_failed_total', labels)).toBe(1);
  });
});

test('without the fast path, pods on one node talk through the tunnel too', async () => {
  const own = await mesh.lab.node('no-fast-path');
  const tunnel = await own.ztunnel({ env: { SAME_NODE_FAST_PATH: 'false' } });
  const [client, server] = await Promise.all([
    own.pod({ name: 'slow-client', captured: true }),
    own.pod({ name: 'slow-server', captured: true, servers }),
  ]);
  const labels = { source_workload: 'slow-client', destination_workload: 'slow-server', connection_security_policy: 'mutual_tls' };
  const call = async (): Promise<void> => expect(await client.call(`${server.ip}:8080`, hello)).toMatchObject(helloAnswered);
  const [source, destination] = await Promise.all([
    trafficDuring(tunnel, { ...labels, reporter: 'source' }, call),
    trafficDuring(tunnel, { ...labels, reporter: 'destination' }, async () => {}),
  ]);
  expect([source, destination]).toEqual([once, once]);
  expect((await client.call(`${server.ip}:8081`, { until: 5 })).text).toContain(client.ip);
});
