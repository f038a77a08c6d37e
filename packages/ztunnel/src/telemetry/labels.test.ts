// Label values of the traffic metrics, from every source that they may come from; and which series may be evicted.
import { spiffeId } from '@ambient-mesh/model/spiffe';
import { service, workload } from '@ambient-mesh/model/testing';
import { describe, expect, test } from 'vitest';
import { flagOf } from './flags.ts';
import {
  liveNames,
  partiesAt,
  partyFromBaggage,
  partyOf,
  stillAbout,
  type Traffic,
  trafficLabelNames,
  trafficLabels,
  withFlag,
} from './labels.ts';

const client = workload({
  name: 'client-0',
  namespace: 'a',
  workloadName: 'client',
  canonicalName: 'client-app',
  canonicalRevision: 'v1',
  locality: { region: 'r1', zone: 'z1', subzone: '' },
});
const server = workload({ name: 'server-0', namespace: 'b', workloadName: 'server', canonicalName: 'server-app', canonicalRevision: 'v2' });
const echo = service({ hostname: 'echo.b.svc.cluster.local', namespace: 'b' });
const base: Traffic = { reporter: 'source', security: 'unknown' };

type Want = Partial<Record<(typeof trafficLabelNames)[number], string>>;
const rows: readonly (readonly [name: string, traffic: Traffic, want: Want])[] = [
  [
    'nothing known: every label says so',
    base,
    { source_workload: 'unknown', destination_service: 'unknown', destination_principal: 'unknown' },
  ],
  [
    'a known workload: app and version are its canonical name and revision',
    { ...base, source: partyOf(client) },
    {
      source_workload: 'client',
      source_canonical_service: 'client-app',
      source_canonical_revision: 'v1',
      source_workload_namespace: 'a',
      source_app: 'client-app',
      source_version: 'v1',
      source_cluster: 'Kubernetes',
      source_region: 'r1',
      source_zone: 'z1',
      source_principal: 'unknown',
      destination_region: 'unknown',
    },
  ],
  [
    'baggage: app is the workload name, what it leaves out is unknown',
    { ...base, source: partyFromBaggage({ workloadName: 'w', namespace: 'n', canonicalName: 'c', region: '' }) },
    {
      source_workload: 'w',
      source_app: 'w',
      source_canonical_service: 'c',
      source_version: 'unknown',
      source_cluster: 'unknown',
      source_region: 'unknown',
    },
  ],
  [
    'a service',
    { ...base, service: echo, destination: partyOf(server) },
    {
      destination_service: 'echo.b.svc.cluster.local',
      destination_service_namespace: 'b',
      destination_service_name: 'echo',
      destination_workload: 'server',
    },
  ],
  [
    'principals only where they are given',
    { ...base, sourcePrincipal: client.identity, destinationPrincipal: spiffeId('td', 'b', 'x'), security: 'mutual_tls' },
    {
      source_principal: 'spiffe://cluster.local/ns/a/sa/default',
      destination_principal: 'spiffe://td/ns/b/sa/x',
      connection_security_policy: 'mutual_tls',
    },
  ],
  [
    'the same node',
    { ...base, security: 'local', reporter: 'destination' },
    { reporter: 'destination', connection_security_policy: 'local' },
  ],
];

describe('labels', () => {
  for (const [name, traffic, want] of rows) {
    test(name, () => {
      const values = trafficLabels(traffic);
      const named = Object.fromEntries(values.map((value, at) => [trafficLabelNames[at], value]));
      expect(named).toMatchObject({ request_protocol: 'tcp', response_flags: '-', ...want });
    });
  }
  test('the locality is left away when nothing is known of either side', () => {
    expect(trafficLabels(base)).toHaveLength(23);
    expect(trafficLabels({ ...base, destination: {} })).toHaveLength(27);
  });
  test('a final flag changes that label only', () => {
    expect(withFlag(trafficLabels(base), 'DENY')).toEqual(trafficLabels(base, 'DENY'));
    expect(trafficLabels(base).indexOf('-')).toBe(trafficLabelNames.indexOf('response_flags'));
  });
  test('a workload is the same party every time', () => expect(partyOf(client)).toBe(partyOf(client)));
});

describe('a series may go when it is about a workload that is gone', () => {
  const live = liveNames([client]);
  const both = { ...base, source: partyOf(client), destination: partyOf(server) };
  const cases: readonly (readonly [name: string, traffic: Traffic, stays: boolean])[] = [
    ['both exist', { ...both, destination: partyOf(client) }, true],
    ['one is gone', both, false],
    ['one was never known', { ...both, destination: undefined }, true],
    ['neither was known', base, true],
  ];
  for (const [name, traffic, stays] of cases) test(name, () => expect(stillAbout(trafficLabels(traffic), partiesAt, live)).toBe(stays));
});

describe('flags', () => {
  const cases: readonly (readonly [code: string, overHbone: boolean, want: string])[] = [
    ['policy.denied', true, 'DENY'],
    ['tls.context', true, 'TLS_FAILURE'],
    ['peer.unexpected', true, 'TLS_FAILURE'],
    ['tls.revoked', true, 'CERT_REVOKED'],
    ['h2.goaway', true, 'H2_HANDSHAKE_FAILURE'],
    ['dial.timeout', true, 'NETWORK_POLICY'],
    ['dial.timeout', false, 'CONNECT'],
    ['dial.refused', true, 'CONNECT'],
    ['certificate.expired', true, 'IDENTITY_ERROR'],
    ['ca.unreachable', true, 'IDENTITY_ERROR'],
    ['hbone.status', true, 'CONNECT'],
    ['toString.x', false, 'CONNECT'],
    ['nonsense', false, 'CONNECT'],
  ];
  for (const [code, overHbone, want] of cases)
    test(`${code}${overHbone ? ' over HBONE' : ''} is ${want}`, () => expect(flagOf(code, { overHbone })).toBe(want));
});
