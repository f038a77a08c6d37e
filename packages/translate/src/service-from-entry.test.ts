// A ServiceEntry as services of the mesh (ServiceEntryServices, ParseCidrOrIP, ToNetworkAddressFromCidr).
import { ipToBytes, parseIp } from '@ambient-mesh/model/address';
import { compileCidr, formatCidr, fullLength, parseCidr } from '@ambient-mesh/model/cidr';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ServiceEntry } from './kinds/entries.ts';
import { servicesFromEntry } from './service-from-entry.ts';
import { contextOf, serviceEntryOf, waypointOf } from './testing/services.ts';

/** Per service `host: address, …`; a block with its length. */
const written = (entry: ServiceEntry): readonly string[] =>
  servicesFromEntry(entry, contextOf()).map(({ service: { hostname, vips, cidrVips } }) =>
    `${hostname}: ${[...vips.map(({ ip }) => ip), ...cidrVips.map(formatCidr)].join(', ')}`.trim(),
  );

test('addresses in the status count only where the mesh gives them out', () => {
  const context = contextOf();
  const settings = { ...context.settings, allocateAddresses: false };
  const entry = serviceEntryOf({ allocated: [{ host: 'example.com', value: '240.240.0.1' }] });
  expect(servicesFromEntry(entry, { ...context, settings })).toMatchObject([{ service: { vips: [] } }]);
});

test('the whole service', () => {
  const binding = { waypoint: waypointOf() };
  const entry = serviceEntryOf({
    meta: { createdAt: 7, labels: { 'istio.io/ingress-use-waypoint': 'true' } },
    hosts: ['a.com', 'b.com', 'a.com'],
    addresses: ['10.1.0.1'],
    subjectAltNames: ['spiffe://x'],
    workloadSelector: { app: 'x' },
    resolution: 'NONE',
  });
  const made = servicesFromEntry(entry, contextOf({ binding }));
  expect(made.map(({ service }) => service.hostname)).toEqual(['a.com', 'b.com']);
  expect(made[0]).toEqual({
    service: {
      name: 'entry',
      namespace: 'ns',
      hostname: 'a.com',
      vips: [{ network: 'net', ip: '10.1.0.1' }],
      cidrVips: [],
      ports: new Map([[80, 8080]]),
      appProtocols: new Map([[80, 'HTTP11']]),
      subjectAltNames: ['spiffe://x'],
      waypoint: binding.waypoint.address,
      weightedWaypoints: [],
      ingressUseWaypoint: true,
      loadBalancer: { routingPreferences: [], mode: 'Passthrough', healthPolicy: 'AllowAll' },
      canonical: false,
      visibility: 'Public',
    },
    source: { kind: 'ServiceEntry', namespace: 'ns', name: 'entry', ports: entry.ports },
    createdAt: 7,
    binding,
    ingressUseWaypoint: true,
    selector: { app: 'x' },
  });
});

const host = 'example.com';
const allocated = [
  { host, value: '240.240.0.1' },
  { host, value: '2001:2::1' },
  { host: '*.example.com', value: '240.240.0.2' },
];
const optedOut = (value: string) => ({ labels: { 'networking.istio.io/enable-autoallocate-ip': value } });

const rows: readonly (readonly [rule: string, entry: ServiceEntry, want: readonly string[]])[] = [
  ['no address', serviceEntryOf(), ['example.com:']],
  ['addresses of both families', serviceEntryOf({ addresses: ['10.1.0.1', 'FD00::1'] }), ['example.com: 10.1.0.1, fd00::1']],
  ['a block', serviceEntryOf({ addresses: ['10.1.0.0/16'] }), ['example.com: 10.1.0.0/16']],
  ['a block is written from its first address', serviceEntryOf({ addresses: ['10.1.255.7/20'] }), ['example.com: 10.1.240.0/20']],
  ['of IPv6 as well', serviceEntryOf({ addresses: ['fd00:1:2:3::4/47'] }), ['example.com: fd00:1:2::/47']],
  ['everything', serviceEntryOf({ addresses: ['10.0.0.1/0'] }), ['example.com: 0.0.0.0/0']],
  [
    'a block of one address is an address',
    serviceEntryOf({ addresses: ['10.1.0.1/32', 'fd00::1/128'] }),
    ['example.com: 10.1.0.1, fd00::1'],
  ],
  ['one that cannot be read spoils the entry', serviceEntryOf({ addresses: ['10.1.0.1', 'x'] }), []],
  ['a length that cannot be does, too', serviceEntryOf({ addresses: ['10.1.0.0/33'] }), []],
  ['every host has all addresses', serviceEntryOf({ hosts: ['a', 'b'], addresses: ['10.1.0.1'] }), ['a: 10.1.0.1', 'b: 10.1.0.1']],
  ['allocated ones, by host', serviceEntryOf({ allocated, hosts: [host, 'b'] }), ['example.com: 240.240.0.1, 2001:2::1', 'b:']],
  ['not when it has its own', serviceEntryOf({ allocated, addresses: ['10.1.0.1'] }), ['example.com: 10.1.0.1']],
  ['not without resolution', serviceEntryOf({ allocated, resolution: 'NONE' }), ['example.com:']],
  ['not when opted out', serviceEntryOf({ allocated, meta: optedOut('False') }), ['example.com:']],
  ['opting in changes nothing', serviceEntryOf({ allocated, meta: optedOut('true') }), ['example.com: 240.240.0.1, 2001:2::1']],
  ['not for a wildcard', serviceEntryOf({ allocated, hosts: ['*.example.com'], resolution: 'DNS' }), ['*.example.com:']],
  [
    'unless it is resolved on the way',
    serviceEntryOf({ allocated, hosts: ['*.example.com'], resolution: 'DYNAMIC_DNS' }),
    ['*.example.com: 240.240.0.2'],
  ],
  ['what is no address in the status is passed over', serviceEntryOf({ allocated: [{ host, value: 'x' }] }), ['example.com:']],
  ['no hosts, no services', serviceEntryOf({ hosts: [] }), []],
];
for (const [rule, entry, want] of rows) test(rule, () => expect(written(entry)).toEqual(want));

test('the first address of a block lies in it, and has no bit beyond its length', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(address, fc.nat(128), (text, length) => {
      const block = parseCidr(`${text}/${length}`);
      const [made] = servicesFromEntry(serviceEntryOf({ addresses: [`${text}/${length}`] }), contextOf());
      expect(made === undefined).toBe(block === undefined);
      const [vip] = made?.service.cidrVips ?? [];
      if (!vip || !block) return;
      expect(vip.length).toBeLessThan(fullLength(vip.ip));
      const bits = [...ipToBytes(vip.ip)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
      expect(bits.slice(vip.length)).not.toContain('1');
      const inside = compileCidr(block);
      const words = new Uint32Array(ipToBytes(vip.ip).length / 4).map((_, at) => new DataView(ipToBytes(vip.ip).buffer).getUint32(at * 4));
      expect(inside([...words])).toBe(true);
      expect(parseIp(vip.ip)).toBe(vip.ip);
    }),
  );
});
