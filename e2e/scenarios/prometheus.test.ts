// What people see of the mesh with tools that are not ours: Debian's Prometheus scrapes the lab, dashboards and Kiali's own queries find their series,
// alerts fire when what they warn of happens. Traffic is a client's, with and without a waypoint, let through and turned away.
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { metricsPage } from '@ambient-mesh/runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import { httpIn } from '../lab/http.ts';
import { hasKubectl } from '../lab/kubernetes/kubectl.ts';
import { MeshLab, manifest } from '../lab/mesh-lab.ts';
import { type Alert, hasPrometheus, Prometheus } from '../lab/prometheus.ts';

const patience = { timeoutMs: 40_000, everyMs: 500 };
const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = (items: readonly object[]): string => items.map((item) => JSON.stringify(item)).join('\n');

const service = (name: string, port: object, labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels },
  spec: { selector: { app: 'server' }, ports: [{ targetPort: 'http', ...port }] },
});
const policy = (name: string, spec: object) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name },
  spec,
});
const methods = { rules: [{ to: [{ operation: { methods: ['GET'] } }] }] };
const throughWaypoint = { 'istio.io/use-waypoint': 'waypoint' };
/** Raw bytes through the waypoint; a Service with nobody behind it; one without a waypoint, though its policy needs one. */
const scene = [
  service('raw', { name: 'tcp', port: 9_000 }, throughWaypoint),
  service('deserted', { name: 'http', port: 80, targetPort: 'none' }, throughWaypoint),
  service('alone', { name: 'http', port: 80 }),
  policy('nobody-enforces', { targetRefs: [{ group: '', kind: 'Service', name: 'alone' }], ...methods }),
];

/** What nobody hopes to see. Expressions about nothing else may be empty here. */
const rare = [
  'ambient_connections_cut_total',
  'ambient_kubernetes_watch_errors_total',
  'ambient_pods_not_enrolled',
  'ambient_status_errors_total',
  'ambient_waypoint_access_log_lines_dropped_total',
  'ambient_waypoint_plugin_failures_total',
  'ambient_waypoint_rejected_resources_total',
  'ambient_waypoint_spans_dropped_total',
  'ambient_waypoint_spans_exported_total',
  'ambient_xds_refused_clients_total',
  'istio_crl_policy_rejections_total',
  'istio_request_messages_total',
  'istio_response_messages_total',
  'istio_xds_connection_terminations_total',
  'pilot_total_xds_rejects_total',
];

interface Panels {
  readonly title: string;
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}

const expressions = globSync('charts/istiod-lite/files/dashboards/*.json', { cwd: root }).flatMap((file) => {
  const { title, panels } = JSON.parse(readFileSync(`${root}/${file}`, 'utf8')) as Panels;
  return panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => ({ where: `${title}: ${panel.title}`, expr: filledIn(expr) })));
});

function filledIn(expression: string): string {
  return expression
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h')
    .replaceAll(/\$(namespace|service|instance)/g, '.*');
}

const parties =
  'source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision,destination_cluster,' +
  'destination_service_namespace,destination_service,destination_service_name,destination_workload_namespace,destination_workload,' +
  'destination_canonical_service,destination_canonical_revision';
const requests = `${parties},request_protocol,response_code,grpc_response_status,response_flags`;
const secured = `${parties},source_principal,destination_principal,connection_security_policy`;

/** As Kiali asks for the namespace `default`; each is one of its steps. */
const kialis: readonly (readonly [step: string, query: string, labels: readonly string[]])[] = [
  [
    'graph: requests that came in',
    `sum(rate(istio_requests_total{reporter=~"waypoint|destination",destination_workload_namespace="default"}[60s])) by (${requests}) > 0`,
    [...parties.split(','), 'request_protocol', 'response_code', 'response_flags'],
  ],
  [
    'graph: requests that never arrived',
    `sum(rate(istio_requests_total{reporter=~"waypoint|source",source_workload_namespace!="x",destination_workload_namespace="unknown",destination_workload="unknown",destination_service=~"^.+\\\\.default\\\\..+$"}[60s])) by (${requests}) > 0`,
    ['source_workload', 'source_cluster', 'destination_service_name', 'response_code'],
  ],
  [
    'graph: bytes that came in',
    `sum(rate(istio_tcp_sent_bytes_total{reporter=~"waypoint|destination",destination_workload_namespace="default"}[60s])) by (app,${parties},response_flags) > 0`,
    ['app', ...parties.split(','), 'response_flags'],
  ],
  [
    'graph: bytes that went out',
    `sum(rate(istio_tcp_received_bytes_total{reporter=~"waypoint|source",source_workload_namespace="default"}[60s])) by (app,${parties},response_flags) > 0`,
    ['app', ...parties.split(','), 'response_flags'],
  ],
  [
    'graph: how connections are protected',
    `sum(rate(istio_tcp_sent_bytes_total{app="ztunnel",reporter="source",source_workload_namespace="default"}[60s])) by (${secured}) > 0`,
    ['source_principal', 'destination_principal', 'connection_security_policy'],
  ],
  [
    'graph: how requests are protected',
    `(sum(rate(istio_requests_total{reporter=~"waypoint|destination",source_workload_namespace="default"}[60s])) by (${secured}) > 0)`,
    ['source_principal', 'destination_principal', 'connection_security_policy'],
  ],
  [
    'graph: response times',
    `histogram_quantile(0.95, sum(rate(istio_request_duration_milliseconds_bucket{reporter=~"waypoint|destination",destination_workload_namespace="default"}[60s])) by (le,${parties},request_protocol)) > 0`,
    ['destination_workload', 'request_protocol'],
  ],
  [
    'graph: throughput',
    `sum(rate(istio_response_bytes_sum{reporter=~"waypoint|destination",destination_workload_namespace="default"}[60s])) by (${parties},request_protocol) > 0`,
    ['destination_workload', 'request_protocol'],
  ],
  [
    'health of a service',
    'rate(istio_requests_total{destination_service_name="server",destination_service_namespace="default"}[60s]) > 0',
    ['response_code'],
  ],
  [
    'health of an app',
    'rate(istio_requests_total{destination_workload_namespace="default",destination_app="server"}[60s]) > 0',
    ['destination_version'],
  ],
  [
    'health of a workload',
    'rate(istio_requests_total{source_workload_namespace="default",source_workload="client"}[60s]) > 0',
    ['source_app'],
  ],
  [
    'metrics of a workload',
    'sum(rate(istio_tcp_connections_opened_total{source_workload="client",source_workload_namespace="default"}[60s]))',
    [],
  ],
  ['versions', 'istio_build', ['component', 'tag']],
  ['control plane', 'sum(rate(pilot_proxy_convergence_time_sum[5m])) / sum(rate(pilot_proxy_convergence_time_count[5m]))', []],
];

describe.skipIf(!hasKubectl() || !hasPrometheus())('Prometheus and the mesh (needs kubectl and Prometheus)', () => {
  let mesh: MeshLab;
  let prometheus: Prometheus;
  let traffic: Promise<void>;
  const stop = new AbortController();

  /**
   * As a user's shell would, round after round: let through, refused by the waypoint, raw, answered by nobody, past the waypoint and denied,
   * a name that nobody has.
   */
  async function talk(): Promise<void> {
    const urls = [
      'http://server/',
      '-X POST http://server/',
      'telnet://raw:9000 < /dev/null',
      'http://deserted/',
      `http://${await mesh.ipOf('server-b')}:8080/`,
      'http://nowhere.example/',
    ];
    const script = urls.map((url) => `curl -s -o /dev/null -m 2 ${url}`).join('; ');
    while (!stop.signal.aborted) await mesh.kubectl.run(['exec', 'client', '--', 'sh', '-c', script]);
  }

  beforeAll(async () => {
    mesh = await MeshLab.start();
    const { kubectl } = mesh;
    await kubectl.ok(`apply -f ${manifest('waypoint')}`);
    await kubectl.ok('wait gateway/waypoint --for=condition=Programmed --timeout=60s');
    await kubectl.ok('label service server istio.io/use-waypoint=waypoint');
    await kubectl.ok(`apply -f ${manifest('deny')}`);
    await kubectl.ok('apply -f -', documents(scene));
    await kubectl.ok('wait service/server --for=condition=istio.io/WaypointBound --timeout=20s');
    prometheus = await Prometheus.start(mesh);
    traffic = talk();
  }, 180_000);
  afterAll(async () => {
    stop.abort();
    await traffic;
    await prometheus?.[Symbol.asyncDispose]();
    await mesh?.[Symbol.asyncDispose]();
  }, 60_000);

  test('every program of the mesh is found by its annotations and answers', async () => {
    const all = async (): Promise<readonly string[] | undefined> => {
      const up = (await prometheus.query('up == 1')).map(
        ({ metric }) => metric.app ?? metric.k8s_app ?? metric.service_istio_io_canonical_name ?? '',
      );
      return up.length === 6 ? up.sort() : undefined;
    };
    expect(await eventually(all, { ...patience, what: 'six targets that answer' })).toEqual([
      ...['istio-cni-node', 'istio-cni-node', 'istiod', 'waypoint', 'ztunnel', 'ztunnel'],
    ]);
    expect(await prometheus.query('up == 0')).toEqual([]);
  });

  test('every expression of the dashboards finds something, but for what should never be', async () => {
    const asked = expressions.filter(({ expr }) => !rare.some((name) => expr.includes(name)));
    expect(asked.length).toBeGreaterThan(70);
    let empty: readonly string[] = [];
    const none = async (): Promise<true | undefined> => {
      const found = await Promise.all(asked.map(async ({ where, expr }) => ({ where, expr, series: await prometheus.query(expr) })));
      empty = found.filter(({ series }) => series.length === 0).map(({ where, expr }) => `${where}: ${expr}`);
      return empty.length === 0 ? true : undefined;
    };
    await eventually(none, { ...patience, what: () => `series for:\n${empty.join('\n')}` });
  });

  test('the others are understood', async () => {
    for (const { expr } of expressions) await prometheus.query(expr);
  });

  test.each(kialis)('Kiali, %s', async (_, query, labels) => {
    const series = await eventually(
      async () => {
        const found = await prometheus.query(`round(${query},0.001)`);
        return found.length > 0 ? found : undefined;
      },
      { ...patience, what: query },
    );
    for (const { metric } of series) expect(Object.keys(metric)).toEqual(expect.arrayContaining([...labels]));
  });

  test('Kiali, objects: members, waypoints and the control plane have the marks that it looks for', async () => {
    const { kubectl } = mesh;
    const names = async (what: string): Promise<string> => (await kubectl.ok(`get ${what} -o jsonpath={.items[*].metadata.name}`)).trim();
    expect(await names('deployment -l gateway.istio.io/managed=istio.io-mesh-controller')).toBe('waypoint');
    expect(await names('-n istio-system deployment -l app=istiod')).toBe('istiod');
    expect(await names('-n istio-system pod -l app=ztunnel')).toMatch(/^ztunnel-\w+ ztunnel-\w+$/);
    const redirected =
      'get pods -o jsonpath={range.items[?(@.metadata.annotations.ambient\\.istio\\.io/redirection=="enabled")]}{.metadata.name},{end}';
    expect(await kubectl.ok(redirected)).toBe('client,server-a,server-b,');
  });

  test('Kiali, control plane: version, clients and services, the latter two from inside the pod only', async () => {
    const { kubectl } = mesh;
    const inside = (page: string): Promise<string> =>
      kubectl.ok(`-n istio-system exec deploy/istiod -- curl -s http://127.0.0.1:15014${page}`);
    expect(await inside('/version')).toMatch(/^1\.\d+\.\d+-/);
    const proxies = (JSON.parse(await inside('/debug/syncz')) as readonly { readonly proxy: string }[]).map(({ proxy }) => proxy);
    expect(proxies.filter((each) => /^ztunnel-.*\.istio-system$/.test(each))).toHaveLength(2);
    expect(JSON.parse(await inside('/debug/registryz'))).toContainEqual(
      expect.objectContaining({ hostname: 'server.default.svc.cluster.local', MeshExternal: false }),
    );
    const host = await kubectl.ok('-n istio-system get pod -l app=istiod -o jsonpath={.items[0].status.podIP}');
    const outside = (path: string) => httpIn(mesh.lab.underlay, { host, port: 15_014, path });
    expect((await outside('/version')).status).toBe(200);
    for (const page of ['syncz', 'registryz']) expect((await outside(`/debug/${page}`)).status).toBe(403);
  });

  test('whatever our programs tell is documented', async () => {
    const pages = globSync('docs/metrics*.md', { cwd: root }).map((page) => metricsPage(`${root}/${page}`));
    const documented = new Set(pages.flatMap((page) => Object.keys(page)));
    const ours = (await prometheus.metricNames()).filter((name) =>
      /^(ambient|istio|pilot|citadel|nodeagent|ztunnel|workload_manager|tokio)_/.test(name),
    );
    expect(ours.length).toBeGreaterThan(40);
    expect(ours.filter((name) => !documented.has(name) && !documented.has(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([]);
  });

  const fires = (name: string, found: (alert: Alert) => boolean = () => true): Promise<Alert> =>
    eventually(async () => (await prometheus.firing()).find((alert) => alert.labels.alertname === name && found(alert)), {
      ...patience,
      what: `alert ${name}`,
    });

  test('alert: a policy that nobody enforces', async () => {
    const { labels } = await fires('AmbientPolicyUnenforced');
    expect(labels).toMatchObject({ namespace: 'default', name: 'nobody-enforces', reason: 'NoWaypoint' });
  });

  test('alert: a denial, with the policy, whom it met and who it was', async () => {
    const { labels, annotations } = await fires('AmbientPolicyDenials', ({ labels: { policy: by } }) => by === 'default/deny-client');
    expect(labels).toMatchObject({ source_principal: 'spiffe://cluster.local/ns/default/sa/client', destination_workload: 'server-b' });
    expect(annotations.summary).toContain('default/deny-client');
  });

  test('alert: a control plane that is gone, and nothing else is', async () => {
    await mesh.kubectl.ok('-n istio-system scale deployment/istiod --replicas=0');
    await mesh.kubectl.ok('-n istio-system wait pod -l app=istiod --for=delete --timeout=30s');
    await prometheus.discover();
    await fires('AmbientControlPlaneDown');
    const names = (await prometheus.firing()).map(({ labels }) => labels.alertname);
    expect(names.filter((name) => /(Ztunnel|Waypoint|Agent)Down$/.test(name ?? ''))).toEqual([]);
  });
});
