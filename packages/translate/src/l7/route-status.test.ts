// What the status of a route says of its parents: where it is attached, what it leads to, which rules were left out.
import { describe, expect, test } from 'vitest';
import { grpcRouteKind } from '../kinds/grpc-route.ts';
import { httpRouteKind } from '../kinds/http-route.ts';
import { type RouteMesh, routeLookUp, routeTargetOf } from '../testing/routes.ts';
import { plainSettings } from '../testing/services.ts';
import { grpcRoute } from './grpc-route.ts';
import { httpRoute } from './http-route.ts';
import type { Translated } from './route-object.ts';
import { placesOf } from './route-parents.ts';

const istio = 'networking.istio.io';
const entryTarget = (hostname: string) => ({ ...routeTargetOf('ns/x'), hostname });
const someMesh: RouteMesh = {
  services: {
    'ns/web': routeTargetOf('ns/web'),
    'ns/alone': routeTargetOf('ns/alone', { waypoint: '' }),
    'ns/headless': routeTargetOf('ns/headless', { reach: 'headless' }),
    'ns/alias': routeTargetOf('ns/alias', { reach: 'alias' }),
    'ns/udp': routeTargetOf('ns/udp', { ports: [] }),
    'ns/db': routeTargetOf('ns/db', { ports: [{ port: 5432, name: 'db', appProtocol: 'tcp' }] }),
    'other/web': routeTargetOf('other/web'),
  },
  entries: { 'ns/entry': [entryTarget('a.example.com'), entryTarget('b.example.com')], 'ns/hostless': [] },
};

const service = (name: string, more: object = {}) => ({ group: '', kind: 'Service', name, ...more });
const backend = (name: string, more: object = {}) => ({ name, port: 80, ...more });

function http(spec: object, { mesh = someMesh, labels = {} }: { readonly mesh?: RouteMesh; readonly labels?: object } = {}): Translated {
  const object = httpRouteKind.narrow({ metadata: { namespace: 'ns', name: 'route', generation: 7, labels }, spec });
  if (object === undefined) throw new TypeError('no route');
  return httpRoute(object, routeLookUp(mesh), plainSettings);
}

const words = ({ parents }: Translated) =>
  parents.map(({ conditions }) => conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`));

const message = ({ parents }: Translated, type: string): string | undefined =>
  parents[0]?.conditions.find((condition) => condition.type === type)?.message;

describe('a parent', () => {
  type Row = readonly [rule: string, parentRef: object, accepted: string, parents: readonly object[], said?: string];
  const web = 'ns/web.ns.svc.cluster.local';
  const rows: readonly Row[] = [
    ['a Service', service('web'), 'True Accepted', [{ service: web }]],
    ['its group may be called core', { ...service('web'), group: 'core' }, 'True Accepted', [{ service: web }]],
    ['one of its ports', service('web', { port: 8080 }), 'True Accepted', [{ service: web, port: 8080 }]],
    ['a port by its name', service('web', { sectionName: 'alt' }), 'True Accepted', [{ service: web, port: 8080 }]],
    ['a port by both', service('web', { sectionName: 'alt', port: 8080 }), 'True Accepted', [{ service: web, port: 8080 }]],
    [
      'number and name of different ports',
      service('web', { sectionName: 'alt', port: 80 }),
      'False NoMatchingParent',
      [],
      'Service ns/web has no port 80 named alt',
    ],
    ['no such port', service('web', { port: 81 }), 'False NoMatchingParent', [], 'Service ns/web has no port 81'],
    ['no such name', service('web', { sectionName: 'x' }), 'False NoMatchingParent', [], 'Service ns/web has no port x'],
    ['no port of TCP', service('udp'), 'False NoMatchingParent', [], 'Service ns/udp has no port that carries TCP'],
    ['a Service elsewhere', service('web', { namespace: 'other' }), 'True Accepted', [{ service: 'other/web.other.svc.cluster.local' }]],
    ['no such Service', service('none'), 'False NoMatchingParent', [], 'Service ns/none was not found'],
    [
      'a headless Service',
      service('headless'),
      'False NoMatchingParent',
      [],
      'Service ns/headless is headless: there is no frontend for a route to stand at',
    ],
    [
      'an alias',
      service('alias'),
      'False NoMatchingParent',
      [],
      'Service ns/alias is of type ExternalName: there is no frontend for a route to stand at',
    ],
    [
      'every host of a ServiceEntry',
      { group: istio, kind: 'ServiceEntry', name: 'entry' },
      'True Accepted',
      [{ service: 'ns/a.example.com' }, { service: 'ns/b.example.com' }],
    ],
    ['a ServiceEntry without any', { group: istio, kind: 'ServiceEntry', name: 'hostless' }, 'False NoMatchingParent', []],
    ['no such ServiceEntry', { group: istio, kind: 'ServiceEntry', name: 'none' }, 'False NoMatchingParent', []],
  ];
  for (const [rule, parentRef, accepted, parents, said] of rows)
    test(rule, () => {
      const answer = http({ parentRefs: [parentRef], rules: [{ backendRefs: [backend('web')] }] });
      expect(words(answer)).toEqual([
        [`Accepted ${accepted}`, 'ResolvedRefs True ResolvedRefs', 'ResolvedWaypoints True ResolvedWaypoints'],
      ]);
      expect(answer.route?.parents ?? []).toEqual(parents);
      if (said !== undefined) expect(message(answer, 'Accepted')).toBe(said);
      expect(answer.parents[0]?.parentRef).toEqual(parentRef);
      expect(answer.parents[0]?.conditions.every(({ observedGeneration }) => observedGeneration === 7)).toBe(true);
    });

  const strangers: readonly (readonly [string, object])[] = [
    ['a Gateway, as which a parent without group and kind counts', { name: 'gateway' }],
    ['a Service of a group that has none', { kind: 'Service', name: 'web' }],
    ['another kind', { group: '', kind: 'Pod', name: 'web' }],
  ];
  for (const [rule, parentRef] of strangers)
    test(`not ours to speak of: ${rule}`, () => expect(http({ parentRefs: [parentRef], rules: [] })).toEqual({ parents: [] }));

  test('each has an entry of its own', () => {
    const answer = http({ parentRefs: [service('web', { port: 80 }), { name: 'gateway' }, service('none')], rules: [{}] });
    expect(words(answer).map(([accepted]) => accepted)).toEqual(['Accepted True Accepted', 'Accepted False NoMatchingParent']);
    expect(answer.route?.parents).toEqual([{ service: web, port: 80 }]);
  });

  test('of another revision: nothing is said', () => {
    const object = httpRouteKind.narrow({
      metadata: { namespace: 'ns', name: 'x', labels: { 'istio.io/rev': 'b' } },
      spec: { parentRefs: [service('web')] },
    });
    expect(object && httpRoute(object, routeLookUp(someMesh), { ...plainSettings, revision: 'a' })).toEqual({ parents: [] });
  });

  test('the message on waypoints tells where one is missing', () => {
    const of = (name: string) => message(http({ parentRefs: [service(name)], rules: [{}] }), 'ResolvedWaypoints');
    expect(of('web')).toBe('All waypoints resolved');
    expect(of('alone')).toBe('Service ns/alone is not bound to a waypoint: label it or its namespace with istio.io/use-waypoint');
    expect(of('none')).toBe('Service ns/none was not found');
  });
});

describe('routes of several kinds on one port', () => {
  const at = (...ports: readonly number[]): RouteMesh => ({
    ...someMesh,
    kinds: Object.fromEntries(
      ports.map((port) => [`ns/web.ns.svc.cluster.local:${port} ns`, ['GRPCRoute' as const, 'HTTPRoute' as const]]),
    ),
  });
  const accepted = (mesh: RouteMesh, parentRef: object) => words(http({ parentRefs: [parentRef], rules: [{}] }, { mesh }))[0]?.[0];

  test('the stronger kind wins', () => expect(accepted(at(80), service('web', { port: 80 }))).toBe('Accepted False Conflicted'));
  test('another port is no conflict', () => expect(accepted(at(8080), service('web', { port: 80 }))).toBe('Accepted True Accepted'));
  test('a route that still has a port is accepted', () => expect(accepted(at(80), service('web'))).toBe('Accepted True Accepted'));
  test('one that has none left is not', () => expect(accepted(at(80, 8080), service('web'))).toBe('Accepted False Conflicted'));
  test('the strongest is never in conflict', () => {
    const object = grpcRouteKind.narrow({
      metadata: { namespace: 'ns', name: 'x' },
      spec: { parentRefs: [service('web', { port: 80 })], rules: [{}] },
    });
    expect(object && words(grpcRoute(object, routeLookUp(at(80)), plainSettings))[0]?.[0]).toBe('Accepted True Accepted');
  });

  test('who is asked for: every port that a route is written for', () => {
    const parentRefs = [service('web'), service('db', { port: 5432 }), service('headless'), service('none'), { name: 'gateway' }];
    const object = httpRouteKind.narrow({ metadata: { namespace: 'ns', name: 'x' }, spec: { parentRefs } });
    expect(object && placesOf(object, routeLookUp(someMesh))).toEqual([
      { service: 'ns/web.ns.svc.cluster.local', port: 80 },
      { service: 'ns/web.ns.svc.cluster.local', port: 8080 },
      { service: 'ns/db.ns.svc.cluster.local', port: 5432 },
    ]);
  });
});

describe('a backend', () => {
  type Row = readonly [rule: string, ref: object, resolved: string, to: object | string];
  const rows: readonly Row[] = [
    ['a Service', backend('web'), 'True ResolvedRefs', { service: 'ns/web.ns.svc.cluster.local', port: 80 }],
    ['a headless Service', backend('headless'), 'True ResolvedRefs', { service: 'ns/headless.ns.svc.cluster.local', port: 80 }],
    [
      'a Service elsewhere needs no permission',
      backend('web', { namespace: 'other' }),
      'True ResolvedRefs',
      { service: 'other/web.other.svc.cluster.local', port: 80 },
    ],
    [
      'the first host of a ServiceEntry',
      backend('entry', { group: istio, kind: 'ServiceEntry' }),
      'True ResolvedRefs',
      { service: 'ns/a.example.com', port: 80 },
    ],
    [
      'a hostname',
      backend('b.example.com', { group: istio, kind: 'Hostname' }),
      'True ResolvedRefs',
      { service: 'ns/b.example.com', port: 80 },
    ],
    ['no such Service', backend('none'), 'False BackendNotFound', 'Service ns/none was not found'],
    ['no such port', backend('web', { port: 81 }), 'False BackendNotFound', 'Service ns/web has no port 81'],
    ['no port at all', { name: 'web' }, 'False InvalidDestination', 'Service ns/web is named without a port'],
    ['an alias', backend('alias'), 'False InvalidKind', 'Service ns/alias is of type ExternalName, which cannot be a backend'],
    [
      'another kind',
      backend('web', { group: 'example.com', kind: 'Bucket' }),
      'False InvalidKind',
      'Bucket.example.com ns/web is of a kind that cannot be a backend',
    ],
    [
      'one that speaks no HTTP',
      backend('db', { port: 5432 }),
      'False UnsupportedProtocol',
      'Service ns/db speaks tcp on port 5432, which is no HTTP',
    ],
  ];
  for (const [rule, ref, resolved, to] of rows)
    test(rule, () => {
      const answer = http({ parentRefs: [service('web')], rules: [{ backendRefs: [ref] }] });
      expect(words(answer)[0]?.slice(0, 2)).toEqual(['Accepted True Accepted', `ResolvedRefs ${resolved}`]);
      expect(answer.route?.http[0]?.backends).toEqual([{ weight: 1, to: typeof to === 'string' ? { invalid: to } : to, filters: [] }]);
      if (typeof to === 'string') expect(message(answer, 'ResolvedRefs')).toBe(to);
    });
});

describe('rules that cannot be carried out', () => {
  const good = { backendRefs: [backend('web')] };
  const bad = { filters: [{ type: 'Teleport' }], ...good };
  const twice = { filters: [{ type: 'CORS' }, { type: 'CORS' }], ...good };

  test('some: the others work, and the status says which were dropped', () => {
    const answer = http({ parentRefs: [service('web')], rules: [bad, good] });
    expect(words(answer)[0]).toContain('PartiallyInvalid True UnsupportedValue');
    expect(words(answer)[0]?.[0]).toBe('Accepted True Accepted');
    expect(message(answer, 'PartiallyInvalid')).toBe('Dropped Rule(s): filter Teleport is not known');
    expect(answer.route?.http).toHaveLength(1);
  });

  test('all: there is no route, for the first reason', () => {
    const answer = http({ parentRefs: [service('web')], rules: [twice, bad] });
    expect(words(answer)[0]).toEqual([
      'Accepted False IncompatibleFilters',
      'ResolvedRefs True ResolvedRefs',
      'ResolvedWaypoints True ResolvedWaypoints',
    ]);
    expect(answer.route).toBeUndefined();
  });

  test('no rules at all: nothing matches', () => expect(http({ parentRefs: [service('web')], rules: [] }).route?.http).toEqual([]));

  test('of many findings some are told', () => {
    const backendRefs = Array.from({ length: 12 }, (_, at) => backend(`none-${at}`));
    const said = message(http({ parentRefs: [service('web')], rules: [{ backendRefs }] }), 'ResolvedRefs');
    expect(said).toMatch(/^Service ns\/none-0 was not found; .*none-7 was not found; and 4 more$/);
  });
});
