// The one decision that a plan adds to the mesh's next hop: whether a pod of this very process gets the connection in memory.
// Beside plan.ts; every other row of the hop table is model/next-hop.test.ts.
// Whoever may not be asked throws when asked.
import type { MeshDelta } from '@ambient-mesh/model/delta';
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { ip, meshOf, service, type WorkloadSketch, workload } from '@ambient-mesh/model/testing';
import type { Workload } from '@ambient-mesh/model/workload';
import { expect, test } from 'vitest';
import { plan } from './plan.ts';

const client = workload({ name: 'client', ips: ['10.0.0.1'], protocol: 'HBONE' });
const server = (more: Partial<WorkloadSketch> = {}) => workload({ name: 'server', ips: ['10.0.0.2'], protocol: 'HBONE', ...more });
const example = service({ hostname: 'example.com', vips: ['10.9.0.1'] });
const behind = { serves: { 'ns/example.com': {} } };
const waypoint = workload({ name: 'waypoint', ips: ['10.0.0.9'], protocol: 'HBONE' });
const guarded = { waypoint: { destination: { address: { network: '', ip: ip('10.0.0.9') } }, hboneMtlsPort: 15_008 } };

const here = (workload: Workload) => ['server', 'waypoint', 'client'].includes(workload.name);
const elsewhere = () => false;
const mustNotAsk = (workload: Workload): never => {
  throw new Error(`asked about ${workload.name}`);
};

type Served = typeof here | undefined;
const rows: readonly (readonly [rule: string, mesh: Partial<MeshDelta>, to: string, served: Served, want: string])[] = [
  ['a pod served here is handed the connection', { workloads: [server()] }, '10.0.0.2', here, 'same-node 10.0.0.2:15008'],
  ['by its address in IPv6 too', { workloads: [server({ ips: ['fd00::2'] })] }, 'fd00::2', here, 'same-node fd00::2:15008'],
  ['by a service', { workloads: [server(behind)], services: [example] }, '10.9.0.1', here, 'same-node 10.0.0.2:15008'],
  ['and the client itself', { workloads: [client] }, '10.0.0.1', here, 'same-node 10.0.0.1:15008'],
  [
    'one of another trust domain goes by tunnel',
    { workloads: [server({ identity: spiffeId('other', 'ns', 'default') })] },
    '10.0.0.2',
    mustNotAsk,
    'hbone 10.0.0.2:15008',
  ],
  ['one that is not served here goes by tunnel', { workloads: [server()] }, '10.0.0.2', elsewhere, 'hbone 10.0.0.2:15008'],
  ['without the fast path all go by tunnel', { workloads: [server()] }, '10.0.0.2', undefined, 'hbone 10.0.0.2:15008'],
  ['a waypoint served here goes by tunnel', { workloads: [server(guarded), waypoint] }, '10.0.0.2', mustNotAsk, 'hbone 10.0.0.9:15008'],
  ['a pod in clear goes in clear', { workloads: [server({ protocol: 'TCP' })] }, '10.0.0.2', mustNotAsk, 'tcp 10.0.0.2:80'],
  ['the unknown passes through', {}, '1.2.3.4', mustNotAsk, 'passthrough 1.2.3.4:80'],
  ['a refusal stays one', { services: [example] }, '10.9.0.1', mustNotAsk, 'no healthy upstream'],
];
test.each(rows)('%s', (_, mesh, to, served, want) => {
  const request = { source: client, sourceIp: ip('10.0.0.1'), destination: { ip: ip(to), port: 80 }, network: '', random: () => 0 };
  const planned = plan(meshOf({ ...mesh, workloads: [client, ...(mesh.workloads ?? [])] }), request, served);
  const told = 'by' in planned ? `${planned.by} ${planned.to.ip}:${planned.to.port}` : 'refuse' in planned ? planned.refuse : planned.need;
  expect(told).toBe(want);
});

test('a hand-over keeps what the tunnel would have been asked for', () => {
  const request = { source: client, sourceIp: ip('10.0.0.1'), destination: { ip: ip('10.0.0.2'), port: 80 }, network: '', random: () => 0 };
  const mesh = meshOf({ workloads: [client, server()] });
  const { by: __, ...asTunnel } = { by: '', ...plan(mesh, request) };
  expect(plan(mesh, request, here)).toEqual({ ...asTunnel, by: 'same-node' });
});
