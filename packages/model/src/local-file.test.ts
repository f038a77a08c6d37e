// The mesh from a file. Rows: local_client of the reference's catalogue; the mistakes are ours.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { authorize } from './authorize.ts';
import { dumpMesh } from './config-dump.ts';
import { readLocalFile } from './local-file.ts';
import { Mesh } from './mesh.ts';
import { nextHop } from './next-hop.ts';
import { ip } from './testing/index.ts';

/** As a YAML parser gives it: keys are texts. */
const example = {
  workloads: [
    {
      uid: 'cluster1//v1/Pod/default/client',
      name: 'client',
      namespace: 'default',
      serviceAccount: 'default',
      workloadIps: ['127.0.0.2', 'fd00::2'],
      protocol: 'HBONE',
      node: 'local',
      services: {},
    },
    {
      uid: 'cluster1//v1/Pod/default/remote',
      name: 'remote',
      namespace: 'default',
      workloadIps: ['127.0.0.3'],
      protocol: 'HBONE',
      services: { 'default/example.com': { 80: 9090 } },
    },
    { name: 'plain', namespace: 'default', workloadIps: ['127.0.0.4'], services: { 'default/example.com': {} }, status: 'Unhealthy' },
  ],
  policies: [
    {
      name: 'p',
      namespace: 'default',
      scope: 'Namespace',
      action: 'Allow',
      dryRun: false,
      rules: [[[{ notDestinationPorts: [9999], principals: [{ Suffix: '/sa/default' }], sourceIps: ['127.0.0.0/8'] }]]],
    },
  ],
  services: [
    {
      name: 'example',
      namespace: 'default',
      hostname: 'example.com',
      vips: ['/127.10.0.1'],
      ports: { 80: 8080 },
      subjectAltNames: ['spiffe://cluster.local/ns/default/sa/a'],
      canonical: true,
      loadBalancer: { mode: 'Failover', routingPreferences: ['Network', 'Region'] },
    },
  ],
};

const withWaypoint = (waypoint: unknown) => ({ ...example, services: example.services.map((service) => ({ ...service, waypoint })) });

function load(content: unknown): Mesh {
  const read = readLocalFile(content);
  if ('mistakes' in read) throw new Error(read.mistakes.join('\n'));
  const mesh = new Mesh({ node: 'local' });
  mesh.apply(read.delta);
  return mesh;
}

const mistakes = (content: unknown): readonly string[] => {
  const read = readLocalFile(content);
  return 'mistakes' in read ? read.mistakes : [];
};

describe('a good file', () => {
  const mesh = load(example);
  const client = mesh.workload('cluster1//v1/Pod/default/client');

  test('a virtual address leads to a healthy endpoint, at its own port, with the names of the service', () => {
    if (!client) throw new Error('no client');
    const hop = nextHop(mesh, {
      source: client,
      sourceIp: ip('127.0.0.2'),
      destination: { ip: ip('127.10.0.1'), port: 80 },
      network: '',
      random: () => 0,
    });
    expect(hop).toMatchObject({
      by: 'hbone',
      to: { ip: '127.0.0.3', port: 15_008 },
      authority: '127.0.0.3:9090',
      expected: [{ uri: 'spiffe://cluster.local/ns/default/sa/default' }, { uri: 'spiffe://cluster.local/ns/default/sa/a' }],
    });
  });

  test('the defaults are those of the wire', () => {
    expect(mesh.workload('Kubernetes//Pod/default/plain')).toMatchObject({
      identity: { uri: 'spiffe://cluster.local/ns/default/sa/default' },
      clusterId: 'Kubernetes',
      protocol: 'TCP',
      capacity: 1,
      health: 'Unhealthy',
      networkMode: 'Standard',
    });
  });

  test('a workload knows its services', () =>
    expect([...(mesh.workload('cluster1//v1/Pod/default/remote')?.services.keys() ?? [])]).toEqual(['default/example.com']));

  test('policies are enforced', () => {
    if (!client) throw new Error('no client');
    const to = (port: number) => ({
      source: { ip: ip('127.0.0.2') },
      destination: { ip: ip('127.0.0.3'), port },
      identity: client.identity,
    });
    expect([authorize(mesh, client, to(80)).allow, authorize(mesh, client, to(9999)).allow]).toEqual([true, false]);
  });

  test('references are read by address and by name', () => {
    const waypointOf = (waypoint: unknown) => load(withWaypoint(waypoint)).service('default/example.com')?.waypoint;
    expect(waypointOf({ destination: '/10.0.0.9' })).toEqual({
      destination: { address: { network: '', ip: '10.0.0.9' } },
      hboneMtlsPort: 15_008,
    });
    expect(waypointOf({ destination: 'ns/wp.example.com', hboneMtlsPort: 1234 })).toEqual({
      destination: { hostname: { namespace: 'ns', hostname: 'wp.example.com' } },
      hboneMtlsPort: 1234,
    });
  });

  test('what was dumped reads the same, services of workloads apart', () => {
    const full = withWaypoint({ destination: '/10.0.0.9', hboneMtlsPort: 15_008 });
    const { workloads, services, policies } = dumpMesh(load(full));
    const ports = new Map(
      [...load(full).workloads()].map((w) => [
        w.uid,
        Object.fromEntries([...w.services].map(([key, map]) => [key, Object.fromEntries(map)])),
      ]),
    );
    const again = readLocalFile({ workloads: workloads.map((w) => ({ ...w, services: ports.get(String(w.uid)) })), services, policies });
    const mesh2 = new Mesh({ node: 'local' });
    if ('delta' in again) mesh2.apply(again.delta);
    expect(dumpMesh(mesh2)).toEqual(dumpMesh(load(full)));
  });

  test('an empty file is an empty mesh', () => {
    expect(mistakes(null)).toEqual([]);
    expect(mistakes({})).toEqual([]);
    expect(mistakes({ workloads: null })).toEqual([]);
  });
});

describe('mistakes', () => {
  const pod = { name: 'w', namespace: 'ns', workloadIps: [], services: {} };
  const svc = { name: 's', namespace: 'ns', hostname: 'h', vips: [], ports: {} };
  const pol = { name: 'p', namespace: 'ns', scope: 'Global', action: 'Deny', rules: [], dryRun: false };
  const inMatch = (match: unknown) => ({ policies: [{ ...pol, rules: [[[match]]] }] });
  const rows: readonly (readonly [rule: string, content: unknown, expected: readonly string[]])[] = [
    ['the file is no map', [], ['file: must be a map']],
    ['a misspelt list', { workload: [] }, ['file: has an unknown key "workload"']],
    ['a list that is none', { services: {} }, ['file.services: must be a list']],
    ['a misspelt field', { workloads: [{ ...pod, waypont: {} }] }, ['file.workloads[0]: has an unknown key "waypont"']],
    [
      'a workload without what it needs',
      { workloads: [{}] },
      [
        'file.workloads[0].namespace: is required',
        'file.workloads[0]: needs a uid or a name',
        'file.workloads[0].workloadIps: is required',
        'file.workloads[0].services: is required',
      ],
    ],
    [
      'an address that is none',
      { workloads: [{ ...pod, workloadIps: ['x'] }] },
      ['file.workloads[0].workloadIps[0]: "x" is not an IP address'],
    ],
    [
      'a word that does not exist',
      { workloads: [{ ...pod, protocol: 'hbone' }] },
      ['file.workloads[0].protocol: must be one of HBONE, TCP'],
    ],
    [
      'a service key without namespace',
      { workloads: [{ ...pod, services: { h: {} } }] },
      ['file.workloads[0].services["h"]: must be called namespace/hostname'],
    ],
    [
      'a port that is none',
      { services: [{ ...svc, ports: { http: 80, 70000: 80 } }] },
      ['file.services[0].ports["70000"]: "70000" is not a port', 'file.services[0].ports["http"]: "http" is not a port'],
    ],
    [
      'a target port that is none',
      { services: [{ ...svc, ports: { 80: 70_000 } }] },
      ['file.services[0].ports["80"]: must be a whole number from 0 to 65535'],
    ],
    [
      'a virtual address without network',
      { services: [{ ...svc, vips: ['10.0.0.1'] }] },
      ['file.services[0].vips[0]: "10.0.0.1" has no "/"'],
    ],
    [
      'a block that is one address',
      { services: [{ ...svc, cidrVips: [{ cidr: '10.0.0.1/32' }] }] },
      ['file.services[0].cidrVips[0].cidr: "10.0.0.1/32" is not a block of addresses'],
    ],
    ['a text where a flag belongs', { services: [{ ...svc, canonical: 'yes' }] }, ['file.services[0].canonical: must be true or false']],
    [
      'a policy without what it needs',
      { policies: [{}] },
      ['name', 'namespace', 'scope', 'action', 'rules', 'dryRun'].map((key) => `file.policies[0].${key}: is required`),
    ],
    [
      'a source that is no block',
      inMatch({ sourceIps: ['10.0.0.0/99'] }),
      ['file.policies[0].rules[0][0][0].sourceIps[0]: is not a block of addresses such as 10.0.0.0/8'],
    ],
    [
      'a string match of two kinds',
      inMatch({ principals: [{ Exact: 'a', Prefix: 'b' }] }),
      ['file.policies[0].rules[0][0][0].principals[0]: must be exactly one of Exact, Prefix, Suffix and Presence'],
    ],
    ['a misspelt kind of match', inMatch({ principal: [] }), ['file.policies[0].rules[0][0][0]: has an unknown key "principal"']],
  ];
  for (const [rule, content, expected] of rows) test(rule, () => expect(mistakes(content)).toEqual(expected));

  test('are not listed without end', () => expect(mistakes({ workloads: new Array(1000).fill(1) }).length).toBeLessThanOrEqual(50));

  test('any content has an answer', () => {
    fc.assert(fc.property(fc.anything(), (content) => void readLocalFile(content)));
    const field = fc.oneof(fc.anything(), fc.constantFrom('10.0.0.1', '/10.0.0.1', 'ns/h', 'HBONE', 80, true));
    const item = fc.dictionary(fc.constantFrom(...Object.keys({ ...pod, ...svc, ...pol }), 'waypoint', 'locality', '__proto__'), field);
    fc.assert(
      fc.property(fc.array(item), fc.array(item), fc.array(item), (workloads, services, policies) => {
        const read = readLocalFile({ workloads, services, policies });
        if ('delta' in read) new Mesh().apply(read.delta);
      }),
    );
  });
});
