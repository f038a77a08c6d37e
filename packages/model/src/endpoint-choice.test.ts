// Load balancing. Rows: test_load_balance and find_upstream_port_mappings of the reference's catalogue, and the weights.
import { describe, expect, test } from 'vitest';
import { chooseEndpoint, eligibleEndpoints } from './endpoint-choice.ts';
import type { LoadBalancer, LocalityScope } from './service.ts';
import { meshOf, type ServiceSketch, service, type WorkloadSketch, workload } from './testing/index.ts';

const host = 'ns/svc.example.com';
const at = (region: string, zone: string, subzone = 's') => ({ region, zone, subzone });
const client = workload({ name: 'client', network: 'net', node: 'node', clusterId: 'c1', locality: at('r', 'z') });

const balance = (mode: LoadBalancer['mode'], routingPreferences: readonly LocalityScope[]): LoadBalancer => ({
  mode,
  routingPreferences,
  healthPolicy: 'OnlyHealthy',
});

/** The names of all endpoints that can be chosen, by asking with chance at every tenth. */
function choosable(endpoints: readonly WorkloadSketch[], given: Partial<ServiceSketch> = {}, port = 80): readonly string[] {
  const s = service({ hostname: 'svc.example.com', ...given });
  const workloads = endpoints.map((sketch, n) => workload({ serves: { [host]: {} }, ips: [`10.0.0.${n + 1}`], network: 'net', ...sketch }));
  const mesh = meshOf({ services: [s], workloads });
  const chances = Array.from({ length: 10 }, (_, n) => n / 10);
  const chosen = chances.map(
    (chance) => chooseEndpoint(mesh, s, port, { source: client, mode: 'standard', random: () => chance })?.workload.name,
  );
  const names = [...new Set(chosen)].filter((name) => name !== undefined).sort();
  const listed = eligibleEndpoints(mesh, s, port, client).map((upstream) => upstream.workload.name);
  expect(listed.sort()).toEqual(names);
  return names;
}

const near = { name: 'near', locality: at('r', 'z'), node: 'node', clusterId: 'c1' };
const sameZone = { name: 'same-zone', locality: at('r', 'z', 'other'), node: 'far' };
const sameRegion = { name: 'same-region', locality: at('r', 'other'), node: 'far' };
const elsewhere = { name: 'elsewhere', locality: at('other', 'other', 'other'), node: 'far' };
const abroad = { ...near, name: 'abroad', network: 'remote' };
const sameRegionAbroad = { ...sameRegion, name: 'same-region-abroad', network: 'remote' };

describe('locality', () => {
  const rows: readonly (readonly [
    rule: string,
    LoadBalancer | undefined,
    endpoints: readonly WorkloadSketch[],
    chosen: readonly string[],
  ])[] = [
    ['without a balancer every endpoint may be chosen', undefined, [near, elsewhere], ['elsewhere', 'near']],
    ['standard mode ignores preferences', balance('Standard', ['Region']), [near, elsewhere], ['elsewhere', 'near']],
    ['strict: nobody when nobody matches', balance('Strict', ['Region']), [elsewhere], []],
    ['strict: only those that match', balance('Strict', ['Region', 'Zone']), [near, sameRegion, elsewhere], ['near']],
    ['strict: everybody when there is no preference', balance('Strict', []), [near, elsewhere], ['elsewhere', 'near']],
    [
      'failover: the full match first',
      balance('Failover', ['Region', 'Zone', 'Subzone']),
      [near, sameZone, sameRegion, elsewhere],
      ['near'],
    ],
    ['failover: then the next rank', balance('Failover', ['Region', 'Zone', 'Subzone']), [sameZone, sameRegion, elsewhere], ['same-zone']],
    ['failover: then the region alone', balance('Failover', ['Region', 'Zone', 'Subzone']), [sameRegion, elsewhere], ['same-region']],
    ['failover: at last anybody', balance('Failover', ['Region', 'Zone', 'Subzone']), [elsewhere], ['elsewhere']],
    [
      'matching stops at the first mismatch',
      balance('Failover', ['Zone', 'Region']),
      [sameRegion, elsewhere],
      ['elsewhere', 'same-region'],
    ],
    ['node', balance('Failover', ['Node']), [near, sameZone], ['near']],
    ['cluster', balance('Strict', ['Cluster']), [near, sameZone], ['near']],
    [
      'network first: any endpoint of the own network before all others',
      balance('Failover', ['Network', 'Region', 'Zone']),
      [elsewhere, abroad],
      ['elsewhere'],
    ],
    [
      'network first: abroad, the nearer one still counts',
      balance('Failover', ['Network', 'Region', 'Zone']),
      [abroad, sameRegionAbroad],
      ['abroad'],
    ],
    ['network first: strict wants the network too', balance('Strict', ['Network', 'Region']), [abroad], []],
    ['passthrough mode, if ever reached, ranks like failover', balance('Passthrough', ['Region']), [near, elsewhere], ['near']],
  ];
  for (const [rule, loadBalancer, endpoints, chosen] of rows) {
    test(rule, () => expect(choosable(endpoints, loadBalancer ? { loadBalancer } : {})).toEqual(chosen));
  }
});

describe('eligibility', () => {
  const gateway = { destination: { hostname: { namespace: 'ns', hostname: 'gw' } }, hboneMtlsPort: 15_008 };
  const rows: readonly (readonly [rule: string, endpoints: readonly WorkloadSketch[], chosen: readonly string[]])[] = [
    ['an endpoint without an address is never chosen', [{ name: 'nameless', ips: [] }], []],
    ['one that has a hostname instead is', [{ name: 'named', ips: [], hostname: 'db.example.com' }], ['named']],
    ['one on another network behind a gateway is', [{ name: 'remote', ips: [], network: 'remote', networkGateway: gateway }], ['remote']],
    ['one on another network without gateway and address is not', [{ name: 'remote', ips: [], network: 'remote' }], []],
    ['an unhealthy one is not', [{ name: 'ill', health: 'Unhealthy' }, { name: 'well' }], ['well']],
    ['one of weight 0 is not', [{ name: 'drained', capacity: 0 }, { name: 'open' }], ['open']],
    ['nobody when all weigh 0', [{ name: 'drained', capacity: 0 }], []],
  ];
  for (const [rule, endpoints, chosen] of rows) test(rule, () => expect(choosable(endpoints)).toEqual(chosen));

  test('a port that the service does not list has no endpoint', () => expect(choosable([near], {}, 81)).toEqual([]));
});

test('chance falls by weight', () => {
  const s = service({ hostname: 'svc.example.com' });
  const workloads = [
    workload({ name: 'light', ips: ['10.0.0.1'], serves: { [host]: {} } }),
    workload({ name: 'heavy', ips: ['10.0.0.2'], serves: { [host]: {} }, capacity: 3 }),
  ];
  const mesh = meshOf({ services: [s], workloads });
  const names = [0, 0.249, 0.25, 0.5, 0.999_999].map(
    (chance) => chooseEndpoint(mesh, s, 80, { source: client, mode: 'standard', random: () => chance })?.workload.name,
  );
  expect(names).toEqual(['light', 'light', 'heavy', 'heavy', 'heavy']);
});

describe('target port', () => {
  const proxy = { protocol: 'PROXY', port: 15_088 } as const;
  type Row = readonly [
    rule: string,
    port: number,
    mode: 'standard' | 'waypoint',
    servicePorts: Record<number, number>,
    endpoint: Partial<WorkloadSketch>,
    target: number | undefined,
  ];
  const rows: readonly Row[] = [
    ['the endpoint’s own mapping wins', 80, 'standard', { 80: 8080 }, { serves: { [host]: { 80: 9090 } } }, 9090],
    ['else the service’s', 80, 'standard', { 80: 8080 }, {}, 8080],
    ['a named port needs the endpoint’s mapping', 80, 'standard', { 80: 0 }, {}, undefined],
    ['a named port that the endpoint maps', 80, 'standard', { 80: 0 }, { serves: { [host]: { 80: 9090 } } }, 9090],
    ['a named port is not saved by an application tunnel', 80, 'standard', { 80: 0 }, { applicationTunnel: proxy }, undefined],
    ['a waypoint’s port that its service lists', 15_008, 'waypoint', { 15008: 15_008 }, {}, 15_008],
    ['a waypoint’s port that its service does not list needs an application tunnel', 15_008, 'waypoint', { 80: 80 }, {}, undefined],
    ['with one, the port is kept', 15_008, 'waypoint', { 80: 80 }, { applicationTunnel: proxy }, 15_008],
    [
      'a tunnel without a port of its own does not do',
      15_008,
      'waypoint',
      { 80: 80 },
      { applicationTunnel: { protocol: 'NONE' } },
      undefined,
    ],
    ['an application tunnel is no help in standard mode', 15_008, 'standard', { 80: 80 }, { applicationTunnel: proxy }, undefined],
  ];
  for (const [rule, port, mode, ports, endpoint, target] of rows) {
    test(rule, () => {
      const s = service({ hostname: 'svc.example.com', ports });
      const mesh = meshOf({ services: [s], workloads: [workload({ name: 'w', ips: ['10.0.0.1'], serves: { [host]: {} }, ...endpoint })] });
      expect(chooseEndpoint(mesh, s, port, { source: client, mode, random: () => 0 })?.port).toBe(target);
    });
  }
});
