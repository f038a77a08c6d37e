// The DNS proxy of captured pods: names of the mesh answered at once, all others as the upstream server says.
import { parseIp } from '@ambient-mesh/model/address';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DnsOrder } from '../lab/apps/protocol.ts';
import { Lab } from '../lab/lab.ts';
import type { Pod } from '../lab/pod.ts';
import { ports, service } from '../lab/resources.ts';
import type { Ztunnel } from '../lab/ztunnel.ts';
import { hello, helloAnswered } from './two-nodes.ts';

const ip = (text: string) => parseIp(text) ?? expect.fail(text);
const server = '10.96.0.10:53';

let lab: Lab;
let tunnel: Ztunnel;
let pods: Record<'client' | 'echo', Pod>;

beforeAll(async () => {
  lab = await Lab.start();
  const [a, b] = [await lab.node('a'), await lab.node('b')];
  const upstream = await b.pod({ name: 'upstream' });
  const echo = await b.pod({ name: 'echo', servers: { 8080: { kind: 'double-echo' } } });
  await upstream.serve(53, { kind: 'dns', records: { 'example.org': ['192.0.2.7'], 'echo.example.org': [echo.ip] } });
  tunnel = await a.ztunnel({ nameserver: upstream.ip });
  const client = await a.pod({ name: 'client', captured: true });
  pods = { client, echo };
  await lab.controlPlane.put(
    service({ name: 'api', vip: [ip('10.99.0.7'), ip('fd99::7')] }),
    service({ name: 'hidden', namespace: 'other', vip: ip('10.99.0.8'), visibility: 'Namespace' }),
    service({ name: 'wild', hostname: '*.example.com', vip: ip('10.99.0.9') }),
  );
});
afterAll(() => lab?.[Symbol.asyncDispose]());

for (const over of ['udp', 'tcp'] as const) {
  describe(`over ${over}`, () => {
    const rows: readonly (readonly [name: string, order: Pick<DnsOrder, 'name' | 'type'>, want: unknown])[] = [
      [
        'the full name of a service',
        { name: 'api.default.svc.cluster.local', type: 'A' },
        { code: 0, authoritative: true, addresses: ['10.99.0.7'] },
      ],
      [
        'the same, IPv6',
        { name: 'api.default.svc.cluster.local', type: 'AAAA' },
        { code: 0, authoritative: true, addresses: [expect.stringMatching(/^fd99:.*0007$/)] },
      ],
      ['the short name, in the namespace of the client', { name: 'api', type: 'A' }, { code: 0, addresses: ['10.99.0.7'] }],
      [
        'a name with a search domain',
        { name: 'api.default.svc.cluster.local.svc.cluster.local', type: 'A' },
        { code: 0, addresses: ['10.99.0.7'] },
      ],
      ['a wildcard', { name: 'anything.example.com', type: 'A' }, { code: 0, addresses: ['10.99.0.9'] }],
      ['a family that the service lacks', { name: 'anything.example.com', type: 'AAAA' }, { code: 0, authoritative: true, addresses: [] }],
      [
        'a service that the client may not see',
        { name: 'hidden.other.svc.cluster.local', type: 'A' },
        { code: 3, authoritative: false, addresses: [] },
      ],
      [
        'a name outside the mesh, as upstream answers',
        { name: 'example.org', type: 'A' },
        { code: 0, authoritative: false, addresses: ['192.0.2.7'] },
      ],
      ['a name that does not exist upstream', { name: 'nowhere.example.org', type: 'A' }, { code: 3, addresses: [] }],
      ['a type that is not answered here', { name: 'example.org', type: 'TXT' }, { code: 0, addresses: [] }],
    ];
    for (const [name, order, want] of rows) {
      test(name, async () => {
        expect(await pods.client.app.ask('dns', { server, over, ...order })).toMatchObject(want as object);
      });
    }
  });
}

test('one query is counted once, with the client and the protocol', async () => {
  const labels = { request_query_type: 'a', request_protocol: 'udp', source_canonical_service: 'client' };
  const before = await tunnel.metrics();
  await pods.client.app.ask('dns', { server, over: 'udp', name: 'api', type: 'A' });
  await pods.client.app.ask('dns', { server, over: 'udp', name: 'example.org', type: 'A' });
  const after = await tunnel.metrics();
  expect(after.sum('istio_dns_requests_total', labels) - before.sum('istio_dns_requests_total', labels)).toBe(2);
  expect(after.sum('istio_dns_upstream_requests_total', labels) - before.sum('istio_dns_upstream_requests_total', labels)).toBe(1);
});

test('a workload known by hostname only is resolved when it is dialled, and that is counted', async () => {
  const external = service({ name: 'external', vip: ip('10.99.0.11'), ports: ports({ 80: 8080 }) });
  const workload = pods.echo.workload({
    uid: 'external-1',
    name: 'external-1',
    addresses: [],
    hostname: 'echo.example.org',
    services: new Map([[`default/${external.hostname}`, ports({ 80: 8080 })]]),
  });
  await lab.controlPlane.put(external, workload);
  for (let n = 0; n < 2; n++) expect(await pods.client.call('10.99.0.11:80', hello)).toMatchObject(helloAnswered);
  expect((await tunnel.metrics()).sum('istio_on_demand_dns_total', { hostname: 'echo.example.org' })).toBe(2);
});
