// Names that the DNS proxy answers itself. Rows: test_to_kube_fqdns, test_get_wildcards, search_domains and lookup of the reference's catalogue.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MeshDelta } from './delta.ts';
import { aliases, type DnsQuestion, dnsAnswer, kubernetesNames, kubernetesSearch, wildcards } from './dns-names.ts';
import { ip, meshOf, type ServiceSketch, service, type WorkloadSketch, workload } from './testing/index.ts';

const domain = 'cluster.local';

describe('kubernetesNames', () => {
  const rows: readonly (readonly [name: string, expanded: readonly string[]])[] = [
    ['x', ['x.ns.svc.cluster.local']],
    ['x.y', ['x.y.svc.cluster.local', 'x.y.ns.svc.cluster.local']],
    ['x.svc', ['x.svc.svc.cluster.local', 'x.svc.ns.svc.cluster.local']],
    ['x.y.svc', ['x.y.svc.cluster.local', 'x.y.svc.svc.cluster.local']],
    ['x.y.z', ['x.y.z.svc.cluster.local']],
    ['w.x.y.svc', ['w.x.y.svc.cluster.local']],
    ['w.x.y.z', []],
    ['x.y.svc.cluster.local', []],
    ['x..svc', []],
    ['', []],
  ];
  for (const [name, expanded] of rows) test(`of "${name}"`, () => expect(kubernetesNames(name, 'ns', domain)).toEqual(expanded));
});

describe('wildcards', () => {
  const rows: readonly (readonly [name: string, patterns: readonly string[]])[] = [
    ['a', []],
    ['a.b', ['*.b']],
    ['a.b.c', ['*.b.c', '*.c']],
  ];
  for (const [name, patterns] of rows) test(`of "${name}"`, () => expect(wildcards(name)).toEqual(patterns));
});

const client = workload({ name: 'client', ips: ['10.0.0.1'] });
const question = (name: string, given: Partial<DnsQuestion> = {}): DnsQuestion => ({
  client,
  name,
  type: 'A',
  clusterDomain: domain,
  searchDomains: kubernetesSearch('ns', domain),
  ipv6: true,
  random: () => 0,
  ...given,
});

describe('aliases', () => {
  const names = (name: string) =>
    aliases(question(name)).map((alias) => (alias.stripped === undefined ? alias.name : `${alias.name} (${alias.stripped})`));
  const rows: readonly (readonly [rule: string, name: string, tried: readonly string[]])[] = [
    ['a short name and what it means in the cluster', 'x', ['x', 'x.ns.svc.cluster.local']],
    ['case and the final dot do not count', 'X.', ['x', 'x.ns.svc.cluster.local']],
    [
      'a name under a search domain also without it',
      'www.example.com.cluster.local',
      ['www.example.com.cluster.local', 'www.example.com (www.example.com)', 'www.example.com.svc.cluster.local (www.example.com)'],
    ],
    [
      'each search domain in turn, every name once',
      'x.ns.svc.cluster.local',
      [
        'x.ns.svc.cluster.local',
        'x (x)',
        'x.ns (x.ns)',
        'x.ns.ns.svc.cluster.local (x.ns)',
        'x.ns.svc (x.ns.svc)',
        'x.ns.svc.svc.cluster.local (x.ns.svc)',
      ],
    ],
    [
      'a search domain itself is not stripped to nothing',
      'cluster.local',
      ['cluster.local', 'cluster.local.svc.cluster.local', 'cluster.local.ns.svc.cluster.local'],
    ],
    [
      'only whole labels are stripped',
      'mycluster.local',
      ['mycluster.local', 'mycluster.local.svc.cluster.local', 'mycluster.local.ns.svc.cluster.local'],
    ],
    ['the root has no alias', '.', []],
  ];
  for (const [rule, name, tried] of rows) test(rule, () => expect(names(name)).toEqual(tried));
});

const svc = (hostname: string, ...vips: readonly string[]) => service({ hostname, vips });
const details = svc('details.ns.svc.cluster.local', '10.9.0.1');

/** `forward`, or the addresses, preceded by the canonical name if there is one. */
function answer(mesh: Partial<MeshDelta>, name: string, given: Partial<DnsQuestion> = {}): string {
  const answered = dnsAnswer(meshOf(mesh), question(name, given));
  if (answered === 'forward') return answered;
  const { canonicalName, addresses } = answered;
  return [...(canonicalName === undefined ? [] : [`${canonicalName} =`]), ...addresses].join(' ') || 'empty';
}

describe('names', () => {
  type Row = readonly [rule: string, services: readonly ReturnType<typeof svc>[], name: string, answer: string];
  const other = { ...svc('details.other.svc.cluster.local', '10.9.0.2'), namespace: 'other' };
  const external = svc('www.example.com', '10.9.0.3');
  const wild = svc('*.example.org', '10.9.0.4');
  const blocks = { ...svc('www.example.com'), cidrVips: [{ network: '', ip: ip('10.8.0.0'), length: 16 }] };
  const rows: readonly Row[] = [
    ['the full name', [details], 'details.ns.svc.cluster.local', '10.9.0.1'],
    ['with a final dot', [details], 'details.ns.svc.cluster.local.', '10.9.0.1'],
    ['in any case', [details], 'DETAILS.ns.svc.Cluster.Local', '10.9.0.1'],
    ['the service', [details], 'details', '10.9.0.1'],
    ['the service and its namespace', [details], 'details.ns', '10.9.0.1'],
    ['the service, its namespace and svc', [details], 'details.ns.svc', '10.9.0.1'],
    ['a service of another namespace by both', [other], 'details.other', '10.9.0.2'],
    ['but not by its name alone', [other], 'details', 'forward'],
    ['a name that nobody has', [details], 'nobody', 'forward'],
    ['an external name', [external], 'www.example.com', '10.9.0.3'],
    [
      'an external name under a search domain is an alias',
      [external],
      'www.example.com.ns.svc.cluster.local',
      'www.example.com = 10.9.0.3',
    ],
    ['under the shortest search domain too', [external], 'www.example.com.cluster.local', 'www.example.com = 10.9.0.3'],
    ['a doubled search domain', [details], 'details.ns.svc.cluster.local.ns.svc.cluster.local', 'details.ns.svc.cluster.local = 10.9.0.1'],
    ['a wildcard', [wild], 'a.example.org', '10.9.0.4'],
    ['a wildcard stands for several labels', [wild], 'a.b.example.org', '10.9.0.4'],
    ['but not for none', [wild], 'example.org', 'forward'],
    ['a wildcard under a search domain is no alias', [wild], 'a.example.org.cluster.local', '10.9.0.4'],
    ['an exact name goes before a wildcard', [wild, svc('a.example.org', '10.9.0.5')], 'a.example.org', '10.9.0.5'],
    ['a longer wildcard goes before a shorter', [wild, svc('*.b.example.org', '10.9.0.5')], 'a.b.example.org', '10.9.0.5'],
    ['an external service without addresses is for the resolver', [svc('www.example.com')], 'www.example.com', 'forward'],
    ['a service of blocks only is for the resolver', [blocks], 'www.example.com', 'forward'],
    [
      'a service hidden from the client is for the resolver',
      [{ ...external, namespace: 'other', visibility: 'Namespace' }],
      'www.example.com',
      'forward',
    ],
    ['a hidden service of the client’s own namespace', [{ ...external, visibility: 'Namespace' }], 'www.example.com', '10.9.0.3'],
    [
      'of two the client’s own',
      [{ ...svc('www.example.com', '10.9.0.9'), namespace: 'other', canonical: true }, external],
      'www.example.com',
      '10.9.0.3',
    ],
  ];
  for (const [rule, services, name, expected] of rows) test(rule, () => expect(answer({ services }, name)).toBe(expected));

  test('the preferred namespace breaks the tie', () => {
    const services = ['a', 'b'].map((namespace, at) => ({ ...svc('www.example.com', `10.9.1.${at}`), namespace }));
    expect(answer({ services }, 'www.example.com', { preferredNamespace: 'b' })).toBe('10.9.1.1');
  });
});

describe('records', () => {
  const dual = (given: Partial<ServiceSketch> = {}) => ({
    services: [service({ hostname: 'h.com', vips: ['10.9.0.1', 'fd00::1'], ...given })],
  });
  type Row = readonly [rule: string, mesh: Partial<MeshDelta>, given: Partial<DnsQuestion>, answer: string];
  const rows: readonly Row[] = [
    ['A gives IPv4', dual(), { type: 'A' }, '10.9.0.1'],
    ['AAAA gives IPv6', dual(), { type: 'AAAA' }, 'fd00::1'],
    ['AAAA is empty when IPv6 is off', dual(), { type: 'AAAA', ipv6: false }, 'empty'],
    ['AAAA is empty for an IPv4 service', dual({ ipFamilies: 'IPv4' }), { type: 'AAAA' }, 'empty'],
    ['A is empty for an IPv6 service', dual({ ipFamilies: 'IPv6' }), { type: 'A' }, 'empty'],
    ['A is empty when there is none', dual({ vips: ['fd00::1'] }), { type: 'A' }, 'empty'],
    ['other types are for the resolver', dual(), { type: 'MX' }, 'forward'],
    ['only addresses on the client’s network', dual({ vips: ['remote/10.9.0.1', '10.9.0.2'] }), { type: 'A' }, '10.9.0.2'],
    ['addresses on other networks only: empty', dual({ vips: ['remote/10.9.0.1'] }), { type: 'A' }, 'empty'],
  ];
  for (const [rule, mesh, given, expected] of rows) test(rule, () => expect(answer(mesh, 'h.com', given)).toBe(expected));

  const headless = svc('h.ns.svc.cluster.local');
  const endpoint = (name: string, given: Partial<WorkloadSketch>) =>
    workload({ name, serves: { 'ns/h.ns.svc.cluster.local': {} }, ...given });

  test('a headless service gives the first address of each endpoint', () => {
    const workloads = [
      endpoint('a', { ips: ['fd00::1', '10.0.0.1', '10.0.0.2'] }),
      endpoint('b', { ips: ['10.0.0.3'] }),
      endpoint('c', { ips: ['fd00::4'] }),
    ];
    expect(
      answer({ services: [headless], workloads }, 'h')
        .split(' ')
        .sort(),
    ).toEqual(['10.0.0.1', '10.0.0.3']);
    expect(
      answer({ services: [headless], workloads }, 'h', { type: 'AAAA' })
        .split(' ')
        .sort(),
    ).toEqual(['fd00::1', 'fd00::4']);
  });

  test('a headless service without endpoints is empty', () => expect(answer({ services: [headless] }, 'h')).toBe('empty'));

  test('addresses are shuffled, none lost', () => {
    const many = Array.from({ length: 20 }, (_, at) => `10.9.0.${at}`);
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (chance) => {
        const random = (): number => chance.next().value ?? 0;
        const given = answer(dual({ vips: many }), 'h.com', { random }).split(' ');
        expect([...given].sort()).toEqual([...many].sort());
      }),
    );
    expect(answer(dual({ vips: many }), 'h.com', { random: () => 0.5 }).split(' ')).not.toEqual(many);
  });
});

test('any name has an answer', () => {
  const mesh = { services: [details] };
  fc.assert(fc.property(fc.oneof(fc.string({ maxLength: 255 }), fc.stringMatching(/^[a-c.*]{0,40}$/)), (name) => void answer(mesh, name)));
});
