// A node's rules for Services, from made-up Services and slices: a row for every rule about who answers, and the text that the kernel gets.
import { spawnSync } from 'node:child_process';
import { Netns } from '@ambient-mesh/host/netns';
import { expect, test } from 'vitest';
import { meta, service } from '../controllers/test-view.ts';
import type { EndpointSlice, Service, ServicePort } from '../objects.ts';
import { type Frontend, frontendsOf, serviceRules } from './rules.ts';

const http: ServicePort = { name: 'http', port: 80, targetPort: 8080 };

const web = (spec: Partial<Service['spec']> = {}, more: Parameters<typeof service>[1] = {}): Service =>
  service({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [http], ...spec }, more);

function slice(ips: readonly string[], more: Partial<EndpointSlice> = {}, of = 'web'): EndpointSlice {
  return {
    metadata: meta(`${of}-slice`, { labels: { 'kubernetes.io/service-name': of } }),
    addressType: ips[0]?.includes(':') === true ? 'IPv6' : 'IPv4',
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    ...more,
  };
}

/** `10.96.0.9:80/tcp > 10.0.1.1:8080 10.0.1.2:8080` */
const text = ({ ip, port, protocol, backends }: Frontend): string =>
  [`${ip}:${port}/${protocol} >`, ...backends.map((each) => `${each.ip}:${each.port}`)].join(' ');

const [a, b] = ['10.0.1.1', '10.0.2.1'];
const dual = web({ clusterIPs: ['10.96.0.9', 'fd00:10:96::9'] });
const named = (name: string): EndpointSlice => slice([a], { ports: [{ name, port: 8080, protocol: 'TCP' }] });

const rows: readonly (readonly [rule: string, of: Service, slices: readonly EndpointSlice[], want: readonly string[]])[] = [
  ['a port leads to all ready endpoints', web(), [slice([a, b])], [`10.96.0.9:80/tcp > ${a}:8080 ${b}:8080`]],
  ['of all slices', web(), [slice([a]), slice([b])], [`10.96.0.9:80/tcp > ${a}:8080 ${b}:8080`]],
  ['an endpoint in two slices counts once', web(), [slice([a]), slice([a, b])], [`10.96.0.9:80/tcp > ${a}:8080 ${b}:8080`]],
  [
    'one that is not ready is left out',
    web(),
    [slice([], { endpoints: [{ addresses: [a], conditions: { ready: false } }] })],
    ['10.96.0.9:80/tcp >'],
  ],
  ['one that does not say is ready', web(), [slice([], { endpoints: [{ addresses: [a] }] })], [`10.96.0.9:80/tcp > ${a}:8080`]],
  ['without endpoints a port leads nowhere, and is known for that', web(), [], ['10.96.0.9:80/tcp >']],
  ['slices may be empty in every way', web(), [slice([], { endpoints: null, ports: null })], ['10.96.0.9:80/tcp >']],
  [
    'each family leads to endpoints of its own',
    dual,
    [slice([a]), slice(['fd00:10:1::1'])],
    [`10.96.0.9:80/tcp > ${a}:8080`, 'fd00:10:96::9:80/tcp > fd00:10:1::1:8080'],
  ],
  ['ports are told apart by name', web(), [named('admin')], ['10.96.0.9:80/tcp >']],
  ['a nameless port leads to a nameless one', web({ ports: [{ port: 80 }] }), [named('')], [`10.96.0.9:80/tcp > ${a}:8080`]],
  [
    'and by protocol',
    web({
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53 },
      ],
    }),
    [slice([a], { ports: [{ name: 'dns', port: 5353, protocol: 'UDP' }] })],
    [`10.96.0.9:53/udp > ${a}:5353`, '10.96.0.9:53/tcp >'],
  ],
  ['other protocols are left alone', web({ ports: [{ ...http, protocol: 'SCTP' }] }), [slice([a])], []],
  ['a headless Service has no address', web({ clusterIP: 'None', clusterIPs: ['None'] }), [slice([a])], []],
  ['nor has an alias', service({ type: 'ExternalName', externalName: 'example.com', ports: [http] }), [], []],
  ['slices of other Services are theirs', web(), [slice([a], {}, 'other')], ['10.96.0.9:80/tcp >']],
  ['as are those of other namespaces', web({}, { namespace: 'elsewhere' }), [slice([a])], ['10.96.0.9:80/tcp >']],
];
test.each(rows)('%s', (_, of, slices, want) => {
  expect(frontendsOf([of], slices).map(text)).toEqual(want);
});

const frontends: readonly Frontend[] = [
  { ip: '10.96.0.1', protocol: 'tcp', port: 443, backends: [{ ip: '172.172.255.254', port: 6443 }] },
  {
    ip: '10.96.0.9',
    protocol: 'tcp',
    port: 80,
    backends: [
      { ip: a, port: 8080 },
      { ip: b, port: 8081 },
    ],
  },
  {
    ip: 'fd00:10:96::9',
    protocol: 'udp',
    port: 53,
    backends: [
      { ip: 'fd00:10:1::1', port: 53 },
      { ip: 'fd00:10:2::1', port: 53 },
    ],
  },
  { ip: '10.96.0.8', protocol: 'tcp', port: 80, backends: [] },
  { ip: 'fd00:10:96::8', protocol: 'udp', port: 53, backends: [] },
];

test('the whole table as text: one transaction that replaces what was there', () => {
  const nat = (hook: string): string[] => [
    `add chain inet lab-services ${hook} { type nat hook ${hook} priority -110 ; }`,
    `add rule inet lab-services ${hook} ip daddr 10.96.0.1 tcp dport 443 dnat ip to 172.172.255.254:6443`,
    `add rule inet lab-services ${hook} ip daddr 10.96.0.9 tcp dport 80 dnat ip to numgen random mod 2 map { 0 : 10.0.1.1 . 8080, 1 : 10.0.2.1 . 8081 }`,
    `add rule inet lab-services ${hook} ip6 daddr fd00:10:96::9 udp dport 53 dnat ip6 to numgen random mod 2 map { 0 : fd00:10:1::1 . 53, 1 : fd00:10:2::1 . 53 }`,
  ];
  const refuse = (hook: string): string[] => [
    `add chain inet lab-services refuse-${hook} { type filter hook ${hook} priority -110 ; }`,
    `add rule inet lab-services refuse-${hook} ip daddr 10.96.0.8 tcp dport 80 reject with tcp reset`,
    `add rule inet lab-services refuse-${hook} ip6 daddr fd00:10:96::8 udp dport 53 reject`,
  ];
  const hairpin = (family: string, ip: string): string =>
    `add rule inet lab-services postrouting ct status dnat ${family} saddr ${ip} ${family} daddr ${ip} masquerade`;
  expect(serviceRules(frontends).trim().split('\n')).toEqual([
    'add table inet lab-services',
    'delete table inet lab-services',
    'add table inet lab-services',
    ...nat('prerouting'),
    ...nat('output'),
    ...refuse('forward'),
    ...refuse('output'),
    'add chain inet lab-services postrouting { type nat hook postrouting priority 90 ; }',
    hairpin('ip', '172.172.255.254'),
    hairpin('ip', a),
    hairpin('ip', b),
    hairpin('ip6', 'fd00:10:1::1'),
    hairpin('ip6', 'fd00:10:2::1'),
  ]);
});

test('the kernel takes it, again and again, and leaves the tables of others alone', () => {
  using netns = Netns.create();
  const nft = (input: string, ...args: string[]): string => {
    const done = netns.run(() => spawnSync('nft', args, { input, encoding: 'utf8' }));
    expect([done.status, done.stderr]).toEqual([0, '']);
    return done.stdout;
  };
  nft('add table inet istio-ambient-nat\n', '-f', '-');
  for (const rules of [serviceRules([]), serviceRules(frontends), serviceRules(frontends)]) nft(rules, '-f', '-');
  expect(nft('', 'list', 'tables').trim().split('\n').toSorted()).toEqual(['table inet istio-ambient-nat', 'table inet lab-services']);
  expect(nft('', 'list', 'chain', 'inet', 'lab-services', 'prerouting').match(/dnat/g)).toHaveLength(3);
});
