// What the cluster's DNS says, from made-up Services and slices: a row for every kind of name. And messages: long ones, and any bytes at all.
import dns from 'dns-packet';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meta, service } from '../controllers/test-view.ts';
import type { EndpointSlice, Service, SliceEndpoint } from '../objects.ts';
import { answerOf, type ClusterNames } from './answers.ts';
import { replyTo } from './reply.ts';

const ports = [
  { name: 'http', port: 80 },
  { name: 'dns', port: 53, protocol: 'UDP' },
];
const alias = (name: string, externalName: string): Service => service({ type: 'ExternalName', externalName }, { name });
const headless = (name: string): Service => service({ clusterIP: 'None', clusterIPs: ['None'], ports }, { name });
const many = Array.from({ length: 60 }, (_, i): SliceEndpoint => ({ addresses: [`10.9.0.${i}`] }));

const services = [
  service({ clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9', 'fd00:10:96::9'], ports }),
  headless('peers'),
  headless('nobody'),
  headless('crowd'),
  alias('outside', 'example.com.'),
  alias('inside', 'web.shop.svc.cluster.local'),
  alias('twice', 'INSIDE.shop.svc.cluster.local.'),
  alias('circle', 'circle.shop.svc.cluster.local'),
  alias('nowhere', 'gone.shop.svc.cluster.local'),
];

function slice(of: string, addressType: string, endpoints: readonly SliceEndpoint[]): EndpointSlice {
  const metadata = meta(`${of}-${addressType}`, { labels: { 'kubernetes.io/service-name': of } });
  return { metadata, addressType, endpoints, ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] };
}

const slices = [
  slice('peers', 'IPv4', [
    { addresses: ['10.0.1.1'], hostname: 'one' },
    { addresses: ['10.0.2.1'] },
    { addresses: ['10.0.2.2'], hostname: 'late', conditions: { ready: false } },
  ]),
  slice('peers', 'IPv6', [{ addresses: ['fd00:10:1::1'], hostname: 'one' }]),
  slice('nobody', 'IPv4', []),
  slice('crowd', 'IPv4', many),
];

const names: ClusterNames = {
  service: (namespace, name) => services.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  slices: (namespace, name) =>
    namespace === 'shop' ? slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name) : [],
};

/** `A 10.96.0.9`, without what every name here ends with. */
const said = (name: string, type: string): readonly string[] | undefined =>
  answerOf(names, name, type)?.map(({ type: of, data }) =>
    `${of} ${typeof data === 'string' ? data : `${data.target}:${data.port}`}`.replace('.shop.svc.cluster.local', '.~'),
  );

const below = '.shop.svc.cluster.local';
const rows: readonly (readonly [rule: string, name: string, type: string, want: readonly string[] | undefined])[] = [
  ['a Service has its cluster address', `web${below}`, 'A', ['A 10.96.0.9']],
  ['of each family', `web${below}`, 'AAAA', ['AAAA fd00:10:96::9']],
  ['upper case and a dot at the end change nothing', 'WEB.shop.SVC.cluster.local.', 'A', ['A 10.96.0.9']],
  ['it exists, without records of other types', `web${below}`, 'TXT', []],
  ['one that is not there does not exist', `none${below}`, 'A', undefined],
  ['nor one of another namespace', 'web.other.svc.cluster.local', 'A', undefined],
  ['a headless one has its ready endpoints', `peers${below}`, 'A', ['A 10.0.1.1', 'A 10.0.2.1']],
  ['of each family too', `peers${below}`, 'AAAA', ['AAAA fd00:10:1::1']],
  ['without endpoints it does not exist', `nobody${below}`, 'A', undefined],
  ['an endpoint of it has its hostname', `one.peers${below}`, 'AAAA', ['AAAA fd00:10:1::1']],
  ['or its address for one', `10-0-2-1.peers${below}`, 'A', ['A 10.0.2.1']],
  ['exists without the other family', `10-0-2-1.peers${below}`, 'AAAA', []],
  ['not while it is not ready', `late.peers${below}`, 'A', undefined],
  ['endpoints of other Services have no names', `one.web${below}`, 'A', undefined],
  ['a port has a place', `_http._tcp.web${below}`, 'SRV', ['SRV web.~:80']],
  ['also of UDP', `_dns._udp.web${below}`, 'SRV', ['SRV web.~:53']],
  ['not of another protocol', `_http._udp.web${below}`, 'SRV', undefined],
  ['a port name has no address', `_http._tcp.web${below}`, 'A', []],
  ['a headless one has a place an endpoint', `_http._tcp.peers${below}`, 'SRV', ['SRV one.peers.~:8080', 'SRV 10-0-2-1.peers.~:8080']],
  ['none for ports that no endpoint has', `_dns._udp.peers${below}`, 'SRV', undefined],
  ['nothing is further below', `a._http._tcp.web${below}`, 'SRV', undefined],
  ['an alias is what it is', `outside${below}`, 'A', ['CNAME example.com']],
  ['for every type', `inside${below}`, 'CNAME', ['CNAME web.~']],
  ['what it stands for comes with it', `inside${below}`, 'A', ['CNAME web.~', 'A 10.96.0.9']],
  ['also over several', `twice${below}`, 'AAAA', ['CNAME INSIDE.~', 'CNAME web.~', 'AAAA fd00:10:96::9']],
  ['if it is there', `nowhere${below}`, 'A', ['CNAME gone.~']],
  ['an alias has nothing below', `x.inside${below}`, 'A', undefined],
  ['the world does not exist', 'example.com', 'A', undefined],
  ['nor do half names', 'web.shop', 'A', undefined],
  ['nor does the zone itself', 'svc.cluster.local', 'A', undefined],
];
test.each(rows)('%s: %s', (_, name, type, want) => {
  expect(said(name, type)).toEqual(want);
});

test('aliases that go in circles are given up', () => {
  expect(said(`circle${below}`, 'A')?.length).toBeLessThan(20);
});

function ask(name: string, over: 'udp' | 'tcp', room?: number): ReturnType<typeof dns.decode> {
  const additionals = room === undefined ? [] : [{ type: 'OPT' as const, name: '.', udpPayloadSize: room, flags: 0, options: [] }];
  const questions = [{ type: 'A' as const, name }];
  const reply = replyTo(names, dns.encode({ type: 'query', id: 7, flags: dns.RECURSION_DESIRED, questions, additionals }), over);
  return dns.decode(reply ?? Buffer.alloc(0));
}

test('a response repeats the question, and says what it is', () => {
  expect(ask(`web${below}`, 'udp')).toMatchObject({
    id: 7,
    type: 'response',
    rcode: 'NOERROR',
    flag_aa: true,
    flag_rd: true,
    questions: [{ name: `web${below}`, type: 'A' }],
    answers: [{ name: `web${below}`, type: 'A', data: '10.96.0.9', ttl: 5 }],
  });
  expect(ask(`none${below}`, 'udp')).toMatchObject({ rcode: 'NXDOMAIN', answers: [] });
});

test.each([
  ['too long for a datagram: it says so', 'udp', undefined, 0],
  ['a client with room gets it', 'udp', 4_096, many.length],
  ['by TCP everybody does', 'tcp', undefined, many.length],
] as const)('%s', (_, over, room, count) => {
  const { answers = [], flag_tc } = ask(`crowd${below}`, over, room);
  expect([answers.length, flag_tc]).toEqual([count, count === 0]);
});

test('a response is no question', () => {
  expect(replyTo(names, dns.encode({ type: 'response', id: 1, questions: [{ type: 'A', name: `web${below}` }] }), 'udp')).toBeUndefined();
});

test('any bytes, and any name and type, get a response or nothing', () => {
  const header = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const question = fc
    .tuple(fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 6 }), fc.integer({ min: 0, max: 65_535 }))
    .map(([labels, type]) =>
      Buffer.concat([header, ...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0, type >> 8, type & 255, 0, 1)]),
    );
  fc.assert(
    fc.property(fc.oneof(question, fc.uint8Array({ maxLength: 600 }).map(Buffer.from)), fc.constantFrom('udp', 'tcp'), (query, over) => {
      expect(replyTo(names, query, over)?.length ?? 12).toBeGreaterThanOrEqual(12);
    }),
  );
});
