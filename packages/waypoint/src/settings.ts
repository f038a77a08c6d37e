// The settings table of the waypoint: every environment variable that it reads, with default and meaning (facts: control-plane §5.3, plus our own, marked so).
// Read once by config.ts; docs/configuration-waypoint.md is generated from it.
import { duration, oneOf, parser, someText, text, whole } from '@ambient-mesh/runtime/settings';
import { type Ms, ms } from '@ambient-mesh/runtime/time';

const optional: undefined = undefined;
const none = optional as Ms | undefined;
const port = whole(0, 65_535);
const json = parser('a JSON object', (given): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(given);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
});

// biome-ignore format: a row per variable reads better than a block
export const settings = {
  podName: { env: 'POD_NAME', parse: someText, otherwise: 'waypoint', about: 'Name of this pod.' },
  podNamespace: { env: 'POD_NAMESPACE', parse: someText, otherwise: 'default', about: 'Namespace of this pod.' },
  serviceAccount: { env: ['SERVICE_ACCOUNT', 'ISTIO_META_SERVICE_ACCOUNT'], parse: someText, otherwise: 'waypoint', about: 'Service account of this pod: its identity.' },
  gateway: { env: 'ISTIO_META_GATEWAY_NAME', parse: someText, otherwise: optional, about: 'Our own: name of the Gateway that this waypoint was deployed for; the service account unless set.' },
  instanceIp: { env: 'INSTANCE_IP', parse: someText, otherwise: '1.1.1.1', about: 'Address of this pod, by which its own workload is known.' },
  nodeName: { env: ['NODE_NAME', 'ISTIO_META_NODE_NAME'], parse: text, otherwise: '', about: 'Node that this pod runs on.' },
  clusterId: { env: ['ISTIO_META_CLUSTER_ID', 'CLUSTER_ID'], parse: someText, otherwise: 'Kubernetes', about: 'Name of the cluster.' },
  network: { env: ['ISTIO_META_NETWORK', 'NETWORK'], parse: text, otherwise: '', about: 'Name of the network that this pod is on.' },
  clusterDomain: { env: 'CLUSTER_DOMAIN', parse: someText, otherwise: 'cluster.local', about: 'DNS domain of the cluster.' },
  trustDomain: { env: 'TRUST_DOMAIN', parse: someText, otherwise: 'cluster.local', about: 'Trust domain of the mesh.' },
  xdsAddress: { env: 'XDS_ADDRESS', parse: someText, otherwise: optional, about: 'Control plane; that of `CA_ADDR` unless set.' },
  caAddress: { env: ['CA_ADDRESS', 'CA_ADDR'], parse: someText, otherwise: 'istiod.istio-system.svc:15012', about: 'Certificate authority.' },
  rootCert: { env: ['XDS_ROOT_CA', 'CA_ROOT_CA'], parse: someText, otherwise: './var/run/secrets/istio/root-cert.pem', about: 'PEM file with the roots that the control plane is trusted by.' },
  tokenFile: { env: 'AUTH_TOKEN', parse: someText, otherwise: './var/run/secrets/tokens/istio-token', about: 'File with the service-account token.' },
  istioVersion: { env: 'ISTIO_META_ISTIO_VERSION', parse: text, otherwise: 'unknown', about: 'Version shown in istio_build.' },
  proxyConfig: { env: 'PROXY_CONFIG', parse: json, otherwise: {}, about: 'Proxy configuration; read for nothing yet, checked for being JSON.' },
  hbonePort: { env: 'HBONE_PORT', parse: port, otherwise: 15_008, about: 'Our own: where tunnels come in.' },
  statusPort: { env: 'STATUS_PORT', parse: port, otherwise: 15_021, about: 'Our own: where `/healthz/ready` is answered.' },
  statsPort: { env: 'STATS_PORT', parse: port, otherwise: 15_020, about: 'Our own: where `/stats/prometheus` is answered.' },
  prometheusPort: { env: 'PROMETHEUS_PORT', parse: port, otherwise: 15_090, about: 'Our own: the same again, where other tools look for it.' },
  adminPort: { env: 'ADMIN_PORT', parse: port, otherwise: 15_000, about: 'Our own: debug pages, on loopback only.' },
  sniffTimeout: { env: 'PROTOCOL_DETECTION_TIMEOUT', parse: duration, otherwise: ms(1_000), about: 'Our own: how long a client may stay silent before its connection counts as raw TCP.' },
  connectTimeout: { env: 'CONNECT_TIMEOUT', parse: duration, otherwise: ms(10_000), about: 'Our own: how long connecting to an endpoint may take unless a DestinationRule says otherwise.' },
  drainDeadline: { env: 'TERMINATION_DRAIN_DURATION', parse: duration, otherwise: ms(20_000), about: 'How long requests and connections in progress may go on after SIGTERM.' },
  minDrain: { env: 'MINIMUM_DRAIN_DURATION', parse: duration, otherwise: ms(2_000), about: 'Our own: how long new connections are still taken after SIGTERM, while the mesh learns that this pod is going.' },
  retryBodyBytes: { env: 'RETRY_BODY_BYTES', parse: whole(0, 16_777_216), otherwise: 65_536, about: 'Our own: octets of a request body that are kept so that it can be sent again; a longer one is sent once.' },
  streamIdleTimeout: { env: 'STREAM_IDLE_TIMEOUT', parse: duration, otherwise: none, about: 'Our own: an exchange on which nothing moves for this long is ended; off unless set.' },
  certificateTtl: { env: 'SECRET_TTL', parse: duration, otherwise: ms(86_400_000), about: 'Lifetime that is asked for.' },
  logLevel: { env: 'LOG_LEVEL', parse: oneOf('error', 'warn', 'info', 'debug'), otherwise: 'info', about: 'Our own: what is logged.' },
} as const;
