// Where a captured connection goes on one network. Rows: build_request_* and the address rows of the reference's catalogue of outbound tests;
// those about other networks, names and on-demand are in next-hop-far.test.ts.
import { describe, expect, test } from 'vitest';
import type { MeshDelta } from './delta.ts';
import { spiffeId } from './spiffe.ts';
import { behind, byIp, byName, example, hop, line, waypoint, waypointService, waypointSketch } from './testing/hops.ts';
import { ip, service, type WorkloadSketch, workload } from './testing/index.ts';
import type { GatewayAddress } from './workload.ts';

describe('addresses of workloads', () => {
  const server = (given: Partial<WorkloadSketch> = {}) => workload({ name: 'server', ips: ['10.0.0.2'], node: 'n2', ...given });
  const rows: readonly (readonly [rule: string, mesh: Partial<MeshDelta>, to: string, line: string])[] = [
    ['an unknown address is passed through', {}, '1.2.3.4', 'passthrough 1.2.3.4:80'],
    ['a workload on another node in clear text', { workloads: [server()] }, '10.0.0.2', 'tcp 10.0.0.2:80'],
    [
      'a workload on another node by HBONE',
      { workloads: [server({ protocol: 'HBONE' })] },
      '10.0.0.2',
      'hbone 10.0.0.2:15008 [10.0.0.2:80]',
    ],
    ['a workload on the same node in clear text, no otherwise', { workloads: [server({ node: 'n1' })] }, '10.0.0.2', 'tcp 10.0.0.2:80'],
    [
      'a workload on the same node by HBONE, no otherwise',
      { workloads: [server({ node: 'n1', protocol: 'HBONE' })] },
      '10.0.0.2',
      'hbone 10.0.0.2:15008 [10.0.0.2:80]',
    ],
    ['the dialled address of several is kept', { workloads: [server({ ips: ['10.0.0.2', '10.0.0.3'] })] }, '10.0.0.3', 'tcp 10.0.0.3:80'],
    [
      'and so is its family',
      { workloads: [server({ ips: ['10.0.0.2', 'fd00::2'], protocol: 'HBONE' })] },
      'fd00::2',
      'hbone [fd00::2]:15008 [[fd00::2]:80]',
    ],
    [
      'the address of a node is passed through, whoever shares it',
      { workloads: [server({ networkMode: 'HostNetwork' })] },
      '10.0.0.2',
      'passthrough 10.0.0.2:80',
    ],
    [
      'a workload on another network cannot be dialled by address',
      { workloads: [server({ network: 'remote' })] },
      '10.0.0.2',
      'passthrough 10.0.0.2:80',
    ],
  ];
  for (const [rule, mesh, to, expected] of rows) test(rule, () => expect(line(hop(mesh, to))).toBe(expected));

  test('passthrough names neither workload nor service', () =>
    expect(hop({}, '1.2.3.4')).toEqual({ by: 'passthrough', to: { ip: '1.2.3.4', port: 80 } }));

  test('a direct hop expects the workload itself', () => {
    expect(hop({ workloads: [server({ protocol: 'HBONE' })] }, '10.0.0.2')).toMatchObject({ expected: [server().identity], direct: true });
  });
});

describe('services', () => {
  const at = (given: Partial<WorkloadSketch>) => workload({ name: 'server', ips: ['10.0.0.2'], ...behind, ...given });
  const passthrough = { ...example, loadBalancer: { mode: 'Passthrough', routingPreferences: [], healthPolicy: 'OnlyHealthy' } } as const;
  const named = service({ hostname: 'example.com', vips: ['10.9.0.1'], ports: { 80: 0 } });
  const rows: readonly (readonly [rule: string, mesh: Partial<MeshDelta>, to: string, line: string])[] = [
    ['an endpoint in clear text', { services: [example], workloads: [at({})] }, '10.9.0.1', 'tcp 10.0.0.2:8080'],
    [
      'an endpoint by HBONE',
      { services: [example], workloads: [at({ protocol: 'HBONE' })] },
      '10.9.0.1',
      'hbone 10.0.0.2:15008 [10.0.0.2:8080]',
    ],
    ['no endpoint at all is refused', { services: [example] }, '10.9.0.1', 'refuse no healthy upstream'],
    [
      'endpoints of weight 0 only are refused',
      { services: [example], workloads: [at({ capacity: 0 })] },
      '10.9.0.1',
      'refuse no healthy upstream',
    ],
    [
      'a pod on the host network is reached by service',
      { services: [example], workloads: [at({ networkMode: 'HostNetwork' })] },
      '10.9.0.1',
      'tcp 10.0.0.2:8080',
    ],
    [
      'a named port goes to an endpoint that maps it',
      { services: [named], workloads: [at({ name: 'without' }), at({ ips: ['10.0.0.3'], serves: { 'ns/example.com': { 80: 9090 } } })] },
      '10.9.0.1',
      'tcp 10.0.0.3:9090',
    ],
    ['a passthrough service is left alone', { services: [passthrough], workloads: [at({})] }, '10.9.0.1', 'passthrough 10.9.0.1:80'],
    [
      'unless it has a waypoint',
      { services: [{ ...passthrough, waypoint: byName('waypoint.example.com') }, waypointService], workloads: [waypoint] },
      '10.9.0.1',
      'hbone 10.0.0.9:15008 [10.9.0.1:80]',
    ],
    [
      'an endpoint without any address is refused',
      { services: [example], workloads: [at({ ips: [] })] },
      '10.9.0.1',
      'refuse no healthy upstream',
    ],
    [
      'a service hidden from the client is passed through',
      { services: [{ ...example, namespace: 'other', visibility: 'Namespace' }] },
      '10.9.0.1',
      'passthrough 10.9.0.1:80',
    ],
    [
      'a virtual address goes before a workload of the same address',
      {
        services: [{ ...example, vips: [{ network: '', ip: ip('10.0.0.5') }] }],
        workloads: [at({}), workload({ name: 'same', ips: ['10.0.0.5'] })],
      },
      '10.0.0.5',
      'tcp 10.0.0.2:8080',
    ],
  ];
  for (const [rule, mesh, to, expected] of rows) test(rule, () => expect(line(hop(mesh, to))).toBe(expected));

  test('a port that the service does not have is refused', () => {
    expect(line(hop({ services: [example], workloads: [at({})] }, '10.9.0.1', { port: 81 }))).toBe('refuse no healthy upstream');
  });

  test('a hop to an endpoint expects the workload or a name of the service; names that are no ids are skipped', () => {
    const answer = hop({ services: [example], workloads: [at({ protocol: 'HBONE' })] }, '10.9.0.1');
    expect(answer).toMatchObject({
      expected: [spiffeId('cluster.local', 'ns', 'default'), spiffeId('cluster.local', 'ns', 'extra')],
      service: example,
    });
  });
});

describe('address families', () => {
  const dual = workload({ name: 'dual', ips: ['10.0.0.2', 'fd00::2'], ...behind });
  const rows: readonly (readonly [families: 'Dual' | 'IPv4' | 'IPv6' | undefined, to: string, line: string])[] = [
    [undefined, '10.9.0.1', 'tcp 10.0.0.2:8080'],
    [undefined, 'fd00::9', 'tcp [fd00::2]:8080'],
    ['Dual', '10.9.0.1', 'tcp 10.0.0.2:8080'],
    ['Dual', 'fd00::9', 'tcp [fd00::2]:8080'],
    ['IPv6', '10.9.0.1', 'tcp [fd00::2]:8080'],
    ['IPv4', 'fd00::9', 'tcp 10.0.0.2:8080'],
  ];
  for (const [ipFamilies, to, expected] of rows) {
    test(`${ipFamilies ?? 'automatic'} service dialled at ${to}`, () => {
      const s = { ...service({ hostname: 'example.com', vips: ['10.9.0.1', 'fd00::9'] }), ...(ipFamilies && { ipFamilies }) };
      expect(line(hop({ services: [s], workloads: [dual] }, to))).toBe(expected);
    });
  }

  test('the only family of an endpoint will do', () => {
    const four = workload({ name: 'four', ips: ['10.0.0.2'], ...behind });
    const s = service({ hostname: 'example.com', vips: ['fd00::9'] });
    expect(line(hop({ services: [s], workloads: [four] }, 'fd00::9'))).toBe('tcp 10.0.0.2:8080');
  });

  test('an endpoint with no address of the only family allowed is refused', () => {
    const s = { ...service({ hostname: 'example.com', vips: ['10.9.0.1'] }), ipFamilies: 'IPv6' } as const;
    expect(line(hop({ services: [s], workloads: [workload({ name: 'four', ips: ['10.0.0.2'], ...behind })] }, '10.9.0.1'))).toBe(
      'refuse no address',
    );
  });
});

describe('waypoints', () => {
  const server = (given: Partial<WorkloadSketch>) =>
    workload({ name: 'server', ips: ['10.0.0.2', 'fd00::2'], protocol: 'HBONE', ...given });
  const rows: readonly (readonly [rule: string, mesh: Partial<MeshDelta>, to: string, line: string])[] = [
    [
      'of a workload: the authority is what was dialled',
      { workloads: [server({ waypoint: byIp('10.0.0.9') }), waypoint] },
      '10.0.0.2',
      'hbone 10.0.0.9:15008 [10.0.0.2:80]',
    ],
    [
      'the family of the tunnel is that of the reference',
      { workloads: [server({ waypoint: byIp('10.0.0.9') }), waypoint] },
      'fd00::2',
      'hbone 10.0.0.9:15008 [[fd00::2]:80]',
    ],
    [
      'referenced by the address of its service',
      { services: [waypointService], workloads: [server({ waypoint: byIp('10.9.0.9') }), waypoint] },
      '10.0.0.2',
      'hbone 10.0.0.9:15008 [10.0.0.2:80]',
    ],
    [
      'referenced by the name of a workload',
      { workloads: [server({ waypoint: byName('wp.example.com') }), workload({ ...waypointSketch, hostname: 'wp.example.com' })] },
      '10.0.0.2',
      'hbone 10.0.0.9:15008 [10.0.0.2:80]',
    ],
    [
      'one that is unknown is refused, not gone around',
      { workloads: [server({ waypoint: byIp('10.0.0.9') })] },
      '10.0.0.2',
      'refuse unknown waypoint',
    ],
    [
      'one without healthy endpoints is refused',
      { services: [waypointService], workloads: [server({ waypoint: byName('waypoint.example.com') })] },
      '10.0.0.2',
      'refuse unknown waypoint',
    ],
    [
      'of a service',
      { services: [{ ...example, waypoint: byName('waypoint.example.com') }, waypointService], workloads: [server(behind), waypoint] },
      '10.9.0.1',
      'hbone 10.0.0.9:15008 [10.9.0.1:80]',
    ],
    [
      'a service does not care for its workloads’ waypoints',
      { services: [example], workloads: [server({ ...behind, waypoint: byIp('10.0.0.9') }), waypoint] },
      '10.9.0.1',
      'hbone 10.0.0.2:15008 [10.0.0.2:8080]',
    ],
    [
      'a waypoint is tunnelled to even if it is said to speak clear text',
      { workloads: [server({ waypoint: byIp('10.0.0.9') }), workload({ ...waypointSketch, protocol: 'TCP' })] },
      '10.0.0.2',
      'hbone 10.0.0.9:15008 [10.0.0.2:80]',
    ],
  ];
  for (const [rule, mesh, to, expected] of rows) test(rule, () => expect(line(hop(mesh, to))).toBe(expected));

  test('the waypoint itself is expected, and the names of its service, not those of the service meant', () => {
    const answer = hop(
      { services: [{ ...example, waypoint: byName('waypoint.example.com') }, waypointService], workloads: [waypoint] },
      '10.9.0.1',
    );
    const [own, extra] = [spiffeId('cluster.local', 'ns', 'waypoint'), spiffeId('cluster.local', 'ns', 'waypoint-extra')];
    expect(answer).toMatchObject({
      expected: [own, extra],
      direct: false,
      workload: { name: 'waypoint' },
      service: { hostname: 'example.com' },
    });
  });

  test('a hidden waypoint serves whoever is referred to it', () => {
    const hidden = { ...waypointService, namespace: 'other', visibility: 'Namespace' } as const;
    const pod = workload({ ...waypointSketch, serves: { 'other/waypoint.example.com': {} } });
    expect(line(hop({ services: [hidden], workloads: [server({ waypoint: byIp('10.9.0.9') }), pod] }, '10.0.0.2'))).toContain(
      'hbone 10.0.0.9:15008',
    );
  });

  const exempt: readonly (readonly [rule: string, reference: GatewayAddress, sourceIp: string, line: string])[] = [
    ['the waypoint itself goes straight to the workload', byIp('10.0.0.9'), '10.0.0.9', 'hbone 10.0.0.2:15008 [10.0.0.2:80]'],
    ['also when referred to by service', byName('waypoint.example.com'), '10.0.0.9', 'hbone 10.0.0.2:15008 [10.0.0.2:80]'],
    ['its identity from another address does not', byIp('10.0.0.9'), '10.0.0.8', 'hbone 10.0.0.9:15008 [10.0.0.2:80]'],
  ];
  for (const [rule, reference, sourceIp, expected] of exempt) {
    test(rule, () => {
      const mesh = { services: [waypointService], workloads: [server({ waypoint: reference })] };
      expect(line(hop(mesh, '10.0.0.2', { source: waypoint, sourceIp: ip(sourceIp) }))).toBe(expected);
    });
  }

  test('another identity at the waypoint’s address is not the waypoint', () => {
    const source = workload({ name: 'same', ips: ['10.0.0.9'], serviceAccount: 'other' });
    const answer = hop({ workloads: [server({ waypoint: byIp('10.0.0.9') }), waypoint] }, '10.0.0.2', { source });
    expect(line(answer)).toBe('hbone 10.0.0.9:15008 [10.0.0.2:80]');
  });

  test('for a service there is no exemption: even the waypoint goes to the waypoint', () => {
    const mesh = { services: [{ ...example, waypoint: byName('waypoint.example.com') }, waypointService], workloads: [server(behind)] };
    expect(line(hop(mesh, '10.9.0.1', { source: waypoint }))).toBe('hbone 10.0.0.9:15008 [10.9.0.1:80]');
  });
});

test('a refusal says from where to where and why', () => {
  expect(hop({ services: [example] }, '10.9.0.1')).toEqual({
    refuse: 'no healthy upstream',
    text: 'no healthy upstream: from ns/client to 10.9.0.1:80: no endpoint of example.com serves port 80',
  });
});
