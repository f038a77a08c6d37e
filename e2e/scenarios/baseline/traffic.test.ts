// Who reaches whom, and as whom: services by name and address, pods, the world outside, the API server; and what the mesh says about it.
// The pods of echo-apps.ts call each other; worked by stock kubectl. (facts: control-plane §11.1)
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallResult, echoPorts } from '../../lab/cluster/apps/echo-protocol.ts';
import { eventually } from '../../lab/eventually.ts';
import { Exposition } from '../../lab/exposition.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { callsTo, met, wrongs } from './call-table.ts';
import { type EchoName, echoNames, kindOf, kinds, namespace } from './echo-apps.ts';
import { EchoMesh, patience } from './echo-mesh.ts';
import { OutsideServer } from './outside-server.ts';

type Results = readonly (readonly CallResult[])[];

const families = ['v4', 'v6'] as const;
const identity = (account: string, home = namespace): string => `spiffe://cluster.local/ns/${home}/sa/${account}`;

describe.skipIf(!hasKubectl())('in a namespace that is in the mesh', () => {
  let echo: EchoMesh;
  beforeAll(async () => {
    echo = await EchoMesh.start();
  }, 120_000);
  afterAll(() => echo?.[Symbol.asyncDispose]());

  const ip = (name: EchoName, family: 'v4' | 'v6'): string => echo.pod(name)[family];
  const podsOf = (kind: (typeof kinds)[number]): string[] =>
    echoNames.filter((name) => kindOf(name) === kind).map((name) => echo.pod(name).name);

  describe.each(echoNames)('%s calls', (source) => {
    const ways = ['by name', 'by its IPv4 address', 'by its IPv6 address'] as const;
    const services = kinds.flatMap((kind) => ways.map((way) => [kind, way] as const));
    const instances = echoNames.flatMap((name) => families.map((family) => [name, family] as const));
    /** All at once: a `kubectl exec` for each row would take a minute. */
    let byRow: ReadonlyMap<string, Results>;

    beforeAll(async () => {
      const hosts = [
        ...services.map(([kind, way]) => (way === 'by name' ? kind : echo.vip(kind, way === 'by its IPv4 address' ? 'v4' : 'v6'))),
        ...instances.map(([name, family]) => ip(name, family)),
      ];
      // Pods have no ports but their own.
      const orders = hosts.map((host, i) => callsTo(host).slice(0, i < services.length ? undefined : Object.keys(echoPorts).length));
      const results = await echo.calls(source, orders.flat());
      let from = 0;
      const rows = [...services, ...instances].map((row, i): readonly [string, Results] => {
        const size = orders[i]?.length ?? 0;
        from += size;
        return [row.join(' '), results.slice(from - size, from)];
      });
      byRow = new Map(rows);
    });

    test.each(services)('the service %s %s: every protocol reaches both backends, which see the caller itself', (kind, way) => {
      const results = byRow.get(`${kind} ${way}`) ?? [];
      const backends = podsOf(kind);
      const peer = way === 'by name' ? undefined : ip(source, way === 'by its IPv4 address' ? 'v4' : 'v6');
      expect(wrongs(results, { backends, self: echo.pod(source).name, peer })).toEqual({});
      expect([...met(results)].sort()).toEqual(backends.sort());
    });

    test.each(instances)('the pod of %s by its %s address: every protocol reaches it and no other', (name, family) => {
      const results = byRow.get(`${name} ${family}`) ?? [];
      expect(results).toHaveLength(Object.keys(echoPorts).length);
      expect(wrongs(results, { backends: [echo.pod(name).name], self: '', peer: ip(source, family) })).toEqual({});
    });
  });

  test.each(echoNames)('%s reaches its own port on the loopback', async (name) => {
    const { answer } = await echo.call(name, { protocol: 'http', host: '127.0.0.1', port: echoPorts['http-localhost'] });
    expect(answer?.pod).toBe(echo.pod(name).name);
  });

  test.each(['captured-v1', 'captured-v2'] as const)('%s calls itself by its own address without the mesh', async (name) => {
    const self = { source_workload: name, destination_workload: name };
    const before = (await echo.metrics()).sum('istio_tcp_connections_opened_total', self);
    const orders = families.map((family) => ({ protocol: 'tcp', host: ip(name, family), port: echoPorts.tcp }) as const);
    for (const [result] of await echo.calls(name, orders)) expect(result?.answer?.pod).toBe(echo.pod(name).name);
    expect((await echo.metrics()).sum('istio_tcp_connections_opened_total', self)).toBe(before);
  });

  test.each(['http2', 'grpc', 'tcp'] as const)('ten requests on one connection (%s) reach exactly one backend', async (protocol) => {
    const order = { protocol, host: 'captured', port: echoPorts[protocol], count: 10, sameConnection: true };
    const [results = []] = await echo.calls('captured-v1', [order]);
    expect(results.map(({ error }) => error).filter((error) => error !== undefined)).toEqual([]);
    expect(results).toHaveLength(10);
    expect(new Set(results.map(({ answer }) => answer?.pod)).size).toBe(1);
  });

  test('something that the mesh does not know is reached as it is, by the caller itself', async () => {
    await using outside = await OutsideServer.start(echo.mesh.lab.underlay);
    for (const source of echoNames) {
      const orders = families.map((family) => ({ protocol: 'tcp', host: outside[family], port: outside.port }) as const);
      const seen = (await echo.calls(source, orders)).map(([result]) => result?.answer?.peer ?? result?.error);
      expect([source, ...seen]).toEqual([source, ip(source, 'v4'), ip(source, 'v6')]);
    }
  });

  test('a label that names a waypoint that does not exist changes nothing', async () => {
    const order = { protocol: 'http', host: 'captured', port: echoPorts.http, count: 5 } as const;
    const errors = async (): Promise<readonly (string | undefined)[]> =>
      (await Promise.all(echoNames.map((source) => echo.calls(source, [order])))).flat(2).map(({ error }) => error);
    const fine = echoNames.flatMap(() => Array.from({ length: 5 }, () => undefined));
    await echo.k('label service captured istio.io/use-waypoint=bogus');
    try {
      const noted = async (): Promise<true | undefined> =>
        (await echo.k('get service captured -o jsonpath={.status.conditions[*].type}')).includes('WaypointBound') ? true : undefined;
      await eventually(noted, { ...patience, what: 'a condition that speaks of the waypoint' });
      expect(await errors()).toEqual(fine);
    } finally {
      await echo.k('label service captured istio.io/use-waypoint-');
    }
    expect(await errors()).toEqual(fine);
  });

  describe('the metrics of both ends', () => {
    const bytes = 40_000;
    const labels = {
      source_workload: 'captured-v1',
      source_canonical_service: 'captured',
      source_canonical_revision: 'v1',
      source_workload_namespace: namespace,
      source_principal: identity('captured'),
      source_app: 'captured',
      source_version: 'v1',
      source_cluster: 'Kubernetes',
      destination_workload: 'captured-v2',
      destination_canonical_service: 'captured',
      destination_canonical_revision: 'v2',
      destination_workload_namespace: namespace,
      destination_principal: identity('captured'),
      destination_app: 'captured',
      destination_version: 'v2',
      destination_cluster: 'Kubernetes',
      request_protocol: 'tcp',
      response_flags: '-',
      connection_security_policy: 'mutual_tls',
    };

    test.each(['source', 'destination'])('as the %s reports: who called whom, and how many bytes went each way', async (reporter) => {
      const read = async () => {
        const metrics = await echo.metrics();
        const sum = (family: string): number => metrics.sum(`istio_tcp_${family}_total`, { ...labels, reporter });
        return {
          opened: sum('connections_opened'),
          closed: sum('connections_closed'),
          received: sum('received_bytes'),
          sent: sum('sent_bytes'),
        };
      };
      const before = await read();
      const order = { protocol: 'tcp', host: ip('captured-v2', 'v4'), port: echoPorts.tcp, body: 'x'.repeat(bytes) } as const;
      expect((await echo.call('captured-v1', order)).error).toBeUndefined();
      const after = await eventually(async () => [await read()].find(({ closed }) => closed > before.closed), {
        ...patience,
        what: 'a closed connection',
      });
      expect(after.opened - before.opened).toBe(1);
      expect(after.received - before.received).toBe(bytes + 1);
      expect(after.sent - before.sent).toBeGreaterThan(bytes);
    });

    test('a service that was called is named', async () => {
      await echo.call('captured-v1', { protocol: 'http', host: 'captured', port: echoPorts.http, count: 20 });
      const service = {
        destination_service: `captured.${namespace}.svc.cluster.local`,
        destination_service_name: 'captured',
        destination_service_namespace: namespace,
      };
      const metrics = await echo.metrics();
      for (const reporter of ['source', 'destination'])
        expect(metrics.sum('istio_tcp_connections_opened_total', { ...labels, ...service, reporter })).toBeGreaterThan(0);
    });
  });

  test.each(echoNames)('%s reaches the API server as the service account that it is', async (name) => {
    const review = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const script = `cd /var/run/secrets/kubernetes.io/serviceaccount && curl -sS -m 5 --cacert ca.crt -H "authorization: Bearer $(cat token)" \
-H 'content-type: application/json' -d '${review}' "https://$0/apis/authentication.k8s.io/v1/selfsubjectreviews"`;
    for (const host of ['$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT', 'kubernetes.default.svc']) {
      const { stdout, stderr } = await echo.sh(name, script.replace('$0', host));
      expect([host, stderr, user(stdout)]).toEqual([host, '', `system:serviceaccount:${namespace}:${kindOf(name)}`]);
    }
  });

  // On its own node nothing is put on the wire, but both are known all the same.
  test.each([
    ['node-a', 'local'],
    ['node-b', 'mutual_tls'],
  ] as const)('a pod in the mesh reads the metrics of the ztunnel of %s through the mesh (%s)', async (node, security) => {
    const ztunnel = await echo.mesh.ztunnel(node);
    const podIp = await echo.mesh.kubectl.ok(`-n istio-system get pod ${ztunnel} -o jsonpath={.status.podIP}`);
    const carried = {
      source_principal: identity('captured'),
      destination_principal: identity('ztunnel', 'istio-system'),
      destination_workload: 'ztunnel',
      connection_security_policy: security,
    };
    const before = (await echo.metrics()).sum('istio_tcp_connections_opened_total', carried);
    const { stdout, stderr } = await echo.sh('captured-v1', `curl -sS -m 5 http://${podIp}:15020/metrics`);
    expect(stderr).toBe('');
    expect(new Exposition(stdout).sum('istio_build', { component: 'ztunnel' })).toBe(1);
    expect((await echo.metrics()).sum('istio_tcp_connections_opened_total', carried)).toBeGreaterThan(before);
  });
});

function user(review: string): string {
  try {
    return (JSON.parse(review) as { status: { userInfo: { username: string } } }).status.userInfo.username;
  } catch {
    return review;
  }
}
