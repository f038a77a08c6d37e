// Who asks, as those behind a waypoint learn it: the header that names the client, external authorization, metrics; and that policies go along to a
// waypoint of another namespace and to a canary (facts: control-plane §6.4, §6.7, §6.8, §11.2).
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../lab/eventually.ts';
import { Exposition } from '../../lab/exposition.ts';
import { hasKubectl } from '../../lab/kubernetes/kubectl.ts';
import { type Case, consumer, documents, holds, type Manifest, MeshStage, mesh, patience, waypoint } from './mesh-stage.ts';

const security = 'security.istio.io/v1';
const url = `http://echo-v1.${mesh}`;
const grpcUrl = `grpc://echo-v1.${mesh}:7070/a.B/C`;
const xfcc = 'x-forwarded-client-cert';
const service = { kind: 'Service', group: '', name: 'echo-v1' };
const principal = (namespace: string, account: string): string => `spiffe://cluster.local/ns/${namespace}/sa/${account}`;

const policy = (name: string, spec: object): Manifest => ({
  apiVersion: security,
  kind: 'AuthorizationPolicy',
  metadata: { name },
  spec: { targetRefs: [service], ...spec },
});

const authorizer: readonly Manifest[] = [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'authorizer', namespace: consumer, labels: { app: 'authorizer' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'authorizer',
          image: 'ambient-mesh/sleep',
          command: [process.execPath, '--disable-warning=ExperimentalWarning', fileURLToPath(new URL('authorizer.ts', import.meta.url))],
          readinessProbe: { tcpSocket: { port: 9000 }, periodSeconds: 1 },
        },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'authorizer', namespace: consumer },
    spec: {
      selector: { app: 'authorizer' },
      ports: [
        { name: 'http', port: 8000 },
        { name: 'grpc', port: 9000 },
      ],
    },
  },
];
const host = `authorizer.${consumer}.svc.cluster.local`;
const meshConfig = JSON.stringify({
  extensionProviders: [
    {
      name: 'by-http',
      envoyExtAuthzHttp: {
        service: host,
        port: 8000,
        includeRequestHeadersInCheck: ['x-ext-authz'],
        headersToUpstreamOnAllow: ['x-ext-authz-check-result'],
        headersToDownstreamOnDeny: ['x-ext-authz-check-result'],
      },
    },
    { name: 'by-grpc', envoyExtAuthzGrpc: { service: host, port: 9000 } },
  ],
});

describe.skipIf(!hasKubectl())('who asks (needs kubectl)', () => {
  let stage: MeshStage;
  beforeAll(async () => {
    stage = await MeshStage.start();
  }, 120_000);
  afterAll(async () => {
    await stage?.[Symbol.asyncDispose]();
  }, 60_000);

  const to = (want: Case['want'], more: Partial<Case> = {}): Case => ({ url, ...more, want: { backend: 'echo-v1', ...want } });

  test('what a client says of its own certificate never arrives; with the annotation the waypoint says it, over HTTP and over gRPC', async () => {
    const claims = { headers: { [xfcc]: 'By=me;URI=spiffe://cluster.local/ns/istio-system/sa/istiod' } };
    const none = { [xfcc]: undefined };
    await holds(stage, [to({ seen: none }), to({ seen: none }, claims), to({ seen: none, grpcStatus: 0 }, { url: grpcUrl, ...claims })]);
    await stage.k('annotate gateway namespace ambient.istio.io/xfcc-include-client-identity=true');
    const told = (namespace: string) => ({ [xfcc]: `By=${principal(mesh, 'namespace')};URI=${principal(namespace, 'default')}` });
    try {
      await holds(stage, [
        to({ seen: told(mesh) }, claims),
        to({ seen: told(consumer) }, { from: 'CC' }),
        to({ seen: told(mesh), grpcStatus: 0 }, { url: grpcUrl, ...claims }),
      ]);
    } finally {
      await stage.k('annotate gateway namespace ambient.istio.io/xfcc-include-client-identity-');
    }
    await holds(stage, [to({ seen: none }, claims)]);
  });

  test('a request is counted with both ends, the service, and how it ended', async () => {
    await holds(stage, [to({}, { from: 'CC' })]);
    const wanted = {
      reporter: 'waypoint',
      source_workload: 'echo-v1',
      source_canonical_service: 'echo',
      source_canonical_revision: 'v1',
      source_workload_namespace: consumer,
      source_principal: principal(consumer, 'default'),
      source_app: 'echo',
      source_version: 'v1',
      source_cluster: 'Kubernetes',
      destination_workload: 'echo-v1',
      destination_workload_namespace: mesh,
      destination_principal: principal(mesh, 'default'),
      destination_app: 'echo',
      destination_version: 'v1',
      destination_service: `echo-v1.${mesh}.svc.cluster.local`,
      destination_canonical_service: 'echo',
      destination_canonical_revision: 'v1',
      destination_service_name: 'echo-v1',
      destination_service_namespace: mesh,
      destination_cluster: 'Kubernetes',
      request_protocol: 'http',
      response_code: '200',
      grpc_response_status: '',
      response_flags: '-',
      connection_security_policy: 'mutual_tls',
    };
    const counted = async (): Promise<Exposition> =>
      new Exposition(await stage.k('exec deployment/namespace -- curl -s localhost:15020/stats/prometheus'));
    let last = new Exposition('');
    const there = async (): Promise<true | undefined> => {
      last = await counted();
      return last.sum('istio_requests_total', wanted) > 0 ? true : undefined;
    };
    await eventually(there, { ...patience, what: 'the count' }).catch(() =>
      expect(last.matching('istio_requests_total').map(({ labels }) => labels)).toContainEqual(wanted),
    );
    const [series] = last.matching('istio_requests_total', wanted);
    expect(Object.keys(series?.labels ?? {})).toEqual(Object.keys(wanted));
  });

  test('a waypoint of another namespace, by the label of the namespace', async () => {
    const listeners = [{ name: 'mesh', port: 15_008, protocol: 'HBONE', allowedRoutes: { namespaces: { from: 'All' } } }];
    const shared = { ...waypoint('shared', consumer), spec: { gatewayClassName: 'istio-waypoint', listeners } };
    await stage.lab.kubectl.ok('apply -f -', documents([shared]));
    await stage.lab.kubectl.ok(`-n ${consumer} wait gateway/shared --for=condition=Programmed --timeout=60s`);
    await stage.lab.kubectl.ok(`annotate -n ${consumer} gateway shared ambient.istio.io/xfcc-include-client-identity=true`);
    await stage.lab.kubectl.ok(
      `label --overwrite namespace ${mesh} istio.io/use-waypoint=shared istio.io/use-waypoint-namespace=${consumer}`,
    );
    try {
      const marked = { [xfcc]: `By=${principal(consumer, 'shared')};URI=${principal(mesh, 'default')}` };
      await holds(stage, [to({ seen: marked })]);
    } finally {
      await stage.lab.kubectl.ok(`label --overwrite namespace ${mesh} istio.io/use-waypoint=namespace istio.io/use-waypoint-namespace-`);
      await stage.lab.kubectl.ok(`-n ${consumer} delete gateway shared`);
    }
    await holds(stage, [to({ seen: { [xfcc]: undefined } })]);
  });

  test('a canary that takes everything enforces what is said of the service', async () => {
    await stage.deployWaypoint('canary', mesh);
    await stage.k('annotate gateway canary ambient.istio.io/xfcc-include-client-identity=true');
    await using _policy = await stage.applied(
      policy('closed', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/closed'] } }] }] }),
    );
    await stage.k('label service echo-v1 istio.io/use-waypoint=namespace istio.io/use-waypoint-canary=canary');
    await stage.k('annotate service echo-v1 istio.io/use-waypoint-canary-weight=100');
    try {
      const byCanary = { [xfcc]: `By=${principal(mesh, 'canary')};URI=${principal(mesh, 'default')}` };
      await holds(stage, [to({ seen: byCanary }, { url: `${url}/open` }), { url: `${url}/closed`, want: { status: 403 } }]);
    } finally {
      await stage.k('label service echo-v1 istio.io/use-waypoint- istio.io/use-waypoint-canary-');
      await stage.k('annotate service echo-v1 istio.io/use-waypoint-canary-weight-');
      await stage.k('delete gateway canary');
    }
  });

  describe('a service that is asked about each request', () => {
    beforeAll(async () => {
      const { kubectl } = stage.lab;
      await kubectl.ok('apply -f -', documents(authorizer));
      await kubectl.ok(`-n ${consumer} wait pod/authorizer --for=condition=Ready --timeout=30s`);
      const config = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'istio', namespace: 'istio-system' },
        data: { mesh: meshConfig },
      };
      await kubectl.ok('apply -f -', documents([config]));
      const containers = [
        {
          name: 'discovery',
          env: [{ name: 'MESH_CONFIG', value: '/etc/istio/config/mesh' }],
          volumeMounts: [{ name: 'config', mountPath: '/etc/istio/config' }],
        },
      ];
      const template = { spec: { containers, volumes: [{ name: 'config', configMap: { name: 'istio' } }] } };
      await kubectl.run(['-n', 'istio-system', 'patch', 'deployment', 'istiod', '-p', JSON.stringify({ spec: { template } })]);
      await kubectl.ok('-n istio-system rollout status deployment/istiod --timeout=60s');
    }, 120_000);

    const rows: readonly (readonly [provider: string, told: string])[] = [
      ['by-http', 'by http'],
      ['by-grpc', `by grpc for ${principal(mesh, 'default')}`],
    ];
    test.each(rows)('%s', async (provider, told) => {
      const result = 'x-ext-authz-check-result';
      await using _policy = await stage.applied(
        policy('ask', { action: 'CUSTOM', provider: { name: provider }, rules: [{ to: [{ operation: { paths: ['/asked'] } }] }] }),
      );
      await holds(stage, [
        to({ seen: { [result]: undefined } }),
        to({ seen: { [result]: told } }, { url: `${url}/asked`, headers: { 'x-ext-authz': 'allow' } }),
        { url: `${url}/asked`, want: { status: 403, answer: { [result]: 'denied' } } },
        { url: `${url}/asked`, headers: { 'x-ext-authz': 'maybe' }, want: { status: 403 } },
      ]);
    });
  });
});
