// The access log of a mesh: lines of every proxy, in order, filtered; and how it goes on, and ends.
import { answer, statusAnswer } from '@ambient-mesh/kube/testing/answers';
import { expect, test } from 'vitest';
import { labels, startMeshApi, type TestPod } from '../testing/mesh-api.ts';
import { typed } from '../testing/typed.ts';

const line = (second: number, from: string, more = ''): string =>
  `2026-01-01T00:00:0${second}.000Z\tinfo\taccess\tconnection complete\tsrc.addr=10.0.0.2:4000${second} src.workload="${from}" src.namespace="shop" ` +
  `dst.addr=10.0.1.2:8080 dst.workload="cart-1" dst.namespace="store" direction="inbound" bytes_sent=2 bytes_recv=1 duration="${second}ms"${more}\n`;
const request =
  '[2026-01-01T00:00:02.500Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 5 50 12 9 "-" "curl" "id-1" "cart" ' +
  '"10.0.1.2:8080" inbound-vip|80|http|cart.store.svc.cluster.local - 10.1.0.1:80 10.0.0.2:40000 - main\n';
const noise = '2026-01-01T00:00:00Z\tinfo\tapp\tready\t\n';
const denial = ' policy="store/deny" error="connection closed due to policy rejection"';
const pods: readonly TestPod[] = [
  { key: 'istio-system/zt-b', labels: labels.ztunnel, log: noise + line(3, 'web-1') + line(1, 'api-1', denial) },
  { key: 'istio-system/zt-a', labels: labels.ztunnel, log: line(2, 'api-1') },
  { key: 'store/waypoint-1', labels: labels.waypoint, log: `{"level":"info"}\n${request}` },
  { key: 'store/cart-1', labels: {}, ip: '10.0.1.2' },
];

const golden: readonly (readonly [line: string, out: string])[] = [
  [
    'tail --no-follow --lines 100',
    `00:00:01.000Z  inbound  zt-b  shop/api-1:40001 -> store/cart-1:8080  DENIED by store/deny: connection closed due to policy rejection  1 B out, 2 B back, 1ms
00:00:02.000Z  inbound  zt-a  shop/api-1:40002 -> store/cart-1:8080  ok  1 B out, 2 B back, 2ms
00:00:02.500Z  waypoint waypoint-1  10.0.0.2:40000 -> store/cart-1:8080 (cart.store.svc.cluster.local)  GET /  ok 200  5 B out, 50 B back, 12ms
00:00:03.000Z  inbound  zt-b  shop/web-1:40003 -> store/cart-1:8080  ok  1 B out, 2 B back, 3ms
`,
  ],
  [
    'tail --no-follow --workload web --peer cart.store -n shop',
    '00:00:03.000Z  inbound  zt-b  shop/web-1:40003 -> store/cart-1:8080  ok  1 B out, 2 B back, 3ms\n',
  ],
  ['tail --no-follow --denied --raw', line(1, 'api-1', denial)],
  ['tail --no-follow -n elsewhere', ''],
];
for (const [typedLine, out] of golden) {
  test(typedLine, async () => {
    await using api = await startMeshApi(pods);
    expect(await typed(typedLine, { api })).toEqual({ code: 0, out, err: '' });
  });
}

test('JSON is an object a line', async () => {
  await using api = await startMeshApi(pods);
  const { out } = await typed('tail --no-follow --denied -o json', { api });
  expect(JSON.parse(out)).toMatchObject({ by: 'istio-system/zt-b', outcome: 'denied', policy: 'store/deny', from: { workload: 'api-1' } });
});

test('it asks for as many lines as were wished for, follows, and ends with Ctrl-C', async () => {
  await using api = await startMeshApi(pods);
  const stop = new AbortController();
  const ending = typed('tail --lines 7', { api, signal: stop.signal });
  const asked = (pod: string): boolean => api.requests.includes(`GET /api/v1/namespaces/${pod}/log?tailLines=7&follow=true`);
  await expect.poll(() => ['istio-system/pods/zt-a', 'istio-system/pods/zt-b', 'store/pods/waypoint-1'].every(asked)).toBe(true);
  stop.abort();
  expect(await ending).toMatchObject({ code: 130, err: '' });
});

const failures: readonly (readonly [name: string, line: string, pods: readonly TestPod[], code: number, says: RegExp])[] = [
  ['nothing installed', 'tail', [], 1, /^ambientctl: no ztunnel runs in namespace istio-system: is the mesh installed there\?\n$/],
  ['no number', 'tail --lines many', pods, 2, /It is no number of lines/],
];
for (const [name, typedLine, there, code, says] of failures) {
  test(name, async () => {
    await using api = await startMeshApi(there);
    const seen = await typed(typedLine, { api });
    expect([seen.code, seen.out]).toEqual([code, '']);
    expect(seen.err).toMatch(says);
  });
}

for (const flag of ['', '--no-follow']) {
  test(`logs that may not be read ${flag}`, async () => {
    await using api = await startMeshApi(pods);
    const selects = api.intercept;
    api.intercept = (incoming, response, url) => {
      if (!url.pathname.endsWith('/log')) return selects(incoming, response, url);
      answer(response, statusAnswer(403, 'Forbidden'));
      return true;
    };
    const { code, err } = await typed(`tail ${flag}`, { api });
    expect([code, err]).toEqual([1, expect.stringMatching(/^ambientctl: you are not allowed to do this: read the log of Pod/)]);
  });
}
