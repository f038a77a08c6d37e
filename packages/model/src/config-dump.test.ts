// The JSON that other people's tools parse: names, forms and what is left out.
import { expect, test } from 'vitest';
import { dumpMesh } from './config-dump.ts';
import { ip, match, meshOf, policy, service, workload } from './testing/index.ts';

const named = { destination: { hostname: { namespace: 'ns', hostname: 'wp' } }, hboneMtlsPort: 15_008 };
const addressed = { destination: { address: { network: 'net', ip: ip('10.0.0.9') } }, hboneMtlsPort: 15_009 };

test('a workload with everything', () => {
  const w = workload({
    name: 'w',
    ips: ['10.0.0.1', 'fd00::1'],
    network: 'net',
    protocol: 'HBONE',
    waypoint: named,
    networkGateway: addressed,
    canonicalName: 'app',
    canonicalRevision: 'v1',
    nativeTunnel: true,
    applicationTunnel: { protocol: 'PROXY', port: 15_088 },
    authorizationPolicies: ['ns/p'],
    hostname: 'h',
    locality: { region: 'r', zone: 'z', subzone: '' },
    serves: { 'ns/h': { 80: 8080 } },
    capacity: 2,
  });
  expect(dumpMesh(meshOf({ workloads: [w] })).workloads).toEqual([
    {
      workloadIps: ['10.0.0.1', 'fd00::1'],
      waypoint: { destination: 'ns/wp', hboneMtlsPort: 15_008 },
      networkGateway: { destination: 'net/10.0.0.9', hboneMtlsPort: 15_009 },
      protocol: 'HBONE',
      networkMode: 'Standard',
      uid: 'cluster1//Pod/ns/w',
      name: 'w',
      namespace: 'ns',
      trustDomain: 'cluster.local',
      serviceAccount: 'default',
      network: 'net',
      workloadName: 'w',
      workloadType: 'pod',
      canonicalName: 'app',
      canonicalRevision: 'v1',
      hostname: 'h',
      node: 'n1',
      nativeTunnel: true,
      applicationTunnel: { protocol: 'PROXY', port: 15_088 },
      authorizationPolicies: ['ns/p'],
      status: 'Healthy',
      clusterId: 'Kubernetes',
      locality: { region: 'r', zone: 'z', subzone: '' },
      services: ['ns/h'],
      capacity: 2,
    },
  ]);
});

test('what a workload does not have is left out, but for what tools rely on', () => {
  const w = {
    ...workload({ name: 'w', uid: '', node: '', workloadName: '', workloadType: '' }),
    identity: { trustDomain: '', namespace: 'ns', serviceAccount: '', uri: '' },
  };
  expect(dumpMesh(meshOf({ workloads: [w] })).workloads).toEqual([
    {
      workloadIps: [],
      protocol: 'TCP',
      networkMode: 'Standard',
      name: 'w',
      namespace: 'ns',
      status: 'Healthy',
      clusterId: 'Kubernetes',
      capacity: 1,
    },
  ]);
});

test('a service with everything, and its endpoints', () => {
  const s = service({
    hostname: 'h',
    vips: ['net/10.9.0.1', '10.9.0.2'],
    cidrVips: [{ network: '', ip: ip('10.8.0.0'), length: 16 }],
    subjectAltNames: ['x'],
    waypoint: named,
    weightedWaypoints: [{ destination: addressed, weight: 3 }],
    loadBalancer: { routingPreferences: ['Region'], mode: 'Failover', healthPolicy: 'AllowAll' },
    ipFamilies: 'Dual',
    canonical: true,
    visibility: 'Namespace',
  });
  const w = workload({ name: 'w', serves: { 'ns/h': { 80: 9090 } }, health: 'Unhealthy' });
  expect(dumpMesh(meshOf({ services: [s], workloads: [w] })).services).toEqual([
    {
      name: 'h',
      namespace: 'ns',
      hostname: 'h',
      vips: ['net/10.9.0.1', '/10.9.0.2'],
      cidrVips: [{ network: '', cidr: '10.8.0.0/16' }],
      ports: { '80': 8080 },
      endpoints: { 'cluster1//Pod/ns/w': { workloadUid: 'cluster1//Pod/ns/w', port: { '80': 9090 }, status: 'Unhealthy' } },
      subjectAltNames: ['x'],
      waypoint: { destination: 'ns/wp', hboneMtlsPort: 15_008 },
      weightedWaypoints: [{ destination: { destination: 'net/10.0.0.9', hboneMtlsPort: 15_009 }, weight: 3 }],
      loadBalancer: { routingPreferences: ['Region'], mode: 'Failover', healthPolicy: 'AllowAll' },
      ipFamilies: 'Dual',
      canonical: true,
      visibility: 'Namespace',
    },
  ]);
});

test('a plain service', () => {
  expect(dumpMesh(meshOf({ services: [service({ hostname: 'h' })] })).services).toEqual([
    {
      name: 'h',
      namespace: 'ns',
      hostname: 'h',
      vips: [],
      ports: { '80': 8080 },
      endpoints: {},
      subjectAltNames: [],
      canonical: false,
      visibility: 'Public',
    },
  ]);
});

test('a policy', () => {
  const rules = [
    [
      [
        match({
          namespaces: [{ exact: 'a' }, { prefix: 'b' }, { suffix: 'c' }, { presence: true }],
          notServiceAccounts: [{ namespace: 'ns', serviceAccount: 'sa' }],
          sourceIps: [{ ip: ip('10.0.0.0'), length: 8 }],
          destinationPorts: [80],
        }),
      ],
    ],
  ];
  expect(dumpMesh(meshOf({ policies: [policy({ name: 'p', rules, dryRun: true })] })).policies).toEqual([
    {
      name: 'p',
      namespace: 'ns',
      scope: 'Namespace',
      action: 'Allow',
      rules: [
        [
          [
            {
              namespaces: [{ Exact: 'a' }, { Prefix: 'b' }, { Suffix: 'c' }, { Presence: [] }],
              notServiceAccounts: [{ namespace: 'ns', serviceAccount: 'sa' }],
              sourceIps: ['10.0.0.0/8'],
              destinationPorts: [80],
            },
          ],
        ],
      ],
      dryRun: true,
    },
  ]);
});

test('a service that is not known yet is staged', () => {
  const w = workload({ name: 'w', serves: { 'ns/h': {} } });
  expect(dumpMesh(meshOf({ workloads: [w] })).stagedServices).toEqual({
    'ns/h': { [w.uid]: { workloadUid: w.uid, port: {}, status: 'Healthy' } },
  });
});

test('lists are sorted', () => {
  const mesh = meshOf({
    workloads: ['b', 'a'].map((name) => workload({ name })),
    services: ['b', 'a'].map((hostname) => service({ hostname })),
    policies: ['b', 'a'].map((name) => policy({ name })),
  });
  const { workloads, services, policies } = dumpMesh(mesh);
  expect([workloads, services, policies].map((list) => list.map(({ name }) => name))).toEqual([
    ['a', 'b'],
    ['a', 'b'],
    ['a', 'b'],
  ]);
});
