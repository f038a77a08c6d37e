// A request that has ended, with every field filled in plainly, so that a test of telemetry states only what it is about.
import { ConnectionFacts } from '@ambient-mesh/model/l7/request-facts';
import { serviceKey } from '@ambient-mesh/model/service';
import { ip, service, workload } from '@ambient-mesh/model/testing';
import type { RequestHead } from '@ambient-mesh/wire/http/message';
import type { Inlet } from '../inlet.ts';
import type { Entry } from '../telemetry/entry.ts';

const client = workload({
  name: 'shop-1',
  ips: ['10.0.0.1'],
  serviceAccount: 'shop',
  workloadName: 'shop',
  canonicalName: 'shop',
  canonicalRevision: 'v1',
  clusterId: 'cluster1',
});
const server = workload({
  name: 'reviews-1',
  ips: ['10.0.0.2'],
  serviceAccount: 'reviews',
  protocol: 'HBONE',
  workloadName: 'reviews',
  canonicalName: 'reviews',
  canonicalRevision: 'v2',
  clusterId: 'cluster1',
});
const reviews = service({
  hostname: 'reviews.ns.svc.cluster.local',
  name: 'reviews',
  namespace: 'ns',
  vips: ['10.1.0.1'],
  ports: { 80: 9080 },
});

export function inlet(given: Partial<Inlet> = {}): Inlet {
  const from = { ip: ip('10.0.0.1'), port: 40_000 };
  const authority = { ip: ip('10.1.0.1'), port: 80 };
  return {
    to: { service: reviews, key: serviceKey(reviews) },
    port: 80,
    client: client.identity,
    from,
    authority,
    source: { workload: client, identity: client.identity },
    facts: new ConnectionFacts(from.ip, authority, client.identity),
    ...given,
  };
}

export const head = (given: Partial<RequestHead> = {}): RequestHead => ({
  method: 'GET',
  scheme: 'http',
  authority: 'reviews',
  path: '/api?x=1',
  headers: [
    ['user-agent', 'curl'],
    ['x-request-id', 'id-1'],
  ],
  ...given,
});

/** A GET that was answered with 200 by a pod of `reviews`. */
export const entry = (given: Partial<Entry> = {}): Entry => ({
  inlet: inlet(),
  head: head(),
  originalPath: '/api?x=1',
  version: 'HTTP/1.1',
  grpc: false,
  startTime: Date.UTC(2026, 0, 2, 3, 4, 5, 67),
  milliseconds: 12.4,
  status: 200,
  grpcStatus: undefined,
  answerHeaders: [['x-envoy-upstream-service-time', '9']],
  flags: [],
  details: 'via_upstream',
  reason: '',
  requestBytes: 5,
  responseBytes: 50,
  messages: undefined,
  attempts: 1,
  endpoint: { workload: server, port: 9080 },
  route: 'main',
  audited: false,
  traceId: undefined,
  ...given,
});
