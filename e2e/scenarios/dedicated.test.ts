// Dedicated mode: a ztunnel inside the pod that it serves, with no agent and the pod's own certificate.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Lab } from '../lab/lab.ts';
import type { Pod } from '../lab/pod.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';
import { hello, helloAnswered, identityOf, trafficDuring } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' } } as const;
const once = { opened: 1, closed: 1, failed: 0, received: 11, sent: 22 };

let lab: Lab;
let pods: Record<'client' | 'server' | 'plain' | 'plainClient', Pod>;
let tunnels: Record<'client' | 'server', Ztunnel>;

beforeAll(async () => {
  lab = await Lab.start();
  const [a, b] = [await lab.node('a'), await lab.node('b')];
  const [client, server, plain, plainClient] = await Promise.all([
    a.pod({ name: 'client', captured: true, enrolled: false }),
    b.pod({ name: 'server', captured: true, enrolled: false, servers }),
    b.pod({ name: 'plain', servers }),
    a.pod({ name: 'plain-client' }),
  ]);
  pods = { client, server, plain, plainClient };
  const [clientTunnel, serverTunnel] = await Promise.all([a.dedicatedZtunnel(client), b.dedicatedZtunnel(server)]);
  tunnels = { client: clientTunnel, server: serverTunnel };
});
afterAll(() => lab?.[Symbol.asyncDispose]());

test('two dedicated ztunnels talk mutual TLS, each as its pod', async () => {
  const labels = {
    connection_security_policy: 'mutual_tls',
    source_principal: identityOf('client'),
    destination_principal: identityOf('server'),
  };
  const call = async (): Promise<void> => expect(await pods.client.call(`${pods.server.ip}:8080`, hello)).toMatchObject(helloAnswered);
  const [source, destination] = await Promise.all([
    trafficDuring(tunnels.client, { ...labels, reporter: 'source' }, call),
    trafficDuring(tunnels.server, { ...labels, reporter: 'destination' }, async () => {}),
  ]);
  expect([source, destination]).toEqual([once, once]);
  await tunnels.client.access('direction="outbound"', `dst.hbone_addr=${pods.server.ip}:8080`, `src.identity="${identityOf('client')}"`);
});

test('a dedicated client reaches a server outside the mesh in clear', async () => {
  const call = async (): Promise<void> => expect(await pods.client.call(`${pods.plain.ip}:8080`, hello)).toMatchObject(helloAnswered);
  expect(
    await trafficDuring(tunnels.client, { reporter: 'source', destination_workload: 'plain', connection_security_policy: 'unknown' }, call),
  ).toEqual(once);
});

test('a client outside the mesh reaches a dedicated server in clear', async () => {
  const call = async (): Promise<void> => expect(await pods.plainClient.call(`${pods.server.ip}:8080`, hello)).toMatchObject(helloAnswered);
  expect(await trafficDuring(tunnels.server, { reporter: 'destination', source_workload: 'plain-client' }, call)).toEqual(once);
});
