// The pod of a waypoint: one container with the proxy, its token, the roots that it trusts, and the probes (facts: control-plane §5.3). Pure.
// Called by objects.ts. The program reads its environment as packages/waypoint's settings table says; arguments are those that others expect to see.
import type { RawObject } from '@ambient-mesh/kube/raw';
import type { Labels } from '@ambient-mesh/translate/kinds/meta';
import { accountOf, nameOf, type WaypointOrder } from './order.ts';

/** As written in the Deployment, so that a rolling change leaves time for the requests in progress: the program drains within 22 s. */
const graceSeconds = 30;
const runAs = 1_337;

interface Down {
  readonly labels: Labels;
  readonly annotations: Labels;
}

export function podTemplate(order: WaypointOrder, { labels, annotations }: Down): RawObject {
  const { gateway, settings } = order;
  return {
    metadata: {
      labels: {
        'sidecar.istio.io/inject': 'false',
        'istio.io/dataplane-mode': 'none',
        'service.istio.io/canonical-name': nameOf(gateway),
        'service.istio.io/canonical-revision': 'latest',
        ...labels,
      },
      annotations: {
        'istio.io/rev': settings.revision || 'default',
        'prometheus.io/path': '/stats/prometheus',
        'prometheus.io/port': '15020',
        'prometheus.io/scrape': 'true',
        ...annotations,
      },
    },
    spec: {
      serviceAccountName: accountOf(gateway),
      terminationGracePeriodSeconds: graceSeconds,
      containers: [container(order)],
      volumes,
    },
  };
}

function container(order: WaypointOrder): RawObject {
  const { gateway, settings } = order;
  const port = (name: string, containerPort: number) => ({ name, containerPort, protocol: 'TCP' });
  const ready = { httpGet: { path: '/healthz/ready', port: 15_021, scheme: 'HTTP' }, successThreshold: 1, timeoutSeconds: 1 };
  return {
    name: 'istio-proxy',
    image: settings.waypointImage,
    workingDir: '/',
    args: [
      ...['proxy', 'waypoint', '--domain', `$(POD_NAMESPACE).svc.${settings.clusterDomain}`],
      ...['--serviceCluster', `${accountOf(gateway)}.$(POD_NAMESPACE)`],
      ...['--proxyLogLevel', 'warning', '--log_output_level', 'default:info'],
    ],
    ports: [port('metrics', 15_020), port('status-port', 15_021), port('http-envoy-prom', 15_090)],
    startupProbe: { ...ready, initialDelaySeconds: 1, periodSeconds: 1, failureThreshold: 30 },
    readinessProbe: { ...ready, periodSeconds: 15, failureThreshold: 4 },
    securityContext: {
      runAsUser: runAs,
      runAsGroup: runAs,
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    resources: settings.waypointResources,
    env: environment(order),
    volumeMounts: [
      { name: 'istio-token', mountPath: '/var/run/secrets/tokens', readOnly: true },
      { name: 'istiod-ca-cert', mountPath: '/var/run/secrets/istio', readOnly: true },
      { name: 'istio-data', mountPath: '/var/lib/istio/data' },
      { name: 'istio-podinfo', mountPath: '/etc/istio/pod', readOnly: true },
    ],
  };
}

function environment({ gateway, settings, network }: WaypointOrder): readonly RawObject[] {
  const { namespace } = gateway.meta;
  const { revision, podNamespace, trustDomain } = settings;
  const from = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const is = (name: string, value: string) => ({ name, value });
  const service = revision === '' || revision === 'default' ? 'istiod' : `istiod-${revision}`;
  return [
    from('POD_NAME', 'metadata.name'),
    from('POD_NAMESPACE', 'metadata.namespace'),
    from('INSTANCE_IP', 'status.podIP'),
    from('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    from('HOST_IP', 'status.hostIP'),
    from('ISTIO_META_SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    from('ISTIO_META_NODE_NAME', 'spec.nodeName'),
    is('ISTIO_META_GATEWAY_NAME', gateway.meta.name),
    is('CA_ADDR', `${service}.${podNamespace}.svc:15012`),
    is('PROXY_CONFIG', '{}'),
    is('TRUST_DOMAIN', trustDomain),
    is('ISTIO_META_CLUSTER_ID', settings.clusterId),
    ...(network === '' ? [] : [is('ISTIO_META_NETWORK', network)]),
    is('ISTIO_META_INTERCEPTION_MODE', 'REDIRECT'),
    is('ISTIO_META_WORKLOAD_NAME', nameOf(gateway)),
    is('ISTIO_META_OWNER', `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${nameOf(gateway)}`),
    is('ISTIO_META_MESH_ID', trustDomain),
  ];
}

const volumes: readonly RawObject[] = [
  {
    name: 'istio-token',
    projected: { sources: [{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 43_200, path: 'istio-token' } }] },
  },
  { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } },
  { name: 'istio-data', emptyDir: {} },
  {
    name: 'istio-podinfo',
    downwardAPI: {
      items: [
        { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
        { path: 'annotations', fieldRef: { fieldPath: 'metadata.annotations' } },
      ],
    },
  },
];
