// The ztunnel's own ports: metrics over the mesh, readiness, admin; and workloads fetched on demand.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Exposition } from '../lab/exposition.ts';
import { Lab } from '../lab/lab.ts';
import type { Node } from '../lab/node.ts';
import type { Pod } from '../lab/pod.ts';
import { workload } from '../lab/resources.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';
import { hello, helloAnswered, identityOf } from './two-nodes.ts';

let lab: Lab;
let a: Node;
let b: Node;
let tunnel: Ztunnel;
let client: Pod;

beforeAll(async () => {
  lab = await Lab.start();
  [a, b] = [await lab.node('a'), await lab.node('b')];
  tunnel = await b.ztunnel({
    env: { POD_NAME: 'ztunnel-b', POD_NAMESPACE: 'istio-system', SERVICE_ACCOUNT: 'ztunnel', ISTIO_META_ISTIO_VERSION: '1.30.0' },
  });
  await a.ztunnel();
  client = await a.pod({ name: 'client', captured: true });
  const { v4, v6 } = tunnel.addresses;
  await lab.controlPlane.put(
    workload({ name: 'ztunnel-b', namespace: 'istio-system', serviceAccount: 'ztunnel', node: 'b', addresses: [v4, v6] }),
  );
});
afterAll(() => lab?.[Symbol.asyncDispose]());

test("a captured client scrapes the node proxy's metrics over the mesh", async () => {
  const report = await client.call(`${tunnel.addresses.v4}:15020`, {
    send: 'GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  });
  expect(report.text).toMatch(/^HTTP\/1\.1 200 /);
  expect(new Exposition(report.text).sum('istio_build', { component: 'ztunnel', tag: '1.30.0' })).toBe(1);
  const line = await tunnel.access('direction="inbound"', `dst.hbone_addr=${tunnel.addresses.v4}:15020`);
  expect(line).toContain(`src.identity="${identityOf('client')}"`);
  expect(line).toContain('dst.workload="ztunnel-b"');
});

test('every family but the stable ones says that it is unstable', async () => {
  const text = (await tunnel.http({ port: 15020, path: '/metrics' })).body.toString();
  expect(text.endsWith('# EOF\n')).toBe(true);
  const stable =
    /^(istio_build|istio_tcp_(connections_opened|connections_closed|received_bytes|sent_bytes)|process_\w+|tokio_\w+|nodejs_\w+)$/;
  const unexplained = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].filter(
    ([, name = '', help = '']) => !stable.test(name) && !help.includes('unstable'),
  );
  expect(unexplained.map(([line]) => line)).toEqual([]);
});

test('readiness answers GET only, and only there', async () => {
  const at = (path: string, method = 'GET') => tunnel.http({ port: 15021, path, method });
  expect((await at('/healthz/ready')).body.toString()).toMatch(/^ready/);
  expect((await at('/healthz/ready', 'POST')).status).toBe(405);
  expect((await at('/other')).status).toBe(404);
});

test('the dump lists workloads, services, certificates and the state of pods', async () => {
  const echo = await b.pod({ name: 'dumped', captured: true, servers: { 8080: { kind: 'double-echo' } } });
  expect(await client.call(`${echo.ip}:8080`, hello)).toMatchObject(helloAnswered);
  const dump = await tunnel.configDump();
  expect(dump.workloads.map(({ name }) => name)).toEqual(expect.arrayContaining(['client', 'dumped', 'ztunnel-b']));
  expect(dump.workloadState[echo.uid]).toMatchObject({
    state: 'Up',
    info: { name: 'dumped', namespace: 'default', serviceAccount: 'dumped' },
  });
  expect(JSON.stringify(dump)).not.toContain('PRIVATE KEY');
  expect(JSON.stringify(dump)).not.toContain('lab-token');
});

test('admin is reached from the own loopback only', async () => {
  await expect(
    client.call(`${tunnel.addresses.v4}:15000`, { send: 'GET /config_dump HTTP/1.1\r\nhost: x\r\n\r\n' }),
  ).resolves.toMatchObject({ text: '' });
});

test('on demand, a workload is fetched when it is first dialled', async () => {
  const c = await lab.node('c');
  const lazy = await c.ztunnel({ env: { XDS_ON_DEMAND: 'true', ISTIO_META_DNS_CAPTURE: 'false' } });
  const [from, to] = await Promise.all([
    c.pod({ name: 'lazy-client', captured: true }),
    b.pod({ name: 'lazy-server', captured: true, servers: { 8080: { kind: 'double-echo' } } }),
  ]);
  expect((await lazy.configDump()).workloads.map(({ name }) => name)).not.toContain('lazy-server');
  expect(await from.call(`${to.ip}:8080`, hello)).toMatchObject(helloAnswered);
  expect((await lazy.configDump()).workloads.map(({ name }) => name)).toContain('lazy-server');
  expect(await lazy.access('dst.workload="lazy-server"')).toContain(`dst.hbone_addr=${to.ip}:8080`);
});
