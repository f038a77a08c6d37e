// Which tunnelled connections a pod takes, and at which port. Rows: test_find_inbound_upstream and test_build_inbound_request of the
// reference's catalogue, application tunnels, and the guess of the service meant.
import { describe, expect, test } from 'vitest';
import { formatSocket, parseAuthority } from './address.ts';
import type { MeshDelta } from './delta.ts';
import { admissible, type InboundRequest, type MeantService, meantService } from './inbound.ts';
import { ip, meshOf, service, type WorkloadSketch, workload } from './testing/index.ts';
import type { GatewayAddress } from './workload.ts';

const byIp = (address: string): GatewayAddress => ({ destination: { address: { network: '', ip: ip(address) } }, hboneMtlsPort: 15_008 });
const byName = (hostname: string): GatewayAddress => ({ destination: { hostname: { namespace: 'ns', hostname } }, hboneMtlsPort: 15_008 });

const waypointService = service({ hostname: 'waypoint.com', vips: ['10.9.0.9'], ports: { 15008: 15_008 } });
const behindWaypoint = { serves: { 'ns/waypoint.com': {} } };
const unit = service({ hostname: 'server.com', vips: ['10.9.0.1'] });

/** The pod at 10.0.0.9 is a waypoint unless the row says otherwise. */
function admit(
  authority: string,
  mesh: Partial<MeshDelta>,
  local: Partial<WorkloadSketch> = {},
  given: Partial<InboundRequest> = {},
): string {
  const own = workload({ name: 'local', ips: ['10.0.0.9'], ...local });
  const parsed = parseAuthority(authority);
  if (!parsed) throw new TypeError(authority);
  const answer = admissible(meshOf({ ...mesh, workloads: [own, ...(mesh.workloads ?? [])] }), {
    local: own,
    connDst: { ip: ip('10.0.0.9'), port: 15_008 },
    authority: parsed,
    network: '',
    illegalPorts: new Set([15_001, 15_006, 15_008]),
    ...given,
  });
  if ('reject' in answer) return `${answer.reject} ${answer.text}`;
  if ('need' in answer) return `need ${'key' in answer ? answer.key : answer.hostname}`;
  const { port, tunnel } = answer.deliver;
  return `${port}${tunnel ? ` for ${formatSocket(tunnel.target)}` : ''}`;
}

const proxied: Partial<WorkloadSketch> = { applicationTunnel: { protocol: 'PROXY', port: 15_088 } };
const pod = (waypoint?: GatewayAddress) => workload({ name: 'server', ips: ['10.0.0.2'], ...(waypoint && { waypoint }) });
const mismatch = (target: string) => `400 ip mismatch: 10.0.0.9 != ${target}`;

type Row = readonly [rule: string, authority: string, mesh: Partial<MeshDelta>, local: Partial<WorkloadSketch>, outcome: string];

describe('is it for this pod', () => {
  const rows: readonly Row[] = [
    ['its own address', '10.0.0.9:80', {}, {}, '80'],
    ['another pod’s address is rejected', '10.0.0.2:80', { workloads: [pod()] }, {}, mismatch('10.0.0.2')],
    ['an unknown address is rejected', '1.2.3.4:80', {}, {}, mismatch('1.2.3.4')],
    ['a workload that names this pod as waypoint, by address', '10.0.0.2:80', { workloads: [pod(byIp('10.0.0.9'))] }, {}, '80'],
    [
      'a workload that names this pod’s service as waypoint, by virtual address',
      '10.0.0.2:80',
      { services: [waypointService], workloads: [pod(byIp('10.9.0.9'))] },
      behindWaypoint,
      '80',
    ],
    [
      'a workload that names this pod’s service as waypoint, by name',
      '10.0.0.2:80',
      { services: [waypointService], workloads: [pod(byName('waypoint.com'))] },
      behindWaypoint,
      '80',
    ],
    [
      'a workload that names another waypoint is rejected',
      '10.0.0.2:80',
      { workloads: [pod(byIp('10.0.0.8')), workload({ name: 'other', ips: ['10.0.0.8'] })] },
      {},
      mismatch('10.0.0.2'),
    ],
    [
      'a service that names this pod as waypoint, by address',
      '10.9.0.1:80',
      { services: [{ ...unit, waypoint: byIp('10.0.0.9') }] },
      {},
      '80',
    ],
    [
      'a service that names this pod’s service as waypoint',
      '10.9.0.1:80',
      { services: [waypointService, { ...unit, waypoint: byIp('10.9.0.9') }] },
      behindWaypoint,
      '80',
    ],
    [
      'one of its weighted waypoints will do',
      '10.9.0.1:80',
      {
        services: [
          {
            ...unit,
            weightedWaypoints: [
              { destination: byIp('10.0.0.8'), weight: 1 },
              { destination: byIp('10.0.0.9'), weight: 1 },
            ],
          },
        ],
      },
      {},
      '80',
    ],
    ['a service without waypoint is rejected', '10.9.0.1:80', { services: [unit] }, {}, mismatch('10.9.0.1')],
    [
      'a workload whose service alone has the waypoint is rejected',
      '10.0.0.2:80',
      { services: [{ ...unit, waypoint: byIp('10.0.0.9') }], workloads: [pod()] },
      {},
      mismatch('10.0.0.2'),
    ],
    [
      'a service whose workloads alone have the waypoint is rejected',
      '10.9.0.1:80',
      { services: [unit], workloads: [pod(byIp('10.0.0.9'))] },
      {},
      mismatch('10.9.0.1'),
    ],
    [
      'a waypoint that is not ready still is the waypoint',
      '10.0.0.2:80',
      { services: [waypointService], workloads: [pod(byIp('10.9.0.9'))] },
      { ...behindWaypoint, health: 'Unhealthy' },
      '80',
    ],
    ['an app that tunnels for itself decides for itself', '1.2.3.4:80', {}, { applicationTunnel: { protocol: 'NONE' } }, '80'],
  ];
  for (const [rule, authority, mesh, local, outcome] of rows) test(rule, () => expect(admit(authority, mesh, local)).toBe(outcome));
});

describe('which port', () => {
  const own = { serves: { 'ns/server.com': { 80: 9090 } } };
  const rows: readonly Row[] = [
    ['the authority’s, for an address', '10.0.0.9:1234', {}, {}, '1234'],
    ['the service’s target port, for a name', 'server.com:80', { services: [unit] }, { serves: { 'ns/server.com': {} } }, '8080'],
    ['the pod’s own mapping before it', 'server.com:80', { services: [unit] }, own, '9090'],
    ['a name that nobody has is unavailable', 'server.com:80', {}, {}, '503 unknown hostname: server.com'],
    [
      'a name hidden from this namespace is nobody’s',
      'server.com:80',
      { services: [{ ...unit, namespace: 'other', visibility: 'Namespace' }] },
      {},
      '503 unknown hostname: server.com',
    ],
    [
      'a port that the service does not have is unavailable',
      'server.com:81',
      { services: [unit] },
      {},
      '503 server.com has no port 81 on this pod',
    ],
    [
      'a named port that the pod does not map is unavailable',
      'server.com:80',
      { services: [service({ hostname: 'server.com', ports: { 80: 0 } })] },
      {},
      '503 server.com has no port 80 on this pod',
    ],
    ['the tunnel’s own port would be a loop', '10.0.0.9:15008', {}, {}, '503 port 15008 belongs to the tunnel itself'],
    [
      'also when a service maps to it',
      'server.com:80',
      { services: [service({ hostname: 'server.com', ports: { 80: 15_006 } })] },
      {},
      '503 port 15006 belongs to the tunnel itself',
    ],
  ];
  for (const [rule, authority, mesh, local, outcome] of rows) test(rule, () => expect(admit(authority, mesh, local)).toBe(outcome));

  test('the service is known when the authority named it', () => {
    const local = workload({ name: 'local', ips: ['10.0.0.9'] });
    const request = {
      local,
      connDst: { ip: ip('10.0.0.9'), port: 15_008 },
      authority: { hostname: 'server.com', port: 80 },
      network: '',
      illegalPorts: new Set<number>(),
    };
    expect(admissible(meshOf({ services: [unit] }), request)).toEqual({ deliver: { port: 8080, service: unit } });
  });
});

describe('application tunnel', () => {
  const vips = (...texts: readonly string[]) => ({ services: [service({ hostname: 'server.com', vips: texts })] });
  const rows: readonly Row[] = [
    ['PROXY: its port, and a header that names the target', '10.0.0.2:80', {}, proxied, '15088 for 10.0.0.2:80'],
    [
      'PROXY without a port of its own keeps the port',
      '10.0.0.2:80',
      {},
      { applicationTunnel: { protocol: 'PROXY' } },
      '80 for 10.0.0.2:80',
    ],
    ['NONE: only the port', '10.0.0.2:80', {}, { applicationTunnel: { protocol: 'NONE', port: 15_088 } }, '15088'],
    ['a name: the virtual address, at the service’s port', 'server.com:80', vips('10.9.0.1'), proxied, '15088 for 10.9.0.1:80'],
    [
      'a name: IPv4 of the own network first',
      'server.com:80',
      vips('other/10.8.0.1', 'fd00::1', '10.9.0.1'),
      proxied,
      '15088 for 10.9.0.1:80',
    ],
    ['a name: then IPv6 of the own network', 'server.com:80', vips('other/10.8.0.1', 'fd00::1'), proxied, '15088 for [fd00::1]:80'],
    ['a name: then any', 'server.com:80', vips('other/10.8.0.1'), proxied, '15088 for 10.8.0.1:80'],
    [
      'a name without virtual address is unavailable',
      'server.com:80',
      vips(),
      proxied,
      '503 server.com:80 has no virtual address to name in a PROXY header',
    ],
    [
      'the loop check is made on the port before the tunnel’s',
      '10.0.0.2:15008',
      {},
      proxied,
      '503 port 15008 belongs to the tunnel itself',
    ],
  ];
  for (const [rule, authority, mesh, local, outcome] of rows) test(rule, () => expect(admit(authority, mesh, local)).toBe(outcome));
});

describe('on demand', () => {
  test('an unknown target is asked for once', () => {
    expect(admit('1.2.3.4:80', {}, {}, { asked: new Set() })).toBe('need /1.2.3.4');
    expect(admit('1.2.3.4:80', {}, {}, { asked: new Set(['/1.2.3.4']) })).toBe(mismatch('1.2.3.4'));
  });
  test('and so is its waypoint', () => {
    const mesh = { workloads: [pod(byName('waypoint.com'))] };
    expect(admit('10.0.0.2:80', mesh, {}, { asked: new Set() })).toBe('need ns/waypoint.com');
  });
});

describe('the service meant', () => {
  const a = service({ hostname: 'a.com', ports: { 80: 8080 } });
  const b = service({ hostname: 'b.com', ports: { 80: 9090 } });
  const c = service({ hostname: 'c.com', ports: { 80: 0 } });
  const local = workload({ name: 'local', ips: ['10.0.0.9'], serves: { 'ns/a.com': {}, 'ns/b.com': {}, 'ns/c.com': { 80: 7070 } } });
  const rows: readonly (readonly [rule: string, given: Omit<MeantService, 'local'>, hostname: string | undefined])[] = [
    ['is the one that the client named', { port: 8080, forwardedHost: 'b.com' }, 'b.com'],
    ['else the first behind whose ports this one stands', { port: 9090 }, 'b.com'],
    ['or the pod’s own mapping', { port: 7070 }, 'c.com'],
    ['a name that the pod does not serve is not believed', { port: 8080, forwardedHost: 'evil.com' }, 'a.com'],
    ['the one in the authority, if it fits', { port: 9090, service: b }, 'b.com'],
    ['nobody’s port is nobody’s', { port: 1 }, undefined],
  ];
  for (const [rule, given, hostname] of rows) {
    test(rule, () =>
      expect(meantService(meshOf({ services: [a, b, c], workloads: [local] }), { local, ...given })?.hostname).toBe(hostname),
    );
  }
});
