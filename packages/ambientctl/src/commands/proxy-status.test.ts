// What proxy-status makes of the control planes' words: a row for each client, and one for each proxy that is nobody's.
import { describe, expect, test } from 'vitest';
import { labels, startMeshApi, type TestPod } from '../testing/mesh-api.ts';
import { typed } from '../testing/typed.ts';

const prefix = 'type.googleapis.com/';
const address = {
  typeUrl: `${prefix}istio.workload.Address`,
  unanswered: 0,
  pending: 0,
  refused: false,
  lastRefusal: '',
  answeredAgo: 12_400,
};
const policy = { ...address, typeUrl: `${prefix}istio.security.Authorization` };
const l7 = { ...address, typeUrl: `${prefix}ambientmesh.dev.L7Resource` };
const node = (pod: string, namespace: string, type: string) => ({ pod, namespace, type, nodeName: 'node-a', id: 'x' });
const clients = [
  {
    node: node('ztunnel-a', 'istio-system', 'ztunnel'),
    types: [address, { ...policy, pending: 2, unanswered: 1, unansweredFor: 192_000 }],
  },
  { node: node('waypoint-1', 'shop', 'waypoint'), types: [address, { ...l7, refused: true, lastRefusal: 'no such thing' }] },
  { node: node('new', 'shop', 'waypoint'), types: [{ ...address, answeredAgo: undefined, pending: 1 }] },
];
const ztunnel = (name: string): TestPod => ({ key: `istio-system/${name}`, labels: labels.ztunnel });
const istiod = (page: string): TestPod => ({ key: 'istio-system/istiod-1', labels: labels.istiod, pages: { '15000/debug/clients': page } });
const pods = [istiod(JSON.stringify(clients)), ztunnel('ztunnel-a'), ztunnel('ztunnel-b')];

const head = 'NAME                     TYPE       NODE     ISTIOD     ADDRESSES      POLICIES        L7             REFUSED BECAUSE\n';
const golden = `${head}new.shop                 waypoint   node-a   istiod-1   STALE          -               -
waypoint-1.shop          waypoint   node-a   istiod-1   SYNCED (12s)   -               NACKED (12s)   no such thing
ztunnel-a.istio-system   ztunnel    node-a   istiod-1   SYNCED (12s)   STALE (3m12s)   -
ztunnel-b.istio-system   ztunnel    node-a   -          DISCONNECTED   DISCONNECTED    -
`;

test('a table of all', async () => {
  await using api = await startMeshApi(pods);
  expect(await typed('proxy-status', { api })).toEqual({ code: 0, out: golden, err: '' });
});

test('one of them, as JSON', async () => {
  await using api = await startMeshApi(pods);
  expect(JSON.parse((await typed('ps waypoint-1 -o json', { api })).out)).toEqual([
    {
      name: 'waypoint-1.shop',
      type: 'waypoint',
      node: 'node-a',
      istiod: 'istiod-1',
      types: {
        addresses: { state: 'SYNCED', ageSeconds: 12 },
        policies: { state: 'NOT SENT' },
        l7: { state: 'NACKED', ageSeconds: 12, refusal: 'no such thing' },
      },
    },
  ]);
});

describe('failures are one sentence', () => {
  const rows: readonly (readonly [name: string, line: string, pods: readonly TestPod[], says: RegExp])[] = [
    ['nothing installed', 'ps', [], /^ambientctl: no control plane runs in namespace istio-system: is the mesh installed there\?\n$/],
    ['another namespace', 'ps -i mesh', pods, /^ambientctl: no control plane runs in namespace mesh/],
    ['an unknown pod', 'ps nobody', pods, /^ambientctl: no ztunnel and no waypoint is called nobody\n$/],
    ['a control plane of another make', 'ps', [istiod('<html>')], /^ambientctl: istio-system\/istiod-1 has no page of clients/],
    [
      'a control plane without the page',
      'ps',
      [{ ...istiod(''), pages: {} }],
      /^ambientctl: the admin page of istio-system\/istiod-1 .*404/,
    ],
  ];
  for (const [name, line, there, says] of rows) {
    test(name, async () => {
      await using api = await startMeshApi(there);
      const { code, out, err } = await typed(line, { api });
      expect([code, out]).toEqual([1, '']);
      expect(err).toMatch(says);
    });
  }
});
