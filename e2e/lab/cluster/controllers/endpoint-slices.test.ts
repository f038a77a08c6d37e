// EndpointSlices decided on made-up clusters: a row for every rule about families, readiness, named ports and who owns which slice.
import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../objects.ts';
import { endpointSlices, slicesOf } from './endpoint-slices.ts';
import { type Given, meta, node, pod, service, viewOf } from './test-view.ts';

const labels = { app: 'web' };
const selecting = (more: Partial<Service['spec']> = {}): Service =>
  service({ selector: labels, ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...more });
const slices = (given: Given, of: Service) => slicesOf(viewOf({ services: [of], ...given }), of);
const addresses = (given: Given, of: Service): readonly (readonly string[])[] =>
  slices(given, of).map(({ endpoints }) => endpoints.flatMap((each) => each.addresses));

test('each family has slices of its own, with the addresses of that family', () => {
  const pods = [pod('a', { labels, ips: ['10.0.0.1', 'fd00::1'] }), pod('b', { labels, ips: ['10.0.0.2'] })];
  const made = slices({ pods }, selecting({ ipFamilies: ['IPv4', 'IPv6'] }));
  expect(made.map(({ addressType, endpoints }) => [addressType, endpoints.length])).toEqual([
    ['IPv4', 2],
    ['IPv6', 1],
  ]);
});

const conditions: readonly (readonly [name: string, wish: Parameters<typeof pod>[1], service: Partial<Service['spec']>, want: string])[] = [
  ['a ready pod is ready and serves', {}, {}, 'ready serving'],
  ['one that is not ready is neither', { ready: false }, {}, ''],
  ['one that ends serves but is not ready', { meta: { deletionTimestamp: 'x' } }, {}, 'serving terminating'],
  ['all are ready when the Service says so', { ready: false }, { publishNotReadyAddresses: true }, 'ready'],
];
for (const [name, wish, more, want] of conditions)
  test(name, () => {
    const [slice] = slices({ pods: [pod('a', { labels, ips: ['10.0.0.1'], ...wish })] }, selecting(more));
    const found = Object.entries(slice?.endpoints[0]?.conditions ?? {}).flatMap(([condition, holds]) => (holds ? [condition] : []));
    expect(found.join(' ')).toBe(want);
  });

test('a named port may be another number in each pod: those pods are in different slices', () => {
  const withPort = (name: string, containerPort: number, ip: string) =>
    pod(name, { labels, ips: [ip], ports: [{ name: 'web', containerPort }] });
  const of = selecting({ ports: [{ name: 'http', port: 80, targetPort: 'web' }] });
  const made = slices({ pods: [withPort('a', 8080, '10.0.0.1'), withPort('b', 9090, '10.0.0.2'), withPort('c', 8080, '10.0.0.3')] }, of);
  expect(made.map(({ ports, endpoints }) => [ports, endpoints.length])).toEqual([
    [[{ name: 'http', port: 8080, protocol: 'TCP' }], 2],
    [[{ name: 'http', port: 9090, protocol: 'TCP' }], 1],
  ]);
});

test('more than a hundred endpoints take several slices, with different names', () => {
  const pods = Array.from({ length: 205 }, (_, i) => pod(`p${i}`, { labels, ips: [`10.0.${i >> 8}.${i & 255}`] }));
  const made = slices({ pods }, selecting());
  expect(made.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 5]);
  expect(new Set(made.map(({ name }) => name)).size).toBe(3);
});

test('pods without address, pods that have ended and pods of others are not there', () => {
  const ended = { ...pod('c', { labels, ips: ['10.0.0.3'] }), status: { phase: 'Succeeded', podIPs: [{ ip: '10.0.0.3' }] } };
  const foreign = pod('d', { labels, ips: ['10.0.0.4'], meta: { namespace: 'elsewhere' } });
  expect(addresses({ pods: [pod('a', { labels }), pod('b', { ips: ['10.0.0.2'] }), ended, foreign] }, selecting())).toEqual([[]]);
});

test('an endpoint names its node and its zone', () => {
  const nodes = [node('node-a', { 'topology.kubernetes.io/zone': 'west' })];
  const [slice] = slices({ nodes, pods: [pod('a', { labels, ips: ['10.0.0.1'] })] }, selecting());
  expect(slice?.endpoints[0]).toMatchObject({ nodeName: 'node-a', zone: 'west', targetRef: { kind: 'Pod', name: 'a', uid: 'uid-a' } });
});

const decide = (given: Given) => endpointSlices.decide(viewOf(given), 'shop/web', '');
const managed = {
  ...meta('web-old'),
  labels: { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
};

test('slices of a Service that is gone go; those that somebody else made stay', () => {
  const foreign = { ...meta('hand-made'), labels: { 'kubernetes.io/service-name': 'web' } };
  const endpointSlices = [managed, foreign].map((metadata) => ({ metadata, addressType: 'IPv4' }));
  expect(decide({ endpointSlices })).toMatchObject([{ do: 'remove', of: { metadata: { name: 'web-old' } } }]);
});

test('a Service without selector is left to whoever made it', () => {
  const { selector: _, ...spec } = selecting().spec;
  expect(decide({ services: [service(spec)], endpointSlices: [{ metadata: managed, addressType: 'IPv4' }] })).toEqual([]);
});

test('what is there already is not written again', () => {
  const given = { services: [selecting()], pods: [pod('a', { labels, ips: ['10.0.0.1'] })] };
  const [create] = decide(given);
  if (create?.do !== 'create') throw new Error('no slice was made');
  const body = create.body as Omit<EndpointSlice, 'metadata'> & { metadata: object };
  const made = { ...body, metadata: { ...meta(create.key.name), ...body.metadata } };
  expect(decide({ ...given, endpointSlices: [made] })).toEqual([]);
});
