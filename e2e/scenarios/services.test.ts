// Services: load balancing by VIP, and CONNECT requests that name a service or a wrong pod.

import { parseIp } from '@ambient-mesh/model/address';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { hboneRequest } from '../lab/hbone-client.ts';
import type { Pod } from '../lab/pod.ts';
import { ports, service } from '../lab/resources.ts';
import { hello, helloAnswered, type TwoNodes, twoNodes } from './two-nodes.ts';

const servers = { 8080: { kind: 'double-echo' } } as const;
const both = service({ name: 'both', vip: ['10.99.0.3', 'fd99::3'].map((ip) => parseIp(ip) ?? expect.fail(ip)) });
const named = service({ name: 'named', vip: parseIp('10.99.0.4') ?? expect.fail(), ports: ports({ 80: 0 }) });

let mesh: TwoNodes;
let pods: Record<'client' | 'one' | 'two' | 'outside', Pod>;

beforeAll(async () => {
  mesh = await twoNodes();
  await mesh.lab.controlPlane.put(both, named);
  const services = new Map([[`default/${both.hostname}`, ports({ 80: 8080 })]]);
  const [client, one, two, outside] = await Promise.all([
    mesh.a.pod({ name: 'client', captured: true }),
    mesh.b.pod({
      name: 'one',
      captured: true,
      servers,
      workload: { services: new Map([...services, [`default/${named.hostname}`, ports({ 80: 8080 })]]) },
    }),
    mesh.b.pod({ name: 'two', captured: true, servers, workload: { services } }),
    mesh.a.pod({ name: 'outside' }),
  ]);
  pods = { client, one, two, outside };
});
afterAll(() => mesh?.[Symbol.asyncDispose]());

/** Connections so far, by destination workload. */
async function opened(reporter: 'source' | 'destination'): Promise<Record<'one' | 'two', number>> {
  const metrics = await (reporter === 'source' ? mesh.tunnelA : mesh.tunnelB).metrics();
  const labels = { reporter, source_workload: 'client', destination_service: both.hostname, destination_service_name: 'both' };
  const of = (destination_workload: string): number =>
    metrics.sum('istio_tcp_connections_opened_total', { ...labels, destination_workload });
  return { one: of('one'), two: of('two') };
}

test('one request reaches one backend, fifty more reach both; both sides name the service', async () => {
  expect(await pods.client.call('10.99.0.3:80', hello)).toMatchObject(helloAnswered);
  const first = await opened('source');
  expect(first.one + first.two).toBe(1);
  for (let n = 0; n < 50; n++) expect(await pods.client.call('10.99.0.3:80', hello)).toMatchObject(helloAnswered);
  const after = await opened('source');
  expect(after.one + after.two).toBe(51);
  expect(Math.min(after.one, after.two)).toBeGreaterThan(0);
  await eventually(async () => ((await opened('destination')).one === after.one ? true : undefined), {
    what: 'the same counts at the destination',
  });
  expect(await opened('destination')).toEqual(after);
});

test('the IPv6 address of the service works too', async () => {
  expect(await pods.client.call('[fd99::3]:80', hello)).toMatchObject(helloAnswered);
});

test('a named port reaches only endpoints that map it', async () => {
  expect(await pods.client.call('10.99.0.4:80', hello)).toMatchObject(helloAnswered);
  await mesh.tunnelA.access('dst.workload="one"', `dst.service="${named.hostname}"`);
});

test('a port that the service lacks is refused, not passed through', async () => {
  expect((await pods.client.call('10.99.0.3:81', hello)).outcome).toMatch(/closed|reset/);
  await mesh.tunnelA.access('10.99.0.3:81', 'error=', 'no healthy upstream');
});

test('a service without endpoints is refused', async () => {
  const empty = service({ name: 'empty', vip: parseIp('10.99.0.5') ?? expect.fail() });
  await mesh.lab.controlPlane.put(empty);
  expect((await pods.client.call('10.99.0.5:80', hello)).outcome).toMatch(/closed|reset/);
});

describe('CONNECT requests to a pod', () => {
  const rows: readonly (readonly [name: string, authority: () => string, status: number])[] = [
    ['its own address', () => `${pods.one.ip}:8080`, 200],
    ['the hostname of a service with a numeric target port', () => `${both.hostname}:80`, 200],
    ['the hostname of a service with a named target port', () => `${named.hostname}:80`, 200],
    ["another pod's address", () => `${pods.two.ip}:8080`, 400],
    ['an address of nobody', () => '203.0.113.9:80', 400],
    ['an unknown hostname', () => 'nobody.default.svc.cluster.local:80', 503],
    ['a port that the service lacks', () => `${both.hostname}:81`, 503],
    ['a port of the tunnel itself', () => `${pods.one.ip}:15001`, 503],
    ['no port', () => pods.one.ip, 400],
    ['a port where nobody listens', () => `${pods.one.ip}:9`, 503],
  ];
  const request = (authority: string, method?: string) => {
    const { authority: ca } = mesh.lab.controlPlane;
    const credentials = ca.credentials(ca.id('default', 'client'));
    return hboneRequest({
      netns: pods.outside.netns,
      to: pods.one.ip,
      authority,
      credentials,
      rootsPem: ca.rootsPem,
      ...(method && { method }),
    });
  };
  for (const [name, authority, status] of rows) {
    test(`${name}: ${status}`, async () => {
      await using answer = await request(authority());
      expect(answer.status).toBe(status);
      if (status === 200) expect(await answer.exchange('hello world', 22)).toBe(helloAnswered.text);
    });
  }

  test('the refusal of a wrong address is logged with both addresses', async () => {
    mesh.tunnelB.child.forget();
    await using _answer = await request(`${pods.two.ip}:8080`);
    await mesh.tunnelB.access('connection failed', `ip mismatch: ${pods.one.ip} != ${pods.two.ip}`);
  });

  test('any other method: 400', async () => {
    await using answer = await request(`${pods.one.ip}:8080`, 'GET');
    expect(answer.status).toBe(400);
  });
});
