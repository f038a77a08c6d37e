// Tables of who moves how much, from two samples of every proxy's counters.
import { fakeClock } from '@ambient-mesh/runtime/testing';
import { type Clock, sleepWith, systemClock } from '@ambient-mesh/runtime/time';
import { expect, test } from 'vitest';
import { labels, startMeshApi, type TestPod } from '../testing/mesh-api.ts';
import { typed } from '../testing/typed.ts';

const series = (family: string, reporter: string, [from, to, service]: readonly string[], value: number, more = ''): string =>
  `${family}{reporter="${reporter}",source_workload="${from}",source_workload_namespace="shop",destination_workload="${to}",` +
  `destination_workload_namespace="store",destination_service="${service}.store.svc.cluster.local",destination_service_name="${service}",` +
  `destination_service_namespace="store",request_protocol="tcp",response_flags="-",connection_security_policy="mutual_tls"${more}} ${value}\n`;
const denials = (value: number): string =>
  `ambient_policy_denials_total{source_workload="api",source_workload_namespace="shop",destination_workload="cart",destination_workload_namespace="store",` +
  `destination_service="cart.store.svc.cluster.local",destination_service_namespace="store",policy="store/deny-api"} ${value}\n`;

/** Both ends tell the same connections. */
const tunnel = (reporter: string, round: number): string =>
  [
    series('istio_tcp_connections_opened_total', reporter, ['web', 'cart', 'cart'], 5),
    series('istio_tcp_connections_closed_total', reporter, ['web', 'cart', 'cart'], 2),
    series('istio_tcp_received_bytes_total', reporter, ['web', 'cart', 'cart'], 1_000 + round * 2_000),
    series('istio_tcp_sent_bytes_total', reporter, ['web', 'cart', 'cart'], 4_000 * round),
    ...(reporter === 'destination' ? [denials(round * 3)] : []),
    '# EOF\n',
  ].join('');
const waypoint = (round: number): string =>
  series('istio_requests_total', 'waypoint', ['web', 'cart', 'cart'], round * 20, ',response_code="200"').replace('"tcp"', '"http"');

function pods(): readonly TestPod[] {
  const rounds = (text: (round: number) => string) => {
    let round = 0;
    return { '15020/metrics': () => text(++round) };
  };
  return [
    { key: 'istio-system/zt-a', labels: labels.ztunnel, pages: rounds((round) => tunnel('source', round)) },
    { key: 'istio-system/zt-b', labels: labels.ztunnel, pages: rounds((round) => tunnel('destination', round)) },
    { key: 'store/waypoint-1', labels: labels.waypoint, pages: rounds(waypoint) },
  ];
}

/** Requests take real time; what passes between samples is exactly what was waited for. */
function stepping(): Clock {
  const fake = fakeClock();
  const clock: Clock = {
    ...fake,
    after: (for_, f) => (for_ >= 30_000 ? systemClock.after(for_, f) : soon(() => fake.advance(for_).then(f))),
    sleep: (for_, signal) => sleepWith(clock, for_, signal),
  };
  return clock;
}
function soon(f: () => Promise<void>): Disposable {
  const timer = setImmediate(() => void f());
  return { [Symbol.dispose]: () => clearImmediate(timer) };
}

const workloads = `NAMESPACE   WORKLOAD   OPEN IN   OPEN OUT   IN/S     OUT/S    REQUESTS/S   DENIED   DENIED BY
shop        web        0         3          2.0 kB   1.0 kB   0            0
store       cart       3         0          1.0 kB   2.0 kB   10           3        store/deny-api
`;
const golden: readonly (readonly [line: string, out: string])[] = [
  ['top', workloads],
  ['top pods --once', workloads],
  [
    'top services',
    `NAMESPACE   SERVICE   OPEN   IN/S     OUT/S    REQUESTS/S   DENIED   DENIED BY
store       cart      3      1.0 kB   2.0 kB   10           3        store/deny-api
`,
  ],
  [
    'top -n shop --interval 4s',
    `NAMESPACE   WORKLOAD   OPEN IN   OPEN OUT   IN/S     OUT/S   REQUESTS/S   DENIED   DENIED BY
shop        web        0         3          1.0 kB   500 B   0            0
`,
  ],
  ['top -n elsewhere', 'Nothing moves.\n'],
];
for (const [line, out] of golden) {
  test(line, async () => {
    await using api = await startMeshApi(pods());
    expect(await typed(line, { api, clock: stepping() })).toEqual({ code: 0, out, err: '' });
  });
}

test('JSON', async () => {
  await using api = await startMeshApi(pods());
  expect(JSON.parse((await typed('top services -o json', { api, clock: stepping(), isTerminal: true })).out)).toEqual([
    {
      namespace: 'store',
      name: 'cart',
      open: 3,
      bytesInPerSecond: 1_000,
      bytesOutPerSecond: 2_000,
      requestsPerSecond: 10,
      denied: 3,
      deniedBy: ['store/deny-api'],
    },
  ]);
});

test('on a terminal it goes on until Ctrl-C', async () => {
  await using api = await startMeshApi(pods());
  const stop = new AbortController();
  const ending = typed('top --interval 100ms', { api, isTerminal: true, signal: stop.signal });
  await expect.poll(() => api.requests.filter((each) => each.includes('zt-a/portforward')).length).toBeGreaterThan(3);
  stop.abort();
  const { code, out } = await ending;
  expect([code, out.split('\u001b[H\u001b[2J').length > 2]).toEqual([130, true]);
});

test('a proxy that does not answer costs a warning', async () => {
  await using api = await startMeshApi([...pods(), { key: 'istio-system/zt-c', labels: labels.ztunnel }]);
  const { code, out, err } = await typed('top', { api, clock: stepping() });
  expect([code, out]).toEqual([0, workloads]);
  expect(err).toMatch(/^warning: the admin page of istio-system\/zt-c on port 15020 cannot be read: .*\n/);
});

const failures: readonly (readonly [name: string, line: string, pods: readonly TestPod[], code: number, says: RegExp])[] = [
  ['nothing installed', 'top', [], 1, /^ambientctl: no ztunnel runs in namespace istio-system: is the mesh installed there\?\n$/],
  ['nobody answers', 'top', [{ key: 'istio-system/zt', labels: labels.ztunnel }], 1, /^ambientctl: the admin page of istio-system\/zt/],
  ['no duration', 'top --interval soon', [], 2, /no duration such as/],
  ['something else', 'top nodes', [], 2, /Allowed choices are workloads, pods, services/],
];
for (const [name, line, there, code, says] of failures) {
  test(name, async () => {
    await using api = await startMeshApi(there);
    const seen = await typed(line, { api });
    expect([seen.code, seen.out]).toEqual([code, '']);
    expect(seen.err).toMatch(says);
  });
}
