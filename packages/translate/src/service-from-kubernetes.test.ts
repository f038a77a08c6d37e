// A Kubernetes Service as a service of the mesh (ServiceServices, EmptyVIPsExcluded, IngressUseWaypointFromLabels).
import type { Service } from '@ambient-mesh/model/service';
import { expect, test } from 'vitest';
import type { Labels } from './kinds/meta.ts';
import { serviceFromKubernetes } from './service-from-kubernetes.ts';
import type { ServiceInfo } from './service-info.ts';
import { contextOf, kubeServiceOf, namespaceOf, plainSettings, portOf, waypointOf } from './testing/services.ts';
import type { Binding } from './waypoint.ts';

test('the whole service', () => {
  const service = kubeServiceOf({ meta: { createdAt: 7 }, ports: [portOf({ name: 'http' })] });
  const want: ServiceInfo = {
    service: {
      name: 'web',
      namespace: 'ns',
      hostname: 'web.ns.svc.example.org',
      vips: [{ network: 'net', ip: '10.0.0.1' as Service['vips'][number]['ip'] }],
      cidrVips: [],
      ports: new Map([[80, 8080]]),
      appProtocols: new Map([[80, 'HTTP11']]),
      subjectAltNames: [],
      weightedWaypoints: [],
      ipFamilies: 'IPv4',
      canonical: false,
      visibility: 'Public',
    },
    source: { kind: 'Service', namespace: 'ns', name: 'web', ports: service.ports },
    createdAt: 7,
    binding: {},
    selector: { app: 'web' },
  };
  const context = contextOf({ settings: { ...plainSettings, clusterDomain: 'example.org' } });
  expect(serviceFromKubernetes(service, context)).toEqual(want);
});

test('an alias of a name elsewhere is no service of the mesh', () => {
  expect(serviceFromKubernetes(kubeServiceOf({ type: 'ExternalName' }), contextOf())).toBeUndefined();
});

const addresses: readonly (readonly [rule: string, clusterIps: readonly string[], want: readonly string[]])[] = [
  ['one address', ['10.0.0.1'], ['10.0.0.1']],
  ['both families', ['10.0.0.1', 'FD00::1'], ['10.0.0.1', 'fd00::1']],
  ['headless: none', ['None'], []],
  ['none assigned yet', [''], []],
  ['none at all', [], []],
  ['what is no address is passed over', ['x', '10.0.0.1'], ['10.0.0.1']],
];
for (const [rule, clusterIps, want] of addresses) {
  test(`addresses: ${rule}`, () => {
    expect(serviceFromKubernetes(kubeServiceOf({ clusterIps }), contextOf())?.service.vips.map(({ ip }) => ip)).toEqual(want);
  });
}

const families: readonly (readonly [families: readonly string[], want: Service['ipFamilies']])[] = [
  [['IPv4'], 'IPv4'],
  [['IPv6'], 'IPv6'],
  [['IPv6', 'IPv4'], 'Dual'],
  [[], undefined],
];
for (const [ipFamilies, want] of families) {
  test(`families: ${ipFamilies.join(' and ') || 'none'}`, () => {
    expect(serviceFromKubernetes(kubeServiceOf({ ipFamilies }), contextOf())?.service.ipFamilies).toBe(want);
  });
}

const waypoint = waypointOf();
const canary = { waypoint: waypointOf({ name: 'canary' }), weight: 30 };
const bindings: readonly (readonly [rule: string, binding: Binding, want: Pick<Service, 'waypoint' | 'weightedWaypoints'>])[] = [
  ['none', {}, { weightedWaypoints: [] }],
  ['one that failed is none', { error: { reason: 'WaypointIsNotReady', message: '' } }, { weightedWaypoints: [] }],
  ['one', { waypoint }, { waypoint: waypoint.address, weightedWaypoints: [] }],
  [
    'with a canary: both with their shares, and the waypoint stays',
    { waypoint, canary },
    {
      waypoint: waypoint.address,
      weightedWaypoints: [
        { destination: waypoint.address, weight: 70 },
        { destination: canary.waypoint.address, weight: 30 },
      ],
    },
  ],
  [
    'with a canary of no weight: it is listed',
    { waypoint, canary: { ...canary, weight: 0 } },
    {
      waypoint: waypoint.address,
      weightedWaypoints: [
        { destination: waypoint.address, weight: 100 },
        { destination: canary.waypoint.address, weight: 0 },
      ],
    },
  ],
];
for (const [rule, binding, want] of bindings) {
  test(`waypoint: ${rule}`, () => {
    const made = serviceFromKubernetes(kubeServiceOf(), contextOf({ binding }));
    expect(made?.binding).toBe(binding);
    expect(made?.service.waypoint).toEqual(want.waypoint);
    expect(made?.service.weightedWaypoints).toEqual(want.weightedWaypoints);
  });
}

type Ingress = readonly [rule: string, own: string | undefined, inherited: string | undefined, label: boolean | undefined];
const ingress: readonly Ingress[] = [
  ['no label', undefined, undefined, undefined],
  ['its own', 'true', undefined, true],
  ['in Go’s words', 'T', undefined, true],
  ['false', 'false', undefined, false],
  ['what is no bool is false', 'yes', undefined, false],
  ['that of the namespace', undefined, '1', true],
  ['its own first', 'false', 'true', false],
  ['even one that is no bool', '', 'true', false],
];
for (const [rule, own, inherited, label] of ingress) {
  test(`ingress through the waypoint: ${rule}`, () => {
    const labels = (word: string | undefined): Labels => (word === undefined ? {} : { 'istio.io/ingress-use-waypoint': word });
    const service = kubeServiceOf({ meta: { labels: labels(own) } });
    const namespace = namespaceOf('ns', labels(inherited));
    const withWaypoint = serviceFromKubernetes(service, contextOf({ namespace, binding: { waypoint } }));
    expect(withWaypoint?.ingressUseWaypoint).toBe(label);
    expect(withWaypoint?.service.ingressUseWaypoint ?? false).toBe(label === true);
    expect(serviceFromKubernetes(service, contextOf({ namespace }))?.service).not.toHaveProperty('ingressUseWaypoint');
  });
}
