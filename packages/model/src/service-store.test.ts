// Services: which one answers an address or a name, and who stands behind it. Rows: shared_vip_different_namespaces,
// namespace_visibility_*, visibility_filtered_exact_vip_falls_through_to_cidr, cidr_*, unhealthy_workloads*, staged_* of the reference's catalogue.
import { describe, expect, test } from 'vitest';
import { parseCidr } from './cidr.ts';
import type { Mesh } from './mesh.ts';
import type { CidrVip, LoadBalancer, Service } from './service.ts';
import { delta, ip, meshOf, service, type WorkloadSketch, workload } from './testing/index.ts';

const cidr = (text: string, network = ''): CidrVip => ({ network, ...(parseCidr(text) ?? { ip: ip('::'), length: 0 }) });
const named = (namespace: string, given: Partial<Service> = {}): Service => ({
  ...service({ hostname: 'h', namespace, vips: ['10.9.0.1'] }),
  ...given,
});
const hidden = { visibility: 'Namespace' } as const;
const blocks = (namespace: string, ...texts: readonly string[]): Service =>
  named(namespace, { vips: [], cidrVips: texts.map((text) => cidr(text)) });

describe('the best of several', () => {
  type Row = readonly [
    rule: string,
    services: readonly Service[],
    client: string | undefined,
    preferredNamespace: string | undefined,
    winner: string | undefined,
  ];
  const rows: readonly Row[] = [
    ['the client’s own namespace', [named('a'), named('b', { canonical: true })], 'a', undefined, 'a'],
    ['then the canonical one', [named('a'), named('b', { canonical: true })], 'c', undefined, 'b'],
    ['the last of several canonical ones', [named('a', { canonical: true }), named('b', { canonical: true })], 'c', undefined, 'b'],
    ['then the preferred namespace', [named('a'), named('b')], 'c', 'b', 'b'],
    ['which does not beat a canonical one', [named('a', { canonical: true }), named('b')], 'c', 'b', 'a'],
    ['then the first that came', [named('a'), named('b')], 'c', undefined, 'a'],
    ['one hidden from the client does not exist for it', [named('a', hidden), named('b')], 'c', undefined, 'b'],
    ['not even if canonical', [named('a', { ...hidden, canonical: true })], 'c', undefined, undefined],
    ['its own namespace sees it', [named('a', hidden), named('b')], 'a', undefined, 'a'],
    ['a look-up on nobody’s behalf sees it', [named('a', hidden)], undefined, undefined, 'a'],
  ];
  for (const [rule, services, clientNamespace, preferredNamespace, winner] of rows) {
    test(`at a virtual address: ${rule}`, () => {
      expect(meshOf({ services }).serviceAt('', ip('10.9.0.1'), { clientNamespace, preferredNamespace })?.namespace).toBe(winner);
    });
    test(`by hostname: ${rule}`, () => {
      expect(meshOf({ services }).serviceByHostname('h', { clientNamespace, preferredNamespace })?.namespace).toBe(winner);
    });
  }

  test('removing one leaves the other', () => {
    const mesh = meshOf({ services: [named('a'), named('b')] });
    mesh.apply(delta({ removedAddresses: ['a/h'] }));
    expect(mesh.serviceAt('', ip('10.9.0.1'), { clientNamespace: 'a' })?.namespace).toBe('b');
    mesh.apply(delta({ removedAddresses: ['b/h'] }));
    expect(mesh.serviceAt('', ip('10.9.0.1'))).toBeUndefined();
    expect(mesh.serviceByHostname('h', {})).toBeUndefined();
  });

  test('an update keeps its place among the first that came', () => {
    const mesh = meshOf({ services: [named('a'), named('b')] });
    mesh.apply(delta({ services: [named('a', { subjectAltNames: ['x'] })] }));
    expect(mesh.serviceAt('', ip('10.9.0.1'))?.namespace).toBe('a');
  });
});

describe('CIDR addresses', () => {
  type Row = readonly [rule: string, services: readonly Service[], address: string, client: string, winner: string | undefined];
  const rows: readonly Row[] = [
    ['an IPv4 address inside', [blocks('a', '10.8.0.0/16')], '10.8.3.4', 'c', 'a'],
    ['an IPv4 address outside', [blocks('a', '10.8.0.0/16')], '10.7.3.4', 'c', undefined],
    ['an IPv6 address inside', [blocks('a', 'fd00:8::/32')], 'fd00:8::1', 'c', 'a'],
    ['the longest prefix, IPv4', [blocks('a', '10.0.0.0/8'), blocks('b', '10.8.0.0/16')], '10.8.3.4', 'c', 'b'],
    ['the longest prefix, IPv6', [blocks('a', 'fd00::/16'), blocks('b', 'fd00:8::/32')], 'fd00:8::1', 'c', 'b'],
    ['one service of both families', [blocks('a', '10.8.0.0/16', 'fd00:8::/32')], 'fd00:8::1', 'c', 'a'],
    ['a block of the other family never holds', [blocks('a', '0.0.0.0/0')], '::1', 'c', undefined],
    ['an exact address goes before a block', [blocks('a', '10.9.0.0/24'), named('b')], '10.9.0.1', 'a', 'b'],
    ['an exact IPv4 address beside an IPv6 block', [named('a', { cidrVips: [cidr('fd00:8::/32')] })], 'fd00:8::1', 'c', 'a'],
    ['a hidden exact address does not mask a block', [named('a', hidden), blocks('b', '10.9.0.0/24')], '10.9.0.1', 'c', 'b'],
    ['of equal blocks the client’s own namespace', [blocks('a', '10.8.0.0/16'), blocks('b', '10.8.0.0/16')], '10.8.3.4', 'b', 'b'],
    ['which even beats a longer prefix', [blocks('a', '10.8.0.0/24'), blocks('b', '10.8.0.0/16')], '10.8.0.4', 'b', 'b'],
    [
      'a longer prefix beats a canonical service',
      [blocks('a', '10.8.0.0/24'), { ...blocks('b', '10.8.0.0/16'), canonical: true }],
      '10.8.0.4',
      'c',
      'a',
    ],
    [
      'of equal blocks the canonical service',
      [blocks('a', '10.8.0.0/16'), { ...blocks('b', '10.8.0.0/16'), canonical: true }],
      '10.8.3.4',
      'c',
      'b',
    ],
    ['a block on another network', [named('a', { vips: [], cidrVips: [cidr('10.8.0.0/16', 'remote')] })], '10.8.3.4', 'c', undefined],
  ];
  for (const [rule, services, address, clientNamespace, winner] of rows) {
    test(rule, () => expect(meshOf({ services }).serviceAt('', ip(address), { clientNamespace })?.namespace).toBe(winner));
  }

  test('removal and update leave nothing behind', () => {
    const mesh = meshOf({ services: [blocks('a', '10.8.0.0/16')] });
    mesh.apply(delta({ services: [blocks('a', '10.7.0.0/16')] }));
    expect(mesh.serviceAt('', ip('10.8.3.4'))).toBeUndefined();
    expect(mesh.serviceAt('', ip('10.7.3.4'))?.namespace).toBe('a');
    mesh.apply(delta({ removedAddresses: ['a/h'] }));
    expect(mesh.serviceAt('', ip('10.7.3.4'))).toBeUndefined();
  });
});

test('an update moves a service to its new addresses and off the old ones', () => {
  const mesh = meshOf({ services: [named('a')] });
  mesh.apply(delta({ services: [{ ...named('a'), vips: [{ network: '', ip: ip('10.9.0.2') }] }] }));
  expect(mesh.serviceAt('', ip('10.9.0.1'))).toBeUndefined();
  expect(mesh.serviceAt('', ip('10.9.0.2'))?.namespace).toBe('a');
});

test('an address listed twice is gone once it is not listed at all', () => {
  const mesh = meshOf({
    services: [
      {
        ...named('a'),
        vips: [
          { network: '', ip: ip('10.9.0.1') },
          { network: '', ip: ip('10.9.0.1') },
        ],
      },
    ],
  });
  mesh.apply(delta({ services: [named('a')] }));
  mesh.apply(delta({ services: [named('a', { vips: [] })] }));
  expect(mesh.serviceAt('', ip('10.9.0.1'))).toBeUndefined();
});

describe('endpoints', () => {
  const endpoint = (name: string, given: Partial<WorkloadSketch> = {}) =>
    workload({ name, ips: ['10.0.0.2'], serves: { 'a/h': {} }, ...given });
  const serving = (mesh: Mesh): readonly string[] => mesh.endpoints(named('a')).map(({ name }) => name);
  const staged = (mesh: Mesh): readonly string[] =>
    [...mesh.stagedServices()].map(([key, waiting]) => `${key}:${waiting.map(({ name }) => name)}`);
  const health = (healthPolicy: LoadBalancer['healthPolicy']): Partial<Service> => ({
    loadBalancer: { mode: 'Standard', routingPreferences: [], healthPolicy },
  });
  const ill = endpoint('ill', { health: 'Unhealthy' });

  test('wait for a service that is not known yet, then serve it', () => {
    const mesh = meshOf({ workloads: [endpoint('w')] });
    expect([serving(mesh), staged(mesh)]).toEqual([[], ['a/h:w']]);
    mesh.apply(delta({ services: [named('a')] }));
    expect([serving(mesh), staged(mesh)]).toEqual([['w'], []]);
  });

  test('the order in which services and workloads come does not matter', () => {
    const [one, other] = [meshOf({ services: [named('a')] }), meshOf({ workloads: [endpoint('w')] })];
    one.apply(delta({ workloads: [endpoint('w')] }));
    other.apply(delta({ services: [named('a')] }));
    expect([serving(one), serving(other)]).toEqual([['w'], ['w']]);
  });

  test('that go before their service comes wait no more', () => {
    const mesh = meshOf({ workloads: [endpoint('w')] });
    mesh.apply(delta({ removedAddresses: [endpoint('w').uid] }));
    expect(staged(mesh)).toEqual([]);
    mesh.apply(delta({ services: [named('a')] }));
    expect(serving(mesh)).toEqual([]);
  });

  test('that are unhealthy are kept out when the service comes', () => {
    expect(serving(meshOf({ services: [named('a')], workloads: [ill, endpoint('well')] }))).toEqual(['well']);
  });

  test('that are unhealthy serve if the service allows all', () => {
    expect(serving(meshOf({ services: [named('a', health('AllowAll'))], workloads: [ill] }))).toEqual(['ill']);
  });

  test('that fall ill stop serving, and serve again once well', () => {
    const mesh = meshOf({ services: [named('a')], workloads: [endpoint('w')] });
    mesh.apply(delta({ workloads: [endpoint('w', { health: 'Unhealthy' })] }));
    expect(serving(mesh)).toEqual([]);
    mesh.apply(delta({ workloads: [endpoint('w')] }));
    expect(serving(mesh)).toEqual(['w']);
  });

  test('a change of the health policy counts for those already known, both ways', () => {
    const mesh = meshOf({ services: [named('a', health('OnlyHealthy'))], workloads: [ill] });
    mesh.apply(delta({ services: [named('a', health('AllowAll'))] }));
    expect(serving(mesh)).toEqual(['ill']);
    mesh.apply(delta({ services: [named('a', health('OnlyHealthy'))] }));
    expect(serving(mesh)).toEqual([]);
  });

  test('an update of the service keeps them', () => {
    const mesh = meshOf({ services: [named('a')], workloads: [endpoint('w')] });
    mesh.apply(delta({ services: [named('a', { subjectAltNames: ['x'] })] }));
    expect(serving(mesh)).toEqual(['w']);
  });

  test('a service that goes and comes back finds them again', () => {
    const mesh = meshOf({ services: [named('a')], workloads: [endpoint('w')] });
    mesh.apply(delta({ removedAddresses: ['a/h'] }));
    expect([serving(mesh), staged(mesh)]).toEqual([[], ['a/h:w']]);
    mesh.apply(delta({ services: [named('a')] }));
    expect(serving(mesh)).toEqual(['w']);
  });

  test('a workload that no longer lists the service leaves it', () => {
    const mesh = meshOf({ services: [named('a')], workloads: [endpoint('w')] });
    mesh.apply(delta({ workloads: [endpoint('w', { serves: {} })] }));
    expect(serving(mesh)).toEqual([]);
  });

  test('removed and sent again in one push: it stays', () => {
    const mesh = meshOf({ services: [named('a')], workloads: [endpoint('w')] });
    const { workloads } = mesh.apply(delta({ removedAddresses: [endpoint('w').uid], workloads: [endpoint('w')] }));
    expect([serving(mesh), workloads]).toEqual([['w'], []]);
  });

  test('a push of many to one service sorts them once, when they are first wanted', () => {
    const many = Array.from({ length: 5000 }, (_, at) => endpoint(`w${at}`));
    const mesh = meshOf({ services: [named('a')], workloads: many });
    expect(mesh.endpoints(named('a'))).toHaveLength(5000);
    expect(mesh.endpoints(named('a'))).toBe(mesh.endpoints(named('a')));
  });
});
