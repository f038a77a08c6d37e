// Traffic through waypoints: stand-ins that speak HBONE themselves, and captured ones in the sandwich arrangement.
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parseIp } from '@ambient-mesh/model/address';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod } from '../lab/pod.ts';
import { gatewayByHostname, gatewayByIp, ports, service } from '../lab/resources.ts';
import { hello, helloAnswered, identityOf, type TwoNodes, trafficDuring, twoNodes } from './two-nodes.ts';

const echo = { 8080: { kind: 'double-echo' } } as const;
const vip = (text: string) => parseIp(text) ?? expect.fail(text);

let mesh: TwoNodes;
let pods: Record<'client' | 'server' | 'waypoint', Pod>;

/** A pod outside capture that answers HBONE itself, under its own identity. */
async function standIn(name: string): Promise<Pod> {
  const pod = await mesh.b.pod({ name, workload: { protocol: 'HBONE' } });
  const { authority } = mesh.lab.controlPlane;
  await pod.serve(15008, { kind: 'hbone', marker: name, ...authority.credentials(authority.id('default', name)) });
  return pod;
}

beforeAll(async () => {
  mesh = await twoNodes();
  const [client, server, waypoint] = await Promise.all([
    mesh.a.pod({ name: 'client', captured: true }),
    mesh.b.pod({ name: 'server', captured: true, servers: echo }),
    standIn('waypoint'),
  ]);
  pods = { client, server, waypoint };
});
afterAll(() => mesh?.[Symbol.asyncDispose]());

const throughWaypoint = { outcome: 'answered', text: 'waypoint\nhello world' };
const call = (to: string) => pods.client.call(to, { send: 'hello world', until: 20 });

test("a workload's waypoint gets the traffic, with the workload's own address as authority", async () => {
  await mesh.lab.controlPlane.put(pods.server.workload({ waypoint: gatewayByIp(pods.waypoint.ip) }));
  const labels = { reporter: 'source', source_workload: 'client', destination_workload: 'waypoint' };
  const traffic = await trafficDuring(mesh.tunnelA, labels, async () =>
    expect(await call(`${pods.server.ip}:8080`)).toMatchObject(throughWaypoint),
  );
  expect(traffic).toMatchObject({ opened: 1, received: 11, sent: 20 });
  const line = await mesh.tunnelA.access('dst.workload="waypoint"', `dst.hbone_addr=${pods.server.ip}:8080`);
  expect(line).toContain(`dst.addr=${pods.waypoint.ip}:15008`);
  expect(line).toContain(`dst.identity="${identityOf('waypoint')}"`);
});

test('the tunnel request carries baggage of the source, Forwarded and a trace', async () => {
  await pods.waypoint.app.ask('hboneRequests', {});
  await call(`${pods.server.ip}:8080`);
  const [request] = await pods.waypoint.app.ask('hboneRequests', {});
  expect(request).toMatchObject({
    ':method': 'CONNECT',
    ':authority': `${pods.server.ip}:8080`,
    baggage: 'k8s.cluster.name=Kubernetes,k8s.namespace.name=default,k8s.deployment.name=client,service.name=client,service.version=v1',
    forwarded: expect.stringMatching(new RegExp(`^for="${pods.client.ip}:\\d+"`)),
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/),
  });
  expect(request).not.toHaveProperty(':path');
});

test('compressed scrapes hold the same text as plain ones', async () => {
  const plain = (await mesh.tunnelA.http({ port: 15020, path: '/stats/prometheus' })).body.toString();
  const families = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('# TYPE'));
  for (const [encoding, unpack] of [
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
    ['zstd', zstdDecompressSync],
  ] as const) {
    const answer = await mesh.tunnelA.http({ port: 15020, path: '/metrics', headers: { 'accept-encoding': encoding } });
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(families(unpack(answer.body).toString())).toEqual(families(plain));
  }
});

test("a service's waypoint gets the traffic, with the VIP and service port as authority", async () => {
  await mesh.lab.controlPlane.put(service({ name: 'by-ip', vip: vip('10.99.0.1'), waypoint: gatewayByIp(pods.waypoint.ip) }));
  expect(await call('10.99.0.1:80')).toMatchObject(throughWaypoint);
  expect(await mesh.tunnelA.access('dst.hbone_addr=10.99.0.1:80')).toContain('dst.service="by-ip.default.svc.cluster.local"');
});

test('a waypoint named by the hostname of a service is chosen among its endpoints', async () => {
  const name = service({ name: 'waypoints', ports: ports({ 15008: 15008 }) });
  await mesh.lab.controlPlane.put(
    name,
    pods.waypoint.workload({ services: new Map([[`default/${name.hostname}`, ports({ 15008: 15008 })]]) }),
    pods.server.workload({ waypoint: gatewayByHostname(name.hostname) }),
  );
  expect(await call(`${pods.server.ip}:8080`)).toMatchObject(throughWaypoint);
});

test('a waypoint may be named by the hostname of a workload', async () => {
  await mesh.lab.controlPlane.put(
    pods.waypoint.workload({ hostname: 'waypoint.example.com' }),
    pods.server.workload({ waypoint: gatewayByHostname('waypoint.example.com') }),
  );
  expect(await call(`${pods.server.ip}:8080`)).toMatchObject(throughWaypoint);
});

test('an unknown waypoint refuses the connection instead of going around it', async () => {
  await mesh.lab.controlPlane.put(pods.server.workload({ waypoint: gatewayByIp(vip('10.0.2.250')) }));
  expect((await call(`${pods.server.ip}:8080`)).outcome).toMatch(/closed|reset/);
  expect(await mesh.tunnelA.access('waypoint', 'error=')).toContain(`${pods.server.ip}`);
});

test('a waypoint with another identity than the mesh knows is refused', async () => {
  const impostor = await mesh.b.pod({ name: 'impostor', workload: { protocol: 'HBONE' } });
  const { authority } = mesh.lab.controlPlane;
  await impostor.serve(15008, { kind: 'hbone', marker: 'impostor', ...authority.credentials(authority.id('default', 'somebody-else')) });
  await mesh.lab.controlPlane.put(pods.server.workload({ waypoint: gatewayByIp(impostor.ip) }));
  expect((await call(`${pods.server.ip}:8080`)).outcome).toMatch(/closed|reset/);
  const line = await mesh.tunnelA.access('dst.workload="impostor"', 'error=');
  expect(line).toContain(identityOf('impostor'));
});

test('sandwich without a header: the tunnel ends at the waypoint app, whose own connection to the server is not looped back', async () => {
  const waypoint = await mesh.b.pod({
    name: 'sandwich',
    captured: true,
    workload: { applicationTunnel: { protocol: 'NONE', port: 15088 } },
    servers: { 15088: { kind: 'forward', to: `${pods.server.ip}:8080` } },
  });
  await mesh.lab.controlPlane.put(pods.server.workload({ waypoint: gatewayByIp(waypoint.ip) }));
  expect(await pods.client.call(`${pods.server.ip}:8080`, hello)).toMatchObject(helloAnswered);
  await mesh.tunnelB.access('direction="outbound"', 'src.workload="sandwich"', 'dst.workload="server"');
});

test('sandwich with PROXY protocol: the header names client, real target and client identity', async () => {
  const name = service({ name: 'sandwich-proxy', vip: vip('10.99.0.9'), ports: ports({}) });
  const waypoint = await mesh.b.pod({
    name: 'sandwich-proxy',
    captured: true,
    workload: { applicationTunnel: { protocol: 'PROXY', port: 15088 }, services: new Map([[`default/${name.hostname}`, ports({})]]) },
    servers: { 15088: { kind: 'proxy-protocol' } },
  });
  await mesh.lab.controlPlane.put(name, pods.server.workload({ waypoint: gatewayByIp(vip('10.99.0.9')) }));
  expect(await pods.client.call(`${pods.server.ip}:8080`, hello)).toMatchObject(helloAnswered);
  const [header] = await waypoint.app.ask('proxyHeaders', {});
  expect(header).toEqual({
    source: expect.stringMatching(new RegExp(`^${RegExp.escape(pods.client.ip)}:\\d+$`)),
    destination: `${pods.server.ip}:8080`,
    identity: identityOf('client'),
  });
});
