// GRPCRoutes, TCPRoutes and TLSRoutes: what a waypoint is told.
import { describe, expect, test } from 'vitest';
import { grpcRouteKind } from '../kinds/grpc-route.ts';
import { tcpRouteKind } from '../kinds/tcp-route.ts';
import { tlsRouteKind } from '../kinds/tls-route.ts';
import { routeLookUp, routeTargetOf } from '../testing/routes.ts';
import { plainSettings } from '../testing/services.ts';
import { grpcRoute } from './grpc-route.ts';
import type { Translated } from './route-object.ts';
import { tcpRoute } from './tcp-route.ts';
import { tlsRoute } from './tls-route.ts';

const look = routeLookUp({
  services: {
    'ns/web': routeTargetOf('ns/web'),
    'ns/db': routeTargetOf('ns/db', { ports: [{ port: 5432, name: 'db', appProtocol: 'tcp' }] }),
  },
});
const web = { service: 'ns/web.ns.svc.cluster.local', port: 80 };
const metadata = { namespace: 'ns', name: 'route' };
const parentRefs = [{ group: '', kind: 'Service', name: 'web' }];
const nothing: Translated = { parents: [] };

const accepted = ({ parents }: Translated): string => `${parents[0]?.conditions[0]?.reason}: ${parents[0]?.conditions[0]?.message}`;

describe('GRPCRoute', () => {
  const translated = (...rules: readonly object[]): Translated => {
    const object = grpcRouteKind.narrow({ metadata, spec: { parentRefs, rules } });
    return object ? grpcRoute(object, look, plainSettings) : nothing;
  };
  const rows: readonly (readonly [rule: string, written: object, told: object])[] = [
    ['without matches: all of gRPC', {}, { matches: [{ path: { grpc: {} } }] }],
    [
      'a method of a service',
      { matches: [{ method: { service: 'a.B', method: 'C' } }] },
      { matches: [{ path: { grpc: { service: { exact: 'a.B' }, method: { exact: 'C' } } } }] },
    ],
    ['a service', { matches: [{ method: { service: 'a.B' } }] }, { matches: [{ path: { grpc: { service: { exact: 'a.B' } } } }] }],
    [
      'patterns',
      { matches: [{ method: { type: 'RegularExpression', method: 'Get.*' } }] },
      { matches: [{ path: { grpc: { method: { regex: 'Get.*' } } } }] },
    ],
    [
      'headers',
      { matches: [{ headers: [{ name: 'X-A', value: 'b' }] }] },
      { matches: [{ path: { grpc: {} }, headers: [{ name: 'x-a', match: { exact: 'b' } }] }] },
    ],
    [
      'backends speak HTTP/2',
      { backendRefs: [{ name: 'web', port: 80, weight: 2 }] },
      { backends: [{ weight: 2, to: { ...web, protocol: 'h2' }, filters: [] }] },
    ],
    [
      'a mirror too',
      { filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'web', port: 80 } } }] },
      { filters: [{ filter: 'mirror', to: { ...web, protocol: 'h2' }, share: 1 }] },
    ],
    ['a session', { sessionPersistence: { sessionName: 's' } }, { persistence: { by: 'cookie', name: 's', permanent: false } }],
    ['a name', { name: 'mine' }, { name: 'mine' }],
  ];
  for (const [rule, written, told] of rows)
    test(rule, () => expect(translated(written).route?.http).toEqual([expect.objectContaining(told)]));

  const refused: readonly (readonly [written: object, why: string])[] = [
    [{ filters: [{ type: 'URLRewrite' }] }, 'UnsupportedValue: filter URLRewrite is not one of a GRPCRoute'],
    [{ matches: [{ method: { service: 'a/b' } }] }, 'UnsupportedValue: a/b names no service or method of gRPC: it has a slash'],
    [{ matches: [{ method: { type: 'Like', method: 'b' } }] }, 'UnsupportedValue: match Like is not known'],
    [{ matches: [{ headers: [{ name: 'a', type: 'Like' }] }] }, 'UnsupportedValue: match Like is not known'],
    [{ backendRefs: [{ name: 'web', port: 80, weight: -2 }] }, 'UnsupportedValue: weight -2 is not within 0 and 1000000'],
    [{ sessionPersistence: { type: 'X' } }, 'UnsupportedValue: session persistence by X is not known'],
  ];
  for (const [written, why] of refused) test(why, () => expect(accepted(translated(written))).toBe(why));
});

describe('TCPRoute', () => {
  const translated = (...rules: readonly object[]): Translated => {
    const object = tcpRouteKind.narrow({ metadata, spec: { parentRefs, rules } });
    return object ? tcpRoute(object, look, plainSettings) : nothing;
  };

  test('its first rule takes every connection', () =>
    expect(translated({ backendRefs: [{ name: 'web', port: 80 }] }, { backendRefs: [] }).route).toMatchObject({
      ...{ kind: 'TCPRoute', http: [] },
      tcp: [{ hostnames: [], backends: [{ weight: 1, to: web, filters: [] }] }],
    }));
  test('a backend may speak anything', () =>
    expect(translated({ backendRefs: [{ name: 'db', port: 5432 }] }).route?.tcp[0]?.backends[0]?.to).toMatchObject({ port: 5432 }));
  test('a share of connections is refused', () =>
    expect(translated({ backendRefs: [{ name: 'none', port: 80, weight: 5 }] }).route?.tcp[0]?.backends).toEqual([
      { weight: 5, to: { invalid: 'Service ns/none was not found' }, filters: [] },
    ]));
  test('a weight that is none', () =>
    expect(accepted(translated({ backendRefs: [{ name: 'web', port: 80, weight: -1 }] }))).toBe(
      'UnsupportedValue: weight -1 is not within 0 and 1000000',
    ));
});

describe('TLSRoute', () => {
  const translated = (hostnames: readonly string[]): Translated => {
    const object = tlsRouteKind.narrow({
      metadata,
      spec: { parentRefs, hostnames, rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
    });
    return object ? tlsRoute(object, look, plainSettings) : nothing;
  };

  test('by the name that the client asks for', () =>
    expect(translated(['A.example.com', '*.b.com']).route?.tcp).toEqual([
      { hostnames: ['a.example.com', '*.b.com'], backends: [{ weight: 1, to: web, filters: [] }] },
    ]));
  test('without names it is not accepted', () => expect(accepted(translated([]))).toBe('UnsupportedValue: a TLSRoute needs hostnames'));
});

describe('what the status said before', () => {
  test('is read where it is ours', () => {
    const condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'm', observedGeneration: 2 };
    const entry = { parentRef: { group: '', kind: 'Service', name: 'web', port: 80 }, conditions: [condition, { type: 'Other' }] };
    const status = {
      parents: [
        { ...entry, controllerName: 'istio.io/gateway-controller' },
        { ...entry, controllerName: 'example.com/other' },
      ],
    };
    expect(tcpRouteKind.narrow({ metadata, status })?.parents).toEqual([{ parentRef: entry.parentRef, conditions: [condition] }]);
  });
});
