// How endpoints are chosen: policy for internal traffic, field, annotations, in that order.
import { expect, test } from 'vitest';
import type { ServiceEntry } from './kinds/entries.ts';
import type { Labels } from './kinds/meta.ts';
import type { KubeService } from './kinds/service.ts';
import { loadBalancerOf, loadBalancerOfEntry } from './load-balancing.ts';
import { kubeServiceOf, namespaceOf, serviceEntryOf } from './testing/services.ts';

const distribution = (word: string): Labels => ({ 'networking.istio.io/traffic-distribution': word });
const zone = { routingPreferences: ['Network', 'Region', 'Zone'], mode: 'Failover', healthPolicy: 'OnlyHealthy' };
const node = { routingPreferences: ['Network', 'Region', 'Zone', 'Subzone', 'Node'], mode: 'Failover', healthPolicy: 'OnlyHealthy' };
const local = { routingPreferences: ['Node'], mode: 'Strict', healthPolicy: 'OnlyHealthy' };

interface Case {
  readonly spec?: Partial<Omit<KubeService, 'meta'>>;
  readonly annotations?: Labels;
  readonly inherited?: Labels;
}

const rows: readonly (readonly [rule: string, given: Case, want: unknown])[] = [
  ['nothing said: no preference', {}, undefined],
  ['internal traffic stays on the node', { spec: { internalTrafficPolicy: 'Local' } }, local],
  ['whatever is preferred', { spec: { internalTrafficPolicy: 'Local', trafficDistribution: 'PreferClose' } }, local],
  ['PreferClose is the same zone', { spec: { trafficDistribution: 'PreferClose' } }, zone],
  ['PreferSameZone', { spec: { trafficDistribution: 'PreferSameZone' } }, zone],
  ['PreferSameNode', { spec: { trafficDistribution: 'PreferSameNode' } }, node],
  ['in the field case counts', { spec: { trafficDistribution: 'preferclose' } }, undefined],
  [
    'a field that is not known leaves it to the annotation',
    { spec: { trafficDistribution: 'New' }, annotations: distribution('PreferClose') },
    zone,
  ],
  [
    'the field decides before the annotation',
    { spec: { trafficDistribution: 'PreferSameNode' }, annotations: distribution('PreferClose') },
    node,
  ],
  ['in the annotation case does not count', { annotations: distribution('preferSAMEnode') }, node],
  ['the annotation of the namespace', { inherited: distribution('PreferClose') }, zone],
  ['the own one decides first', { annotations: distribution('PreferSameNode'), inherited: distribution('PreferClose') }, node],
  ['even when it says Any', { annotations: distribution('Any'), inherited: distribution('PreferClose') }, undefined],
  ['or what nobody knows', { annotations: distribution('Nearby'), inherited: distribution('PreferClose') }, undefined],
  ['but not an empty one', { annotations: distribution(''), inherited: distribution('PreferClose') }, zone],
  [
    'addresses that are not ready are published: health does not count',
    { spec: { publishNotReadyAddresses: true } },
    { routingPreferences: [], mode: 'Standard', healthPolicy: 'AllowAll' },
  ],
  [
    'nor does it then with a preference',
    { spec: { publishNotReadyAddresses: true, trafficDistribution: 'PreferClose' } },
    { ...zone, healthPolicy: 'AllowAll' },
  ],
];
for (const [rule, { spec = {}, annotations = {}, inherited = {} }, want] of rows) {
  test(rule, () => {
    const namespace = namespaceOf('ns', {}, inherited);
    expect(loadBalancerOf(kubeServiceOf({ ...spec, meta: { annotations } }), namespace)).toEqual(want);
  });
}

test('PreferSamePresetNotMutated: one service that publishes all its addresses changes nothing for the next', () => {
  loadBalancerOf(kubeServiceOf({ publishNotReadyAddresses: true, trafficDistribution: 'PreferClose' }), undefined);
  expect(loadBalancerOf(kubeServiceOf({ trafficDistribution: 'PreferClose' }), undefined)).toEqual(zone);
});

const passthrough = { routingPreferences: [], mode: 'Passthrough', healthPolicy: 'AllowAll' };
const entryRows: readonly (readonly [
  rule: string,
  resolution: ServiceEntry['resolution'],
  own: Labels,
  inherited: Labels,
  want: unknown,
])[] = [
  ['an entry without resolution goes where it was going', 'NONE', distribution('PreferClose'), {}, passthrough],
  ['an entry has no preference by itself', 'STATIC', {}, {}, undefined],
  ['its annotation', 'DNS', distribution('PreferClose'), {}, zone],
  ['that of its namespace', 'DNS', {}, distribution('PreferSameNode'), node],
  ['its own first', 'STATIC', distribution('any'), distribution('PreferSameNode'), undefined],
];
for (const [rule, resolution, annotations, inherited, want] of entryRows) {
  test(rule, () => {
    expect(loadBalancerOfEntry(serviceEntryOf({ resolution, meta: { annotations } }), namespaceOf('ns', {}, inherited))).toEqual(want);
  });
}
