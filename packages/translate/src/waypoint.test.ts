// Which Gateways are waypoints, what they take and whom they admit.
import { expect, test } from 'vitest';
import type { GatewayListener } from './kinds/gateway.ts';
import type { Labels } from './kinds/meta.ts';
import { gatewayClassOf, gatewayOf, listenerOf, namespaceOf, waypointOf } from './testing/services.ts';
import { allows, type TrafficType, type Waypoint, waypointFrom, waypointsOf } from './waypoint.ts';

const inbound = 'ambient.istio.io/waypoint-inbound-binding';
const hbone = listenerOf({ from: 'All' });

test('the whole record', () => {
  const annotations = { [inbound]: 'PROXY/15088' };
  const gateway = gatewayOf({ meta: { annotations, labels: { 'istio.io/waypoint-for': 'all' } } });
  expect(waypointFrom(gateway, undefined, ['b', 'a', 'b'], 'net')).toEqual({
    namespace: 'ns',
    name: 'waypoint',
    address: { destination: { hostname: { namespace: 'ns', hostname: 'waypoint.ns.svc.cluster.local' } }, hboneMtlsPort: 15008 },
    trafficType: 'all',
    serviceAccounts: ['a', 'b'],
    allowed: { from: 'Same' },
    inboundBinding: { protocol: 'PROXY', port: 15088 },
  });
});

const name = { type: 'Hostname', value: 'w.ns.svc.cluster.local' };
const address = { type: 'IPAddress', value: '10.0.0.9' };
const byName = { hostname: { namespace: 'ns', hostname: 'w.ns.svc.cluster.local' } };
const byAddress = { address: { network: 'net', ip: '10.0.0.9' } };

// WaypointConfiguredOnlyWhenReady, WaypointInterop
const destinations: readonly (readonly [rule: string, addresses: readonly { type: string; value: string }[], want: unknown])[] = [
  ['without an address it is not ready: no waypoint', [], undefined],
  ['a hostname is a name in the namespace of the gateway', [name], byName],
  ['an address is one of the local network', [address], byAddress],
  ['a hostname is preferred wherever it is listed', [address, name], byName],
  ['the first hostname counts', [name, { type: 'Hostname', value: 'other' }], byName],
  ['an empty hostname is none', [{ type: 'Hostname', value: '' }, address], byAddress],
  ['an address that is none is passed over', [{ type: 'IPAddress', value: 'x' }, address], byAddress],
  [
    'an address of IPv6 is written canonically',
    [{ type: 'IPAddress', value: 'FD00:0::1' }],
    { address: { network: 'net', ip: 'fd00::1' } },
  ],
  ['types that nobody can dial are no address', [{ type: 'example.com/Vip', value: '10.0.0.9' }], undefined],
];
for (const [rule, addresses, want] of destinations) {
  test(rule, () => {
    expect(waypointFrom(gatewayOf({ addresses }), undefined, [], 'net')?.address.destination).toEqual(want);
  });
}

const types: readonly (readonly [rule: string, gateway: string | undefined, ofClass: string | undefined, want: TrafficType])[] = [
  ['a waypoint takes traffic for services unless it says otherwise', undefined, undefined, 'service'],
  ['the class says otherwise', undefined, 'workload', 'workload'],
  ['the gateway says it before its class', 'all', 'workload', 'all'],
  ['none is none', 'none', undefined, 'none'],
  ['an unknown word takes nothing', 'services', 'all', 'none'],
];
for (const [rule, gateway, ofClass, want] of types) {
  test(rule, () => {
    const labels = (word: string | undefined): Labels => (word === undefined ? {} : { 'istio.io/waypoint-for': word });
    const made = waypointFrom(gatewayOf({ meta: { labels: labels(gateway) } }), gatewayClassOf({ labels: labels(ofClass) }), [], '');
    expect(made?.trafficType).toBe(want);
  });
}

// WaypointInboundBinding
const bindings: readonly (readonly [rule: string, gateway: string | undefined, ofClass: string | undefined, want: unknown])[] = [
  ['no annotation, no inbound binding', undefined, undefined, undefined],
  ['a protocol alone has port 0', 'PROXY', undefined, { protocol: 'PROXY', port: 0 }],
  ['a protocol with a port', 'PROXY/15088', undefined, { protocol: 'PROXY', port: 15088 }],
  ['NONE is a protocol', 'NONE/1', undefined, { protocol: 'NONE', port: 1 }],
  ['the class has one', undefined, 'NONE', { protocol: 'NONE', port: 0 }],
  ['the gateway overrides its class', 'PROXY', 'NONE', { protocol: 'PROXY', port: 0 }],
  ['also by one that cannot be read', 'TCP', 'NONE', undefined],
  ['case counts', 'proxy', undefined, undefined],
  ['a port that is no number is 0', 'PROXY/http', undefined, { protocol: 'PROXY', port: 0 }],
  ['zeros before a port do not count', 'PROXY/015088', undefined, { protocol: 'PROXY', port: 15088 }],
  ['a port above 65535 is 0', 'PROXY/65536', undefined, { protocol: 'PROXY', port: 0 }],
  ['more than a port is nothing', 'PROXY/1/2', undefined, undefined],
  ['empty is nothing', '', undefined, undefined],
];
for (const [rule, gateway, ofClass, want] of bindings) {
  test(`inbound binding: ${rule}`, () => {
    const annotations = (word: string | undefined): Labels => (word === undefined ? {} : { [inbound]: word });
    const made = waypointFrom(
      gatewayOf({ meta: { annotations: annotations(gateway) } }),
      gatewayClassOf({ annotations: annotations(ofClass) }),
      [],
      '',
    );
    expect(made?.inboundBinding).toEqual(want);
  });
}

// MakeAllowedRoutes
const selector = { matchLabels: { team: 'a' }, matchExpressions: [] };
const proxy = listenerOf({ name: 'proxy', port: 15088, protocol: 'istio.io/PROXY', from: 'None' });
const bespoke = listenerOf({ name: 'tcp', port: 9000, protocol: 'TCP', from: 'Selector', selector });
const listeners: readonly (readonly [rule: string, listeners: readonly GatewayListener[], binding: string, want: Waypoint['allowed']])[] = [
  ['no listener: only the own namespace', [], '', { from: 'Same' }],
  ['the listener of the mesh decides', [bespoke, hbone], '', { from: 'All' }],
  ['HBONE on another port is not it', [{ ...hbone, port: 15009 }], '', { from: 'Same' }],
  ['15008 of another protocol is not it', [{ ...hbone, protocol: 'TLS' }], '', { from: 'Same' }],
  ['a selector comes along', [{ ...hbone, from: 'Selector', selector }], '', { from: 'Selector', selector }],
  ['a binding with a port means the listener of that port', [hbone, proxy, bespoke], 'NONE/9000', { from: 'Selector', selector }],
  ['PROXY without a port means the listener of that protocol', [hbone, proxy], 'PROXY', { from: 'None' }],
  ['with a port that no listener has, HBONE', [hbone, proxy], 'PROXY/1', { from: 'All' }],
  ['PROXY without its listener falls back to HBONE', [hbone], 'PROXY', { from: 'All' }],
  ['NONE without a port means HBONE', [hbone, proxy], 'NONE', { from: 'All' }],
];
for (const [rule, given, binding, want] of listeners) {
  test(`allowed routes: ${rule}`, () => {
    const gateway = gatewayOf({ meta: { annotations: binding === '' ? {} : { [inbound]: binding } }, listeners: given });
    expect(waypointFrom(gateway, undefined, [], '')?.allowed).toEqual(want);
  });
}

const labelled = namespaceOf('other', { team: 'a' });
const admissions: readonly (readonly [rule: string, allowed: Waypoint['allowed'], namespace: string, known: boolean, want: boolean])[] = [
  ['All admits everyone', { from: 'All' }, 'other', true, true],
  ['All admits a namespace not known yet', { from: 'All' }, 'other', false, true],
  ['Same admits its own', { from: 'Same' }, 'ns', false, true],
  ['Same refuses others', { from: 'Same' }, 'other', true, false],
  ['Selector admits by labels', { from: 'Selector', selector }, 'other', true, true],
  ['Selector refuses other labels', { from: 'Selector', selector: { ...selector, matchLabels: { team: 'b' } } }, 'other', true, false],
  [
    'Selector refuses its own namespace too',
    { from: 'Selector', selector: { ...selector, matchLabels: { team: 'b' } } },
    'ns',
    true,
    false,
  ],
  ['Selector refuses a namespace not known', { from: 'Selector', selector }, 'other', false, false],
  [
    'an empty selector admits every known namespace',
    { from: 'Selector', selector: { matchLabels: {}, matchExpressions: [] } },
    'other',
    true,
    true,
  ],
  ['Selector without a selector admits nobody', { from: 'Selector' }, 'other', true, false],
  ['None admits nobody', { from: 'None' }, 'ns', true, false],
];
for (const [rule, allowed, namespace, known, want] of admissions) {
  test(`admission: ${rule}`, () => {
    expect(allows(waypointOf({ allowed }), known ? labelled : undefined, namespace)).toBe(want);
  });
}

// ServiceOwningWaypoints
test('an object is served by its waypoint and by the canary', () => {
  const [waypoint, canary] = [waypointOf(), waypointOf({ name: 'canary' })];
  expect(waypointsOf({})).toEqual([]);
  expect(waypointsOf({ waypoint })).toEqual([waypoint]);
  expect(waypointsOf({ waypoint, canary: { waypoint: canary, weight: 0 } })).toEqual([waypoint, canary]);
});
