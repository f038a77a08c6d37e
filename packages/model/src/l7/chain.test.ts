// Which chain a CONNECT gets: only what is attached to this waypoint (facts: control-plane §6.1).
import { describe, expect, test } from 'vitest';
import { type Authority, parseAuthority } from '../address.ts';
import type { MeshDelta } from '../delta.ts';
import { byIp, byName } from '../testing/hops.ts';
import { ip, meshOf, service, workload } from '../testing/index.ts';
import { type ChainChoice, chooseChain } from './chain.ts';

const self = workload({ name: 'waypoint', ips: ['10.0.0.9'], serves: { 'ns/waypoint.example.com': {} } });
const other = workload({ name: 'other', ips: ['10.0.0.8'], serves: { 'ns/other.example.com': {} } });
const waypoints = [
  service({ hostname: 'waypoint.example.com', vips: ['10.9.0.9'] }),
  service({ hostname: 'other.example.com', vips: ['10.9.0.8'] }),
];
const [ours, theirs] = [byName('waypoint.example.com'), byName('other.example.com')];

const ports = { 80: 8080, 81: 8080, 82: 8080, 90: 9090, 443: 8443, 9999: 9999 };
const protocols = { 80: 'HTTP11', 81: 'HTTP2', 82: 'GRPC', 90: 'TCP', 443: 'TLS' } as const;
const app = service({
  hostname: 'app.example.com',
  vips: ['10.9.0.1', 'fd00::1'],
  ports,
  appProtocols: new Map(Object.entries(protocols).map(([port, protocol]) => [Number(port), protocol])),
  waypoint: ours,
});
const weighted = (first: typeof ours, second: typeof ours) => [
  { destination: first, weight: 0 },
  { destination: second, weight: 100 },
];
const pod = workload({ name: 'pod', ips: ['10.0.0.1'], waypoint: ours });

function choose(
  authority: string,
  mesh: Partial<MeshDelta> = { services: [app], workloads: [pod] },
  selfIp = self.addresses[0],
): ChainChoice {
  const { services = [], workloads = [] } = mesh;
  return chooseChain(meshOf({ services: [...waypoints, ...services], workloads: [self, other, ...workloads] }), {
    self,
    selfIp,
    network: '',
    authority: parseAuthority(authority) as Authority,
    clientNamespace: 'client',
  });
}

function line(choice: ChainChoice): string {
  if ('refuse' in choice) return `refuse: ${choice.refuse}`;
  const to = 'service' in choice ? choice.service.hostname : choice.workload.name;
  return `${to}:${choice.port} ${choice.protocol}${choice.tls ? ' tls' : ''}`;
}

describe('what is dialled', () => {
  const rows: readonly (readonly [rule: string, authority: string, chosen: string])[] = [
    ['HTTP is declared', '10.9.0.1:80', 'app.example.com:80 http'],
    ['HTTP/2 is declared', '10.9.0.1:81', 'app.example.com:81 http'],
    ['gRPC is declared', '10.9.0.1:82', 'app.example.com:82 http'],
    ['TCP is declared', '10.9.0.1:90', 'app.example.com:90 tcp'],
    ['TLS is declared', '10.9.0.1:443', 'app.example.com:443 tcp tls'],
    ['nothing is declared', '10.9.0.1:9999', 'app.example.com:9999 sniff'],
    ['another family', '[fd00::1]:80', 'app.example.com:80 http'],
    ['a hostname, from another network', 'app.example.com:80', 'app.example.com:80 http'],
    ['a port that the service does not have', '10.9.0.1:1', 'refuse: app.example.com has no port 1'],
    ['a hostname that nobody has', 'nobody.example.com:80', 'refuse: no service nobody.example.com is attached to this waypoint'],
    ['a workload, on any port', '10.0.0.1:1234', 'pod:1234 sniff'],
    ['a workload of nobody', '10.0.0.8:80', 'refuse: other is not attached to this waypoint'],
    ['an address that nobody has', '10.5.5.5:80', 'refuse: nothing is known at 10.5.5.5:80'],
  ];
  for (const [name, authority, chosen] of rows) test(name, () => expect(line(choose(authority))).toBe(chosen));
});

describe('attached', () => {
  const rows: readonly (readonly [rule: string, given: Partial<Parameters<typeof service>[0]>, attached: boolean])[] = [
    ['by name', { waypoint: ours }, true],
    ['by address', { waypoint: byIp('10.9.0.9') }, true],
    ["by the waypoint's own address", { waypoint: byIp('10.0.0.9') }, true],
    ['to another waypoint', { waypoint: theirs }, false],
    ['to none', {}, false],
    ['to one that nobody knows', { waypoint: byName('unknown.example.com') }, false],
    ['by weight', { waypoint: theirs, weightedWaypoints: weighted(theirs, ours) }, true],
    ['by weight 0', { waypoint: theirs, weightedWaypoints: weighted(ours, theirs) }, true],
    ['hidden from the client', { waypoint: ours, visibility: 'Namespace' }, false],
  ];
  for (const [name, given, attached] of rows)
    test(`${name}: ${attached ? 'served' : 'refused'}`, () => {
      const services = [service({ hostname: 'svc.example.com', vips: ['10.9.0.2'], ...given })];
      for (const authority of ['10.9.0.2:80', 'svc.example.com:80']) expect('service' in choose(authority, { services })).toBe(attached);
    });

  test('without an address of its own any of its workload counts', () => {
    const services = [service({ hostname: 'svc.example.com', vips: ['10.9.0.2'], waypoint: byIp('10.0.0.9') })];
    expect('service' in choose('10.9.0.2:80', { services }, undefined)).toBe(true);
    expect('service' in choose('10.9.0.2:80', { services }, ip('10.0.0.10'))).toBe(false);
  });
});
