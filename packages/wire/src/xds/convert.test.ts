// From the wire into the model: the rules for each field, the way there and back, and hostile bytes.
import { ip, match, policy, service, workload } from '@ambient-mesh/model/testing';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AuthorizationSchema, type MatchSchema } from '../messages/generated/authorization_pb.js';
import { AddressSchema, type ServiceSchema, type WorkloadSchema } from '../messages/generated/workload_pb.js';
import { convertAddress, convertAuthorization } from './convert.ts';
import { encodePolicy, encodeService, encodeWorkload } from './encode.ts';
import { Interner } from './interner.ts';

type Init<S extends Parameters<typeof create>[0]> = MessageInitShape<S>;

const shared = new Interner();
const fromWorkload = (value: Init<typeof WorkloadSchema>) =>
  convertAddress(toBinary(AddressSchema, create(AddressSchema, { type: { case: 'workload', value } })), shared);
const fromService = (value: Init<typeof ServiceSchema>) =>
  convertAddress(toBinary(AddressSchema, create(AddressSchema, { type: { case: 'service', value } })), shared);
const fromMatch = (m: Init<typeof MatchSchema>) => {
  const converted = convertAuthorization(
    'ns/p',
    toBinary(AuthorizationSchema, create(AuthorizationSchema, { rules: [{ clauses: [{ matches: [m] }] }] })),
    shared,
  );
  return 'policy' in converted ? converted.policy.rules[0]?.[0]?.[0] : converted;
};

/** An enum number that a later version may define. */
const later = (n: number): number => n;

const v4 = new Uint8Array([10, 0, 0, 1]);
const v6 = new Uint8Array(16).fill(1);
const mapped = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1]);

describe('a workload', () => {
  const accepted: readonly (readonly [rule: string, given: Init<typeof WorkloadSchema>, want: object])[] = [
    [
      'empty trust domain, account and cluster have defaults',
      { namespace: 'n' },
      { clusterId: 'Kubernetes', identity: { uri: 'spiffe://cluster.local/ns/n/sa/default' } },
    ],
    [
      'given ones are kept',
      { trustDomain: 't', namespace: 'n', serviceAccount: 's', clusterId: 'c' },
      { clusterId: 'c', identity: { uri: 'spiffe://t/ns/n/sa/s' } },
    ],
    ['absent capacity is 1', {}, { capacity: 1 }],
    ['a capacity of 0 is kept', { capacity: 0 }, { capacity: 0 }],
    ['tunnel protocol 0 is TCP', { tunnelProtocol: 0 }, { protocol: 'TCP' }],
    ['tunnel protocol 1 is HBONE', { tunnelProtocol: 1 }, { protocol: 'HBONE' }],
    ['an unknown workload type is a deployment', { workloadType: later(99) }, { workloadType: 'deployment' }],
    ['a known one is its name in lower case', { workloadType: 1 }, { workloadType: 'cronjob' }],
    [
      'addresses of 4 and 16 bytes; a mapped one is IPv4',
      { addresses: [v4, v6, mapped] },
      { addresses: ['10.0.0.1', '101:101:101:101:101:101:101:101', '10.0.0.1'] },
    ],
    [
      'ports keep 16 bits',
      { services: { 'n/h': { ports: [{ servicePort: 65_616, targetPort: 65_537 }] } } },
      { services: new Map([['n/h', new Map([[80, 1]])]]) },
    ],
    ['application tunnel port 0 is unset', { applicationTunnel: { protocol: 1 } }, { applicationTunnel: { protocol: 'PROXY' } }],
    [
      'application tunnel',
      { applicationTunnel: { protocol: 1, port: 15_088 } },
      { applicationTunnel: { protocol: 'PROXY', port: 15_088 } },
    ],
    ['absent locality is empty', {}, { locality: { region: '', zone: '', subzone: '' } }],
    [
      'a waypoint by address',
      { waypoint: { destination: { case: 'address', value: { network: 'x', address: v4 } }, hboneMtlsPort: 15_008 } },
      { waypoint: { destination: { address: { network: 'x', ip: '10.0.0.1' } }, hboneMtlsPort: 15_008 } },
    ],
  ];
  test.each(accepted)('%s', (_rule, given, want) => {
    expect(fromWorkload(given)).toMatchObject({ workload: want });
  });

  const rejected: readonly (readonly [rule: string, given: Init<typeof WorkloadSchema>, reason: string | RegExp])[] = [
    ['an address of another length', { addresses: [new Uint8Array(5)] }, 'an IP address of 5 bytes'],
    ['an empty address', { addresses: [new Uint8Array()] }, 'an IP address of 0 bytes'],
    ['the legacy tunnel protocol', { tunnelProtocol: 2 }, 'unknown tunnel protocol 2'],
    ['an unknown tunnel protocol', { tunnelProtocol: later(3) }, 'unknown tunnel protocol 3'],
    ['a negative enum', { tunnelProtocol: later(-1) }, 'unknown tunnel protocol -1'],
    ['an unknown network mode', { networkMode: later(9) }, 'unknown network mode 9'],
    ['an unknown status', { status: later(9) }, 'unknown workload status 9'],
    ['an unknown application tunnel protocol', { applicationTunnel: { protocol: later(9) } }, 'unknown application tunnel protocol 9'],
    ['a waypoint without destination', { waypoint: { hboneMtlsPort: 1 } }, 'a gateway address without destination'],
    ['a network gateway without destination', { networkGateway: {} }, 'a gateway address without destination'],
    ['a service key without a slash', { services: { nohost: {} } }, /"nohost" is not namespace\/hostname/],
  ];
  test.each(rejected)('is refused for %s', (_rule, given, reason) => {
    expect(fromWorkload(given)).toEqual({ unusable: typeof reason === 'string' ? reason : expect.stringMatching(reason) });
  });
});

describe('a service', () => {
  const accepted: readonly (readonly [rule: string, given: Init<typeof ServiceSchema>, want: object])[] = [
    ['an unknown visibility is public', { visibility: later(9) }, { visibility: 'Public' }],
    ['namespace visibility', { visibility: 1 }, { visibility: 'Namespace' }],
    [
      'an absent prefix length is one address',
      { addresses: [{ network: 'n', address: v4 }] },
      { vips: [{ network: 'n', ip: '10.0.0.1' }], cidrVips: [] },
    ],
    [
      'a full one too',
      {
        addresses: [
          { address: v4, length: 32 },
          { address: v6, length: 128 },
        ],
      },
      { cidrVips: [], vips: { length: 2 } },
    ],
    [
      'a shorter one is a block',
      { addresses: [{ address: v4, length: 24 }] },
      { vips: [], cidrVips: [{ network: '', ip: '10.0.0.1', length: 24 }] },
    ],
    [
      'the prefix of a mapped block counts from 96',
      { addresses: [{ address: mapped, length: 120 }] },
      { cidrVips: [{ ip: '10.0.0.1', length: 24 }] },
    ],
    [
      'unspecified load balancing mode is standard',
      { loadBalancing: {} },
      { loadBalancer: { mode: 'Standard', healthPolicy: 'OnlyHealthy', routingPreferences: [] } },
    ],
    [
      'scopes in order',
      { loadBalancing: { routingPreference: [6, 1, 4] } },
      { loadBalancer: { routingPreferences: ['Network', 'Region', 'Node'] } },
    ],
    ['dual stack', { ipFamilies: 3 }, { ipFamilies: 'Dual' }],
  ];
  test.each(accepted)('%s', (_rule, given, want) => {
    expect(fromService(given)).toMatchObject({ service: want });
  });

  test('automatic IP families are absent', () => {
    expect(fromService({})).not.toHaveProperty('service.ipFamilies');
  });

  const rejected: readonly (readonly [rule: string, given: Init<typeof ServiceSchema>, reason: string])[] = [
    ['the unspecified scope', { loadBalancing: { routingPreference: [0] } }, 'unknown load balancing scope 0'],
    ['an unknown scope', { loadBalancing: { routingPreference: [later(7)] } }, 'unknown load balancing scope 7'],
    ['an unknown mode', { loadBalancing: { mode: later(9) } }, 'unknown load balancing mode 9'],
    ['an unknown health policy', { loadBalancing: { healthPolicy: later(9) } }, 'unknown health policy 9'],
    ['unknown IP families', { ipFamilies: later(9) }, 'unknown IP families 9'],
    ['an address of another length', { addresses: [{ address: new Uint8Array(3) }] }, 'an IP address of 3 bytes'],
    ['a prefix longer than the address', { addresses: [{ address: v4, length: 33 }] }, 'a prefix of 33 bits for an address of 4 bytes'],
    ['a weighted waypoint without destination', { weightedWaypoints: [{ weight: 1 }] }, 'a weighted waypoint without destination'],
    [
      'a weighted waypoint with an empty one',
      { weightedWaypoints: [{ weight: 1, destination: {} }] },
      'a gateway address without destination',
    ],
  ];
  test.each(rejected)('is refused for %s', (_rule, given, reason) => {
    expect(fromService(given)).toEqual({ unusable: reason });
  });
});

describe('a policy', () => {
  test.each([
    ['scope', { scope: 9 }, 'unknown policy scope 9'],
    ['action', { action: 9 }, 'unknown policy action 9'],
  ])('is refused for an unknown %s', (_rule, given, reason) => {
    expect(convertAuthorization('ns/p', toBinary(AuthorizationSchema, create(AuthorizationSchema, given)), shared)).toEqual({
      unusable: reason,
    });
  });

  test('has the resource name for its key', () => {
    expect(convertAuthorization('other/key', encodePolicy(policy({ name: 'p' })), shared)).toMatchObject({
      policy: { key: 'other/key', name: 'p' },
    });
  });

  const malformed: readonly (readonly [why: string, match: Init<typeof MatchSchema>])[] = [
    ['a prefix longer than the address', { sourceIps: [{ address: v4, length: 33 }] }],
    ['an address of three bytes', { notDestinationIps: [{ address: new Uint8Array(3), length: 8 }] }],
    ['a mapped block with a prefix of IPv4', { sourceIps: [{ address: mapped, length: 8 }] }],
    ['a string match that says nothing', { principals: [{}] }],
    ['a port beyond 65,535', { destinationPorts: [65_616] }],
  ];
  test.each(malformed)('%s refuses the policy whole: leaving it out could open a door', (_why, match) => {
    expect(fromMatch({ namespaces: [{ matchType: { case: 'exact', value: 'ok' } }], ...match })).toHaveProperty('unusable');
  });

  test('an empty suffix and presence are matches of their own', () => {
    const principals = [{ matchType: { case: 'suffix' as const, value: '' } }, { matchType: { case: 'presence' as const, value: {} } }];
    expect(fromMatch({ principals })).toMatchObject({ principals: [{ suffix: '' }, { presence: true }] });
  });
});

test('an address that is neither workload nor service is refused', () => {
  expect(convertAddress(new Uint8Array(), shared)).toEqual({ unusable: 'neither a workload nor a service' });
});

describe('there and back is the same', () => {
  const waypoint = { destination: { hostname: { namespace: 'n', hostname: 'w.n' } }, hboneMtlsPort: 15_008 };
  const gateway = { destination: { address: { network: 'x', ip: ip('fd00::1') } }, hboneMtlsPort: 15_008 };

  test('workload', () => {
    const whole = workload({
      name: 'a',
      ips: ['10.0.0.1', 'fd00::2'],
      serves: { 'ns/x': { 80: 8080, 443: 8443 } },
      protocol: 'HBONE',
      waypoint,
      networkGateway: gateway,
      health: 'Unhealthy',
      networkMode: 'HostNetwork',
      applicationTunnel: { protocol: 'PROXY', port: 15_088 },
      authorizationPolicies: ['ns/p'],
      locality: { region: 'r', zone: 'z', subzone: 's' },
      capacity: 0,
    });
    expect(convertAddress(encodeWorkload(whole), shared)).toEqual({ workload: whole });
  });

  test('service', () => {
    const whole = service({
      hostname: 'x.ns',
      vips: ['10.1.0.1', 'net/fd00::3'],
      cidrVips: [{ network: '', ip: ip('10.2.0.0'), length: 16 }],
      waypoint,
      weightedWaypoints: [{ destination: gateway, weight: 3 }],
      loadBalancer: { routingPreferences: ['Zone', 'Cluster'], mode: 'Failover', healthPolicy: 'AllowAll' },
      ipFamilies: 'IPv6',
      visibility: 'Namespace',
      canonical: true,
      subjectAltNames: ['spiffe://x/ns/y/sa/z'],
    });
    expect(convertAddress(encodeService(whole), shared)).toEqual({ service: whole });
  });

  test('policy', () => {
    const whole = policy({
      name: 'p',
      action: 'Deny',
      scope: 'WorkloadSelector',
      dryRun: true,
      rules: [
        [
          [
            match({
              namespaces: [{ exact: 'a' }],
              notPrincipals: [{ prefix: 'b' }, { suffix: 'c' }, { presence: true }],
              serviceAccounts: [{ namespace: 'n', serviceAccount: 's' }],
              notDestinationIps: [{ ip: ip('10.0.0.0'), length: 8 }],
              destinationPorts: [80, 443],
            }),
          ],
          [],
        ],
      ],
    });
    expect(convertAuthorization('ns/p', encodePolicy(whole), shared)).toEqual({ policy: whole });
  });
});

describe('hostile bytes', () => {
  test('never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        convertAddress(bytes, shared);
        convertAuthorization('n', bytes, shared);
      }),
    );
  });

  test('a resource that is cut short or changed in one place never throws', () => {
    const whole = [
      encodeWorkload(workload({ name: 'a', ips: ['10.0.0.1'], serves: { 'ns/x': { 80: 1 } } })),
      encodeService(service({ hostname: 'x', vips: ['10.0.0.1'] })),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...whole), fc.nat(200), fc.nat(255), fc.boolean(), (bytes, at, value, cut) => {
        const changed = cut ? bytes.slice(0, at) : bytes.slice();
        if (!cut && at < changed.length) changed[at] = value;
        convertAddress(changed, shared);
      }),
    );
  });
});

test('equal values are shared between resources', () => {
  const fresh = new Interner();
  const [a, b] = ['a', 'b'].map((name) => convertAddress(encodeWorkload(workload({ name, serves: { 'ns/x': { 80: 1 } } })), fresh));
  const [first, second] = [a, b].map((c) => (c && 'workload' in c ? c.workload : undefined));
  expect(first?.identity).toBe(second?.identity);
  expect(first?.services.get('ns/x')).toBe(second?.services.get('ns/x'));
});
