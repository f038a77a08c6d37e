// Graphs of traffic as proxies tell it: who stands between whom, what counts once, what a viewer may not see.
import { describe, expect, test } from 'vitest';
import { type GraphInput, graphOf, namespacesOf } from './edges.ts';
import type { GraphEdge } from './graph.ts';
import { type Family, type Measured, placeOf, subjectOf } from './series.ts';

const opened = 'istio_tcp_connections_opened_total';
const closed = 'istio_tcp_connections_closed_total';
const sentBytes = 'istio_tcp_sent_bytes_total';
const receivedBytes = 'istio_tcp_received_bytes_total';
const denials = 'ambient_policy_denials_total';
const requests = 'istio_requests_total';

const web = { source_workload: 'web', source_workload_namespace: 'shop', source_principal: 'spiffe://td/ns/shop/sa/web' };
const cart = {
  destination_workload: 'cart',
  destination_workload_namespace: 'store',
  destination_principal: 'spiffe://td/ns/store/sa/cart',
};
const service = {
  destination_service: 'cart.store.svc.cluster.local',
  destination_service_name: 'cart',
  destination_service_namespace: 'store',
};
const gate = {
  destination_workload: 'gate',
  destination_workload_namespace: 'store',
  destination_principal: 'spiffe://td/ns/store/sa/gate',
};
const fromGate = { source_workload: 'gate', source_workload_namespace: 'store', source_principal: 'spiffe://td/ns/store/sa/gate' };
const tls = { connection_security_policy: 'mutual_tls', response_flags: '-', request_protocol: 'tcp' };
const bySource = { reporter: 'source', ...tls };
const byDestination = { reporter: 'destination', ...tls };
const byWaypoint = { reporter: 'waypoint', ...tls, request_protocol: 'http', response_code: '200' };

type LabelsGiven = Readonly<Record<string, string>>;
const told = (family: Family, labels: LabelsGiven, increase: number, more: Partial<Measured> = {}): Measured => ({
  family,
  subject: subjectOf(new Map(Object.entries(labels))),
  increase,
  latest: increase,
  by: undefined,
  ...more,
});
const byGate = { by: placeOf('store', 'gate') };
const draw = (measured: readonly Measured[], more: Partial<GraphInput> = {}) =>
  graphOf({ measured, seconds: 10, waypoints: new Set(['store/gate']), known: [], sees: () => true, ...more });

type Wanted = Readonly<Record<string, Partial<GraphEdge>>>;
const rows: readonly (readonly [name: string, measured: readonly Measured[], want: Wanted])[] = [
  [
    'a connection without a service is one edge',
    [
      told(opened, { ...bySource, ...web, ...cart }, 5),
      told(receivedBytes, { ...bySource, ...web, ...cart }, 100),
      told(sentBytes, { ...bySource, ...web, ...cart }, 50),
    ],
    {
      'workload:shop/web>workload:store/cart>tcp': {
        connectionsPerSecond: 0.5,
        bytesPerSecond: { sent: 10, received: 5 },
        security: 'mutual_tls',
        openConnections: 5,
        principals: { source: 'spiffe://td/ns/shop/sa/web', destination: 'spiffe://td/ns/store/sa/cart' },
      },
    },
  ],
  [
    'a service stands between',
    [told(opened, { ...bySource, ...web, ...cart, ...service }, 5)],
    {
      'workload:shop/web>service:store/cart>tcp': { connectionsPerSecond: 0.5 },
      'service:store/cart>workload:store/cart>tcp': { connectionsPerSecond: 0.5 },
    },
  ],
  [
    'what both sides tell counts once',
    [told(opened, { ...bySource, ...web, ...cart }, 5), told(opened, { ...byDestination, ...web, ...cart }, 5)],
    { 'workload:shop/web>workload:store/cart>tcp': { connectionsPerSecond: 0.5, openConnections: 5 } },
  ],
  [
    'the client knows which service it meant, where the other side guesses',
    [told(opened, { ...bySource, ...web, ...cart }, 5), told(opened, { ...byDestination, ...web, ...cart, ...service }, 5)],
    { 'workload:shop/web>workload:store/cart>tcp': { connectionsPerSecond: 0.5 } },
  ],
  [
    'what only the server tells is taken from there',
    [told(opened, { ...byDestination, ...web, ...cart }, 5)],
    { 'workload:shop/web>workload:store/cart>tcp': { connectionsPerSecond: 0.5 } },
  ],
  [
    'a denial is told by the server, by name, and is no failure of the client',
    [
      told(opened, { ...bySource, ...web, ...cart, ...service }, 3),
      told(closed, { ...bySource, ...web, ...cart, ...service, response_flags: 'CONNECT' }, 3),
      told(opened, { ...byDestination, ...web, ...cart, ...service }, 2),
      told(closed, { ...byDestination, ...web, ...cart, ...service, response_flags: 'DENY' }, 2),
      told(
        denials,
        {
          ...web,
          ...cart,
          destination_service: 'cart.store.svc.cluster.local',
          destination_service_namespace: 'store',
          policy: 'store/no-web',
        },
        2,
      ),
    ],
    {
      'workload:shop/web>service:store/cart>tcp': {
        denials: 2,
        denialsPerSecond: 0.2,
        deniedBy: ['store/no-web'],
        failuresPerSecond: 0.1,
        openConnections: 0,
      },
      'service:store/cart>workload:store/cart>tcp': { denials: 2, deniedBy: ['store/no-web'] },
    },
  ],
  [
    'a denial under a guessed service goes where the client saw its failure',
    [
      told(opened, { ...bySource, ...web, ...cart }, 2),
      told(closed, { ...bySource, ...web, ...cart, response_flags: 'CONNECT' }, 2),
      told(opened, { ...bySource, ...web, ...cart, ...service }, 7),
      told(closed, { ...byDestination, ...web, ...cart, ...service, response_flags: 'DENY' }, 2),
    ],
    {
      'workload:shop/web>workload:store/cart>tcp': { denials: 2, failuresPerSecond: 0 },
      'workload:shop/web>service:store/cart>tcp': { denials: 0 },
      'service:store/cart>workload:store/cart>tcp': { denials: 0 },
    },
  ],
  [
    'one denial is not rounded away; policies by how often; no policy that allowed',
    [
      told(denials, { ...web, ...cart, policy: 'store/a' }, 0.2),
      told(denials, { ...web, ...cart, policy: 'none' }, 0.3),
      told(denials, { ...web, ...cart, policy: 'store/long-ago' }, 0),
    ],
    { 'workload:shop/web>workload:store/cart>tcp': { denials: 1, deniedBy: ['no policy allows it', 'store/a'] } },
  ],
  [
    'in clear from outside; some in clear is mixed',
    [
      told(opened, { ...byDestination, ...cart, connection_security_policy: 'unknown', source_workload: 'unknown' }, 1),
      told(opened, { ...byDestination, ...web, ...cart }, 1),
      told(opened, { ...byDestination, ...web, ...cart, connection_security_policy: 'unknown' }, 1),
    ],
    { 'unknown>workload:store/cart>tcp': { security: 'none' }, 'workload:shop/web>workload:store/cart>tcp': { security: 'mixed' } },
  ],
  [
    'what nothing used in the window keeps its lock',
    [
      told(opened, { ...byDestination, ...web, ...cart, connection_security_policy: 'local' }, 0),
      told(opened, { ...byDestination, ...web, ...cart }, 0),
    ],
    { 'workload:shop/web>workload:store/cart>tcp': { security: 'mutual_tls', connectionsPerSecond: 0 } },
  ],
  [
    'out of the mesh, to a service that has no workload',
    [told(opened, { ...bySource, ...web, ...service }, 1)],
    { 'workload:shop/web>service:store/cart>tcp': {} },
  ],
  [
    'a waypoint is a hop: the way to it by its client, behind it by itself, bytes there by the tunnel of the server',
    [
      told(opened, { ...bySource, ...web, ...gate, ...service }, 1),
      told(requests, { ...byWaypoint, ...web, ...cart, ...service }, 30, byGate),
      told(requests, { ...byWaypoint, ...web, ...cart, ...service, response_code: '503' }, 10, byGate),
      told('istio_response_bytes_sum', { ...byWaypoint, ...web, ...cart, ...service }, 999, byGate),
      told('istio_request_duration_milliseconds_bucket', { ...byWaypoint, ...web, ...cart, ...service, le: '10' }, 20, byGate),
      told('istio_request_duration_milliseconds_bucket', { ...byWaypoint, ...web, ...cart, ...service, le: '20' }, 40, byGate),
      told('istio_request_duration_milliseconds_bucket', { ...byWaypoint, ...web, ...cart, ...service, le: '+Inf' }, 40, byGate),
      told(opened, { ...byDestination, ...fromGate, ...cart }, 2),
      told(sentBytes, { ...byDestination, ...fromGate, ...cart }, 2_000),
    ],
    {
      'workload:shop/web>waypoint:store/gate>tcp': {
        connectionsPerSecond: 0.1,
        http: { requestsPerSecond: 4, errorRate: 0.25, p50Ms: 10, p99Ms: 19.8 },
      },
      'waypoint:store/gate>service:store/cart>http': {
        connectionsPerSecond: 0.2,
        bytesPerSecond: { sent: 0, received: 200 },
        failuresPerSecond: 1,
        http: { requestsPerSecond: 4, errorRate: 0.25, p50Ms: 10, p99Ms: 19.8 },
      },
      'service:store/cart>workload:store/cart>http': { connectionsPerSecond: 0.2, bytesPerSecond: { sent: 0, received: 200 } },
    },
  ],
  [
    'what a waypoint refuses, client and all; bytes by itself where no tunnel tells',
    [
      told(
        requests,
        { ...byWaypoint, ...web, ...service, request_protocol: 'grpc', response_code: '200', grpc_response_status: '7' },
        10,
        byGate,
      ),
      told('istio_request_bytes_sum', { ...byWaypoint, ...web, ...service, request_protocol: 'grpc' }, 100, byGate),
      told(
        denials,
        { ...web, destination_service: 'cart.store.svc.cluster.local', destination_service_namespace: 'store', policy: 'store/no-web' },
        10,
        byGate,
      ),
    ],
    {
      'workload:shop/web>waypoint:store/gate>tcp': { denials: 10, deniedBy: ['store/no-web'] },
      'waypoint:store/gate>service:store/cart>grpc': {
        denials: 10,
        deniedBy: ['store/no-web'],
        bytesPerSecond: { sent: 10, received: 0 },
        http: { requestsPerSecond: 1, errorRate: 1, p50Ms: 0, p99Ms: 0 },
      },
    },
  ],
];
describe('graphOf', () => {
  for (const [name, measured, want] of rows) {
    test(name, () => {
      const { edges } = draw(measured);
      expect(Object.fromEntries(edges.map((edge) => [edge.id, edge]))).toMatchObject(want);
      expect(edges.map(({ id }) => id)).toEqual(Object.keys(want).sort());
    });
  }

  test('counters that were seen once only have no rates', () => {
    const { edges } = draw([told(opened, { ...bySource, ...web, ...cart }, 0, { latest: 3 })], { seconds: 0 });
    expect(edges).toMatchObject([{ connectionsPerSecond: 0, openConnections: 3 }]);
  });

  test('members without traffic are there; how many pods, and whether they are in the mesh', () => {
    const known = [
      { namespace: 'shop', name: 'web', pods: 2, inMesh: false },
      { namespace: 'shop', name: 'idle', pods: 1, inMesh: true },
      { namespace: 'kube-system', name: 'dns', pods: 1, inMesh: false },
      { namespace: 'store', name: 'gate', pods: 1, inMesh: true },
    ];
    expect(draw([told(opened, { ...bySource, ...web, ...cart }, 1)], { known }).nodes).toEqual([
      { id: 'waypoint:store/gate', kind: 'waypoint', namespace: 'store', name: 'gate', pods: 1, inMesh: true },
      { id: 'workload:shop/idle', kind: 'workload', namespace: 'shop', name: 'idle', pods: 1, inMesh: true },
      { id: 'workload:shop/web', kind: 'workload', namespace: 'shop', name: 'web', pods: 2, inMesh: false },
      { id: 'workload:store/cart', kind: 'workload', namespace: 'store', name: 'cart' },
    ]);
  });

  describe('a viewer of one namespace', () => {
    const everything = rows.flatMap(([, measured]) => measured);
    const known = [{ namespace: 'store', name: 'cart', pods: 1, inMesh: true }];
    test('sees its edges to elsewhere, and nothing of elsewhere', () => {
      const graph = draw(everything, { known, sees: (namespace) => namespace === 'shop' });
      expect(graph.nodes.map(({ id }) => id)).toEqual(['unknown', 'workload:shop/web']);
      expect(graph.edges.map(({ id }) => id)).toEqual(['workload:shop/web>unknown>tcp']);
      expect(JSON.stringify(graph)).not.toMatch(/store|cart|gate/);
      expect(graph.edges[0]?.deniedBy).toContain('a policy that you may not see');
    });
    test('of none, sees nothing', () => {
      expect(draw(everything, { known, sees: () => false })).toEqual({ nodes: [], edges: [] });
    });
  });

  test('the namespaces to ask about are all that anything is said of', () => {
    const measured = [
      told(opened, { ...bySource, ...web, ...cart, destination_service_name: 's', destination_service_namespace: 'other' }, 1),
    ];
    const known = [{ namespace: 'more', name: 'x', pods: 1, inMesh: false }];
    expect([...namespacesOf(measured, known)].sort()).toEqual(['more', 'other', 'shop', 'store']);
  });
});
