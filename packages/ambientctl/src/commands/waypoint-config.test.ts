// What `waypoint config` shows of a dump, saved or live, as golden tables and JSON; and how each of its failures is told.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiServer } from '@ambient-mesh/kube/testing/api-server';
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { noon, waypointDump } from '../testing/dumps.ts';
import { labels, startMeshApi } from '../testing/mesh-api.ts';
import { temporaryFolder, typed } from '../testing/typed.ts';

const temporary = temporaryFolder();
const folder = temporary.path;
const file = join(folder, 'dump.json');
let api: ApiServer;
beforeAll(async () => {
  writeFileSync(file, JSON.stringify(waypointDump));
  writeFileSync(join(folder, 'broken.json'), '{');
  const odd = {
    waypoint: {},
    destinations: [7, { endpoints: [null, {}] }],
    resources: [{}, { is: 'route', route: { http: [{ backends: [4] }] } }],
  };
  writeFileSync(join(folder, 'odd.json'), JSON.stringify(odd));
  const pages = { '15000/config_dump': JSON.stringify(waypointDump) };
  api = await startMeshApi([{ key: 'shop/waypoint-1', labels: labels.waypoint, pages }]);
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  temporary[Symbol.dispose]();
});

const type = (line: string) => typed(`waypoint config ${line}`, { api, clock: fakeClock(noon) });

const tables: readonly (readonly [line: string, out: string])[] = [
  [
    'routes',
    `ROUTE                 SERVICE                            MATCH                             TO
HTTPRoute shop/cart   shop/cart.shop.svc.cluster.local:80   GET /v2/* x-user=a or /new ?q=~.+   shop/cart-v2.shop.svc.cluster.local:80 (9), invalid: no such Service (1)
HTTPRoute shop/cart   shop/cart.shop.svc.cluster.local:80   *                                 redirect 302
TLSRoute shop/db      shop/db.shop.svc.cluster.local     db.example.com                    shop/db.shop.svc.cluster.local:5432
`,
  ],
  [
    'routes --service db.',
    `ROUTE              SERVICE                          MATCH            TO
TLSRoute shop/db   shop/db.shop.svc.cluster.local   db.example.com   shop/db.shop.svc.cluster.local:5432
`,
  ],
  [
    'clusters',
    `DESTINATION                                ENDPOINTS   ACTIVE   CONNECTIONS   LOAD BALANCER   TLS
shop/cart.shop.svc.cluster.local port 80   1/2         3        2             round-robin     simple
shop/db.shop.svc.cluster.local port 5432   0/0         0        0             least-request   -
`,
  ],
  [
    'endpoints --service cart',
    `DESTINATION                                WORKLOAD      ADDRESS          STATUS    ACTIVE   CONNECTIONS
shop/cart.shop.svc.cluster.local port 80   shop/cart-1   10.0.1.2:8080    Healthy   2        1
shop/cart.shop.svc.cluster.local port 80   shop/cart-2   [fd00::2]:8080   Ejected   1        1
`,
  ],
  [
    'policies',
    `KIND                    NAMESPACE   NAME       ACTION           APPLIES TO
AuthorizationPolicy     shop        no-posts   DENY (dry run)   waypoint shop/waypoint
RequestAuthentication   shop        tokens     https://issuer   namespace shop
RateLimit               shop        slow       2 limits         service shop/cart.shop.svc.cluster.local
WasmPlugin              shop        plugin     AUTHN            waypointClass istio-waypoint
`,
  ],
  [
    'cert',
    `CERTIFICATE NAME                             TYPE   STATUS      VALID CERT   SERIAL NUMBER   NOT AFTER                  NOT BEFORE
spiffe://cluster.local/ns/shop/sa/waypoint   Leaf   Available   true         ff              2026-01-02T00:00:00.000Z   2026-01-01T00:00:00.000Z
spiffe://cluster.local/ns/shop/sa/waypoint   Root   Available   true         10              2035-01-01T00:00:00.000Z   2025-01-01T00:00:00.000Z
`,
  ],
];
for (const [line, out] of tables) {
  test(line, async () => {
    expect(await type(line)).toEqual({ code: 0, out: aligned(out), err: '' });
    expect(await type(`${line} -f ${file}`)).toEqual({ code: 0, out: aligned(out), err: '' });
  });
}

/** The golden is easier to write with columns of any width: two blanks or more part them. */
function aligned(table: string): string {
  const rows = table
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)) + 3);
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}

test('JSON and YAML carry what the waypoint says', async () => {
  expect(JSON.parse((await type('clusters -o json')).out)).toEqual(waypointDump.destinations);
  expect(parse((await type('routes --service db. -o yaml')).out)).toMatchObject([{ kind: 'TLSRoute', name: 'db' }]);
  expect(JSON.parse((await type('policies -o json')).out)[0]).toMatchObject({ kind: 'AuthorizationPolicy', name: 'no-posts' });
  expect(JSON.parse((await type('all -o json')).out)).toEqual(waypointDump);
});

test('all: every view', async () => {
  expect((await type('all --with-headers')).out.match(/^[A-Z]+$/gm)).toEqual([
    'ROUTES',
    'CLUSTERS',
    'ENDPOINTS',
    'POLICIES',
    'CERTIFICATES',
  ]);
});

test('a dump from anywhere is read without trust', async () => {
  expect(await type(`all -f ${folder}/odd.json`)).toMatchObject({ code: 0, err: '' });
});

const failures: readonly (readonly [line: string, code: number, says: RegExp])[] = [
  ['routes nobody', 1, /^ambientctl: no pod of waypoint shop\/nobody runs: see ambientctl waypoint status nobody -n shop\n$/],
  ['routes -n elsewhere', 1, /^ambientctl: no pod of waypoint elsewhere\/waypoint runs/],
  ['routes none', 2, /"none" is no name/],
  [`routes -f ${folder}/broken.json`, 1, /^ambientctl: the file .*broken.json is no config_dump of a waypoint/],
  [`routes -f ${folder}/missing.json`, 1, /^ambientctl: the file .*missing.json cannot be read/],
  [`routes waypoint -f ${file}`, 2, /^ambientctl: say one of a waypoint and --file/],
];
for (const [line, code, says] of failures) {
  test(line, async () => {
    const seen = await type(line);
    expect([seen.code, seen.out]).toEqual([code, '']);
    expect(seen.err).toMatch(says);
  });
}
