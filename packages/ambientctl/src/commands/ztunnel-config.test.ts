// What ztunnel-config shows of a dump, saved or live, as golden tables, JSON and YAML; and how each of its failures is told.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import type { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { noon, ztunnelDump } from '../testing/dumps.ts';
import { labels, startMeshApi } from '../testing/mesh-api.ts';
import { temporaryFolder, typed } from '../testing/typed.ts';

const temporary = temporaryFolder();
const folder = temporary.path;
const file = join(folder, 'dump.json');
let api: ApiServer;
const asked: string[] = [];
const logging = (query: string) => () => {
  asked.push(query);
  return 'current log level is info,access=debug\n';
};
beforeAll(async () => {
  writeFileSync(file, JSON.stringify(ztunnelDump));
  writeFileSync(join(folder, 'broken.json'), '{"workloads": [');
  writeFileSync(join(folder, 'other.json'), '{"kind": "List"}');
  const pages = {
    '15000/config_dump': JSON.stringify(ztunnelDump),
    '15000/logging': logging(''),
    '15000/logging?reset': logging('reset'),
    '15000/logging?level=info%2Caccess%3Ddebug': logging('level'),
  };
  api = await startMeshApi([
    { key: 'istio-system/ztunnel-b', labels: labels.ztunnel, node: 'node-b', pages: { ...pages, '15001/config_dump': '{}' } },
    { key: 'istio-system/ztunnel-a', labels: labels.ztunnel, pages },
    { key: 'istio-system/istiod-1', labels: labels.istiod },
  ]);
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  temporary[Symbol.dispose]();
});

const clock = () => fakeClock(noon);
const type = (line: string) => typed(`ztunnel-config ${line}`, { api, clock: clock() });
const tables: readonly (readonly [line: string, out: string])[] = [
  [
    'workload',
    `NAMESPACE   POD NAME   ADDRESS          NODE     WAYPOINT   PROTOCOL
legacy      old        db.example.com            None       TCP
shop        cart-1     10.0.1.2         node-b   waypoint   HBONE
shop        web-1      10.0.0.2         node-a   None       HBONE
`,
  ],
  [
    'workload --workload-namespace shop --address 10.0.0.2',
    `NAMESPACE   POD NAME   ADDRESS    NODE     WAYPOINT   PROTOCOL
shop        web-1      10.0.0.2   node-a   None       HBONE
`,
  ],
  ['w --workload-node nowhere', 'NAMESPACE   POD NAME   ADDRESS   NODE   WAYPOINT   PROTOCOL\n'],
  [
    'service',
    `NAMESPACE   SERVICE NAME   SERVICE VIP         WAYPOINT   ENDPOINTS
shop        cart           10.96.0.1,fd00::1   waypoint   1/2
shop        waypoint       10.96.0.9           None       0/0
`,
  ],
  ['svc --service-namespace other', 'NAMESPACE   SERVICE NAME   SERVICE VIP   WAYPOINT   ENDPOINTS\n'],
  [
    'policy',
    `NAMESPACE   POLICY NAME   ACTION   SCOPE
other       allow         Allow    WorkloadSelector
shop        deny-all      Deny     Namespace
`,
  ],
  [
    'pol --policy-namespace shop',
    `NAMESPACE   POLICY NAME   ACTION   SCOPE
shop        deny-all      Deny     Namespace
`,
  ],
  [
    'certificate',
    `CERTIFICATE NAME                            TYPE           STATUS        VALID CERT   SERIAL NUMBER   NOT AFTER                  NOT BEFORE
spiffe://cluster.local/ns/shop/sa/default   Leaf           Available     true         ff              2026-01-02T00:00:00.000Z   2026-01-01T00:00:00.000Z
spiffe://cluster.local/ns/shop/sa/default   Intermediate   Available     true         10              2035-01-01T00:00:00.000Z   2025-01-01T00:00:00.000Z
spiffe://cluster.local/ns/shop/sa/default   Root           Available     true         10              2035-01-01T00:00:00.000Z   2025-01-01T00:00:00.000Z
spiffe://cluster.local/ns/shop/sa/late      NA             Unavailable   false        NA              NA                         NA
`,
  ],
  [
    'connections',
    `WORKLOAD      DIRECTION   LOCAL              REMOTE              REMOTE TARGET                    PROTOCOL
api-1.other   Inbound     10.0.0.7:8080      [fd00::5]:40000                                      HBONE
web-1.shop    Outbound    web-1.shop:40000   cart-1.shop:15008   cart.shop.svc.cluster.local:80   HBONE
`,
  ],
  [
    'cons --raw --direction outbound --workload-node node-a',
    `WORKLOAD     DIRECTION   LOCAL            REMOTE           REMOTE TARGET   PROTOCOL
web-1.shop   Outbound    10.0.0.2:40000   10.0.1.2:15008   10.96.0.1:80    HBONE
`,
  ],
  ['cons --direction inbound --workload-namespace shop', 'WORKLOAD   DIRECTION   LOCAL   REMOTE   REMOTE TARGET   PROTOCOL\n'],
];

describe('tables', () => {
  for (const [line, out] of tables) {
    test(line, async () => {
      expect(await type(line)).toEqual({ code: 0, out, err: '' });
      expect(await typed(`zc ${line} --file ${file}`, { clock: clock() })).toEqual({ code: 0, out, err: '' });
    });
  }
  test('all: every view, one after the other', async () => {
    const view = (name: string): string => tables.find(([line]) => line === name)?.[1] ?? '';
    const names = ['workload', 'service', 'policy', 'certificate', 'connections'];
    expect((await type('all')).out).toBe(names.map(view).join('\n'));
    expect((await type('all --with-headers')).out).toBe(names.map((name) => `${name.toUpperCase()}\n${view(name)}`).join('\n'));
  });
});

describe('JSON and YAML: what the dump says, of what was asked for', () => {
  const { workloads, services, policies, certificates } = ztunnelDump;
  const rows: readonly (readonly [line: string, items: unknown])[] = [
    ['workload --workload-namespace legacy', [workloads[2]]],
    ['service', services],
    ['policy', [policies[1], policies[0]]],
    ['certificate', certificates],
    ['connections --workload-namespace other', [{ uid: 'uid-2', ...ztunnelDump.workloadState['uid-2'] }]],
    ['all', ztunnelDump],
  ];
  for (const [line, items] of rows) {
    test(line, async () => {
      expect(JSON.parse((await type(`${line} -o json`)).out)).toEqual(items);
      expect(parse((await type(`${line} -o yaml`)).out)).toEqual(items);
    });
  }
});

describe('which ztunnel', () => {
  const lately = async (line: string): Promise<readonly string[]> => {
    api.requests.length = 0;
    expect((await type(line)).code).toBe(0);
    return api.requests.filter((each) => each.includes('portforward'));
  };
  const forward = (pod: string, port = 15_000): string => `GET /api/v1/namespaces/istio-system/pods/${pod}/portforward?ports=${port}`;
  const rows: readonly (readonly [line: string, pod: string])[] = [
    ['policy', 'ztunnel-a'],
    ['policy --node node-b', 'ztunnel-b'],
    ['policy ztunnel-b', 'ztunnel-b'],
    ['policy ztunnel-b.istio-system', 'ztunnel-b'],
  ];
  for (const [line, pod] of rows) test(`${line}: ${pod}`, async () => expect(await lately(line)).toEqual([forward(pod)]));
});

describe('log', () => {
  const both = 'POD                      LEVELS\nztunnel-a.istio-system   info,access=debug\nztunnel-b.istio-system   info,access=debug\n';
  const rows: readonly (readonly [line: string, out: string, asked: readonly string[]])[] = [
    ['log', both, ['', '']],
    ['log --level info,access:debug', both, ['level', 'level']],
    ['o -r', both, ['reset', 'reset']],
    ['log ztunnel-a', 'POD                      LEVELS\nztunnel-a.istio-system   info,access=debug\n', ['']],
  ];
  for (const [line, out, queries] of rows) {
    test(line, async () => {
      asked.length = 0;
      expect(await type(line)).toEqual({ code: 0, out, err: '' });
      expect(asked).toEqual(queries);
    });
  }
  test('as JSON', async () => {
    expect(JSON.parse((await type('log --node node-b -o json')).out)).toEqual([
      { pod: 'ztunnel-b.istio-system', levels: 'info,access=debug' },
    ]);
  });
});

describe('failures are one sentence', () => {
  const rows: readonly (readonly [line: string, code: number, says: RegExp])[] = [
    ['workload -i elsewhere', 1, /^ambientctl: no ztunnel runs in namespace elsewhere: is the mesh installed there\?\n$/],
    ['log --node node-c', 1, /^ambientctl: no ztunnel runs on node node-c in namespace istio-system/],
    ['workload nobody', 1, /^ambientctl: there is no pod nobody in namespace istio-system\n$/],
    ['workload --proxy-admin-port 15001', 1, /^ambientctl: what istio-system\/ztunnel-a answers is no config_dump|cannot be read/],
    ['workload --proxy-admin-port 0', 2, /It is no port/],
    ['workload istiod-1.istio-system', 1, /^ambientctl: the admin page of istio-system\/istiod-1 on port 15000 cannot be read: .*404/],
    [`service -f ${folder}/missing.json`, 1, /^ambientctl: the file .*missing.json cannot be read: .*ENOENT/],
    [`service -f ${folder}/broken.json`, 1, /^ambientctl: the file .*broken.json is no config_dump of a ztunnel/],
    [`service -f ${folder}/other.json`, 1, /^ambientctl: the file .*other.json is no config_dump of a ztunnel/],
    [`service ztunnel-a -f ${file}`, 2, /^ambientctl: say one of a pod, --node and --file/],
    ['log ztunnel-a --node node-a', 2, /^ambientctl: say one of a pod and --node/],
    ['log --level loud', 2, /neither a level nor a list/],
    ['log --level info -r', 2, /^ambientctl: say one of --level and --reset/],
  ];
  for (const [line, code, says] of rows) {
    test(line, async () => {
      const seen = await type(line);
      expect([seen.code, seen.out]).toEqual([code, '']);
      expect(seen.err).toMatch(says);
    });
  }
  test('port-forwards that are not allowed', async () => {
    await using closed = await startMeshApi([{ key: 'istio-system/ztunnel-a', labels: labels.ztunnel }]);
    closed.intercept = (_, response, url) => {
      if (url.pathname.endsWith('/pods')) return false;
      answer(response, statusAnswer(403, 'Forbidden'));
      return true;
    };
    const { code, err } = await typed('zc workload ztunnel-x', { api: closed });
    expect([code, err]).toEqual([1, expect.stringMatching(/^ambientctl: you are not allowed to do this: port-forward to port 15000/)]);
  });
});

test('a dump from anywhere is read without trust', async () => {
  const odd = {
    workloads: [null, 7, { name: 5, workloadIps: 'x', waypoint: [] }],
    services: [{ vips: {}, endpoints: [1] }],
    policies: 'none',
    certificates: [{ certChain: [{ serialNumber: 'x'.repeat(9) }] }],
    workloadState: { a: null, b: { connections: { inbound: [{}] } } },
  };
  writeFileSync(join(folder, 'odd.json'), JSON.stringify(odd));
  expect(await typed(`zc all -f ${folder}/odd.json`)).toMatchObject({ code: 0, err: '' });
});
