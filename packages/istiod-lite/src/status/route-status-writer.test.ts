// Whose entries of a route's status are written, what stays, and when nobody has to write at all.
import { KubeClient } from '@ambient-mesh/kube/client';
import { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { ms, systemClock } from '@ambient-mesh/runtime/time';
import { allKinds } from '@ambient-mesh/translate/kinds/all';
import type { Condition } from '@ambient-mesh/translate/kinds/meta';
import { type ParentRef, type RouteParentStatus, routeController } from '@ambient-mesh/translate/kinds/route-parts';
import { expect, test } from 'vitest';
import { entriesAfter, RouteStatusWriter, saysAll } from './route-status-writer.ts';

const now = '2026-01-01T00:00:10Z';
const before = '2026-01-01T00:00:00Z';

const web: ParentRef = { group: '', kind: 'Service', namespace: undefined, name: 'web', sectionName: undefined, port: 80 };
const gateway: ParentRef = { ...web, group: 'gateway.networking.k8s.io', kind: 'Gateway', port: undefined };
const accepted: Condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'fine', observedGeneration: 2 };
const wanted: RouteParentStatus = { parentRef: web, conditions: [accepted] };

const entry = (more: object = {}, conditions: readonly object[] = [{ ...accepted, lastTransitionTime: before }]) => ({
  parentRef: { group: '', kind: 'Service', name: 'web', port: 80 },
  controllerName: routeController,
  conditions,
  ...more,
});
const foreign = entry({ controllerName: 'example.com/other' });
const ofGateway = entry({ parentRef: { group: gateway.group, kind: 'Gateway', name: 'web' } });

const after = (parents: readonly object[], want: readonly RouteParentStatus[] = [wanted]) =>
  entriesAfter({ status: { parents } }, want, now);

const rows: readonly (readonly [rule: string, parents: readonly object[], want: readonly RouteParentStatus[], entries: unknown])[] = [
  ['a route without a status gets ours', [], [wanted], [entry({}, [{ ...accepted, lastTransitionTime: now }])]],
  ['what was so before keeps its time', [entry()], [wanted], [entry()]],
  [
    'what turns gets a new one',
    [entry()],
    [{ ...wanted, conditions: [{ ...accepted, status: 'False' }] }],
    [entry({}, [{ ...accepted, status: 'False', lastTransitionTime: now }])],
  ],
  [
    'another generation and reason alone are no turn',
    [entry({}, [{ ...accepted, observedGeneration: 1, reason: 'Other', lastTransitionTime: before }])],
    [wanted],
    [entry()],
  ],
  ["others' entries stay, also those of the same parent", [foreign, entry()], [wanted], [foreign, entry()]],
  ['entries of Gateways stay, under our name too', [ofGateway], [], [ofGateway]],
  ['a parent that the route names no more goes', [foreign, entry()], [], [foreign]],
  [
    'another port is another parent',
    [entry({ parentRef: { ...entry().parentRef, port: 81 } })],
    [wanted],
    [entry({}, [{ ...accepted, lastTransitionTime: now }])],
  ],
  [
    "others' conditions within our entry stay",
    [entry({}, [{ type: 'Theirs', status: 'True' }])],
    [wanted],
    [
      entry({}, [
        { ...accepted, lastTransitionTime: now },
        { type: 'Theirs', status: 'True' },
      ]),
    ],
  ],
  [
    'a condition of ours that is not wanted any more goes',
    [entry({}, [...entry().conditions, { type: 'PartiallyInvalid', status: 'True' }])],
    [wanted],
    [entry()],
  ],
  ['what has been said of a newer generation stays', [entry({}, [{ ...accepted, observedGeneration: 3 }])], [wanted], undefined],
];
test.each(rows)('%s', (_, parents, want, entries) => {
  expect(JSON.parse(JSON.stringify(after(parents, want) ?? null))).toEqual(entries ?? null);
});

test('a status of any shape is written over, not stumbled over', () => {
  for (const status of [
    undefined,
    null,
    'x',
    { parents: 'x' },
    { parents: [null, 7, { conditions: 'x', controllerName: routeController }] },
  ])
    expect(entriesAfter({ status }, [wanted], now)?.length).toBeGreaterThan(0);
});

const equal: readonly (readonly [
  rule: string,
  existing: readonly RouteParentStatus[],
  want: readonly RouteParentStatus[],
  says: boolean,
])[] = [
  ['the same says all', [wanted], [wanted], true],
  [
    'in any order',
    [{ ...wanted, parentRef: { ...web, port: 81 } }, wanted],
    [wanted, { ...wanted, parentRef: { ...web, port: 81 } }],
    true,
  ],
  ['one less does not', [], [wanted], false],
  ['nor one more', [wanted], [], false],
  ['one of a Gateway is not counted', [{ ...wanted, parentRef: gateway }], [], true],
  ['another message does not', [wanted], [{ ...wanted, conditions: [{ ...accepted, message: 'less' }] }], false],
  ['nor another generation', [wanted], [{ ...wanted, conditions: [{ ...accepted, observedGeneration: 3 }] }], false],
];
test.each(equal)('%s', (_, existing, want, says) => {
  expect(saysAll(existing, want)).toBe(says);
});

const path = '/apis/gateway.networking.k8s.io/v1/namespaces/a/httproutes';
const route = (status?: object) => ({
  metadata: { name: 'r', namespace: 'a', generation: 2 },
  spec: { hostnames: ['x'] },
  ...(status && { status }),
});

async function scene(status?: object) {
  const parts = new AsyncDisposableStack();
  const api = parts.use(await ApiServer.start());
  const client = parts.use(new KubeClient(api.access, { clock: systemClock }));
  const stop = new AbortController();
  parts.defer(() => stop.abort());
  api.objects.put(path, 'r', route(status));
  const said: string[] = [];
  const clock = fakeClock();
  const writer = new RouteStatusWriter(
    {
      client,
      kinds: allKinds,
      route: (table) => (table === 'httpRoutes' ? allKinds.httpRoutes.narrow(api.objects.get(path, 'r')) : undefined),
      wanted: () => [wanted],
      clock,
      random: () => 0.5,
      report: {
        written: (table, key) => said.push(`written ${table} ${key}`),
        failed: (table, key) => said.push(`failed ${table} ${key}`),
      },
    },
    stop.signal,
  );
  return { api, clock, writer, said, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

test('what is wanted is written, next to all that the route says, once', async () => {
  await using it = await scene();
  it.writer.touch('httpRoutes', 'a/r');
  await it.writer.idle();
  it.writer.touch('httpRoutes', 'a/r');
  await it.writer.idle();
  const written = it.api.objects.get(path, 'r');
  expect(written).toMatchObject({
    spec: { hostnames: ['x'] },
    status: { parents: [{ controllerName: routeController, parentRef: { name: 'web' } }] },
  });
  expect(it.said).toEqual(['written httpRoutes a/r']);
  expect(it.api.requests.filter((each) => each.startsWith('PUT'))).toEqual([
    `PUT ${path}/r/status?fieldManager=${encodeURIComponent(routeController)}`,
  ]);
});

test('what says all is not even read', async () => {
  await using it = await scene({ parents: [entry()] });
  it.writer.touch('httpRoutes', 'a/r');
  await it.writer.idle();
  expect([it.api.requests, it.said]).toEqual([[], []]);
});

test("somebody else's write in between is kept", async () => {
  await using it = await scene();
  let meddled = false;
  it.api.intercept = (request) => {
    if (request.method !== 'PUT' || meddled) return false;
    meddled = true;
    it.api.objects.put(path, 'r', route({ parents: [foreign] }));
    return false;
  };
  it.writer.touch('httpRoutes', 'a/r');
  await expect.poll(() => it.clock.pending).toBe(1);
  await it.clock.advance(ms(1_000));
  await it.writer.idle();
  expect(it.said).toEqual(['written httpRoutes a/r']);
  expect(it.api.objects.get(path, 'r')).toMatchObject({
    status: { parents: [{ controllerName: 'example.com/other' }, { controllerName: routeController }] },
  });
});
