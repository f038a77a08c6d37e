// Where a captured connection goes when the mesh here is not enough: other networks, names to resolve, addresses to ask for.
// Rows: build_request_wrong_network, _double_hbone, _failover_to_remote and the on-demand rows of the reference's catalogue.
import { describe, expect, test } from 'vitest';
import type { Ip } from './address.ts';
import type { MeshDelta } from './delta.ts';
import type { HopRequest } from './next-hop.ts';
import { spiffeId } from './spiffe.ts';
import { behind, byIp, byName, example, hop, line, waypointService, waypointSketch } from './testing/hops.ts';
import { ip, service, type WorkloadSketch, workload } from './testing/index.ts';

describe('other networks', () => {
  const remote = (given: Partial<WorkloadSketch>) =>
    workload({ name: 'server', ips: ['10.0.0.2'], network: 'remote', ...behind, ...given });
  const gatewayPod = workload({ name: 'gateway', ips: ['10.22.1.1'], network: 'remote', serviceAccount: 'gateway' });
  const gatewayService = service({ hostname: 'gateway.example.com', ports: { 15009: 0 } });
  const behindService = workload({
    name: 'gateway',
    ips: ['127.0.0.5'],
    serviceAccount: 'gateway',
    serves: { 'ns/gateway.example.com': { 15009: 15_008 } },
  });
  const remoteWaypoint = workload({
    ...waypointSketch,
    network: 'remote',
    networkGateway: byIp('10.22.1.1', 15_009, 'remote'),
    serves: { 'ns/waypoint.example.com': {} },
  });
  const rows: readonly (readonly [rule: string, mesh: Partial<MeshDelta>, line: string])[] = [
    [
      'the gateway by address',
      { services: [example], workloads: [remote({ networkGateway: byIp('10.22.1.1', 15_009, 'remote') }), gatewayPod] },
      'double-hbone 10.22.1.1:15009 [example.com:80]',
    ],
    [
      'the gateway by name, its port mapped by its endpoint',
      {
        services: [example, gatewayService],
        workloads: [remote({ networkGateway: byName('gateway.example.com', 15_009) }), behindService],
      },
      'double-hbone 127.0.0.5:15008 [example.com:80]',
    ],
    [
      'a waypoint on the other network is reached through its gateway',
      { services: [{ ...example, waypoint: byName('waypoint.example.com') }, waypointService], workloads: [remoteWaypoint, gatewayPod] },
      'double-hbone 10.22.1.1:15009 [example.com:80]',
    ],
    [
      'an endpoint without address is reached all the same',
      { services: [example], workloads: [remote({ ips: [], networkGateway: byIp('10.22.1.1', 15_009, 'remote') }), gatewayPod] },
      'double-hbone 10.22.1.1:15009 [example.com:80]',
    ],
    ['no gateway named is refused', { services: [example], workloads: [remote({})] }, 'refuse no gateway for the remote network'],
    [
      'a gateway that is not known is refused',
      { services: [example], workloads: [remote({ networkGateway: byIp('10.22.1.1', 15_009, 'remote') })] },
      'refuse unknown gateway',
    ],
    [
      'a gateway service that does not offer the port is refused',
      {
        services: [example, gatewayService],
        workloads: [remote({ networkGateway: byName('gateway.example.com', 15_008) }), behindService],
      },
      'refuse unknown gateway',
    ],
  ];
  for (const [rule, mesh, expected] of rows) test(rule, () => expect(line(hop(mesh, '10.9.0.1'))).toBe(expected));

  test('the gateway is expected outside, inside only names of the service', () => {
    const answer = hop(
      { services: [example], workloads: [remote({ networkGateway: byIp('10.22.1.1', 15_009, 'remote') }), gatewayPod] },
      '10.9.0.1',
    );
    expect(answer).toMatchObject({
      expected: [gatewayPod.identity],
      innerExpected: [spiffeId('cluster.local', 'ns', 'extra')],
      workload: { name: 'gateway' },
    });
  });

  test('through a remote waypoint the names inside are those of the waypoint’s service', () => {
    const answer = hop(
      { services: [{ ...example, waypoint: byName('waypoint.example.com') }, waypointService], workloads: [remoteWaypoint, gatewayPod] },
      '10.9.0.1',
    );
    expect(answer).toMatchObject({ innerExpected: [spiffeId('cluster.local', 'ns', 'waypoint-extra')] });
  });

  test('a waypoint of a workload on another network has no service to name and is refused', () => {
    const server = workload({ name: 'server', ips: ['10.0.0.2'], waypoint: byName('waypoint.example.com') });
    expect(line(hop({ services: [waypointService], workloads: [server, remoteWaypoint, gatewayPod] }, '10.0.0.2'))).toBe(
      'refuse remote network needs a service',
    );
  });

  const failover = {
    ...example,
    loadBalancer: { mode: 'Failover', routingPreferences: ['Network'], healthPolicy: 'OnlyHealthy' },
  } as const;
  const abroad = remote({ name: 'abroad', networkGateway: byIp('10.22.1.1', 15_009, 'remote'), protocol: 'HBONE' });
  const local = (health: 'Healthy' | 'Unhealthy') => workload({ name: 'near', ips: ['10.0.0.3'], protocol: 'HBONE', health, ...behind });

  test('failover: a healthy endpoint of the own network is reached directly', () => {
    expect(line(hop({ services: [failover], workloads: [abroad, local('Healthy'), gatewayPod] }, '10.9.0.1'))).toBe(
      'hbone 10.0.0.3:15008 [10.0.0.3:8080]',
    );
  });

  test('failover: when none is left, the other network', () => {
    expect(line(hop({ services: [failover], workloads: [abroad, local('Unhealthy'), gatewayPod] }, '10.9.0.1'))).toBe(
      'double-hbone 10.22.1.1:15009 [example.com:80]',
    );
  });
});

describe('names', () => {
  const mesh = { services: [example], workloads: [workload({ name: 'vm', hostname: 'db.example.org', ...behind })] };
  const answers = (...ips: readonly string[]) => ({ resolved: new Map([['db.example.org', ips.map((text): Ip => ip(text))]]) });
  const rows: readonly (readonly [rule: string, given: Partial<HopRequest>, line: string])[] = [
    ['a workload without addresses is resolved first', {}, 'need dns db.example.org'],
    ['then dialled', answers('1.1.1.1'), 'tcp 1.1.1.1:8080'],
    ['at an address of the client’s family', answers('fd00::1', '1.1.1.1'), 'tcp 1.1.1.1:8080'],
    ['else of the other', answers('fd00::1'), 'tcp [fd00::1]:8080'],
    ['no answer is refused', answers(), 'refuse name not resolved'],
  ];
  for (const [rule, given, expected] of rows) test(rule, () => expect(line(hop(mesh, '10.9.0.1', given))).toBe(expected));
});

describe('on demand', () => {
  const server = workload({ name: 'server', ips: ['10.0.0.2'], waypoint: byName('waypoint.example.com') });
  const asked = (...keys: readonly string[]) => ({ asked: new Set(keys) });
  test('an unknown address is asked for once', () => {
    expect(line(hop({}, '1.2.3.4', asked()))).toBe('need address /1.2.3.4');
    expect(line(hop({}, '1.2.3.4', asked('/1.2.3.4')))).toBe('passthrough 1.2.3.4:80');
  });
  test('an unknown waypoint is asked for once', () => {
    expect(line(hop({ workloads: [server] }, '10.0.0.2', asked()))).toBe('need address ns/waypoint.example.com');
    expect(line(hop({ workloads: [server] }, '10.0.0.2', asked('ns/waypoint.example.com')))).toBe('refuse unknown waypoint');
  });
});
