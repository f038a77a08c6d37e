// The settings table of the ztunnel: every environment variable that it reads, with default and meaning (facts: ztunnel §11.1, plus our own, marked so).
// Read once by config.ts; docs/configuration.md is generated from it.
import { logDirectives } from '@ambient-mesh/runtime/log';
import { duration, flag, oneOf, parser, someText, text, whole } from '@ambient-mesh/runtime/settings';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import { parseWorkloadInfo } from './pods/workload-info.ts';
import { parseCpuQuantity, parseWantedThreads } from './worker-threads.ts';

const workloadInfo = parser('namespace/name/serviceaccount', parseWorkloadInfo);
const cpuQuantity = parser('a CPU quantity such as 2, 1.5 or 500m', parseCpuQuantity);
const wantedThreads = parser('a number of threads up to 1024, or a share of the CPUs such as 25%', parseWantedThreads);
const optional: undefined = undefined;
const none = optional as Ms | undefined;

// biome-ignore format: a row per variable reads better than a block
export const settings = {
  enableProxy: { env: 'ENABLE_PROXY', parse: flag, otherwise: true, about: 'Carry traffic; false leaves only the DNS proxy.' },
  proxyMode: { env: 'PROXY_MODE', parse: oneOf('shared', 'dedicated'), otherwise: 'shared', about: 'One process for all pods of a node, or for one workload.' },
  proxyWorkloadInformation: { env: 'PROXY_WORKLOAD_INFO', parse: workloadInfo, otherwise: optional, about: 'The workload of a dedicated proxy.' },
  localNode: { env: 'NODE_NAME', parse: text, otherwise: optional, about: 'Name of this node; without it every workload counts as local.' },
  network: { env: 'NETWORK', parse: text, otherwise: '', about: 'Name of the network that this node is on.' },
  clusterId: { env: ['ISTIO_META_CLUSTER_ID', 'CLUSTER_ID'], parse: text, otherwise: 'Kubernetes', about: 'Name of the cluster.' },
  clusterDomain: { env: 'CLUSTER_DOMAIN', parse: someText, otherwise: 'cluster.local', about: 'DNS domain of the cluster.' },
  trustDomain: { env: 'TRUST_DOMAIN', parse: someText, otherwise: 'cluster.local', about: "Trust domain of the proxy's own identity." },
  podName: { env: 'POD_NAME', parse: text, otherwise: '', about: "The proxy's own pod." },
  podNamespace: { env: 'POD_NAMESPACE', parse: text, otherwise: '', about: "The proxy's own namespace." },
  serviceAccount: { env: 'SERVICE_ACCOUNT', parse: text, otherwise: '', about: "The proxy's own service account." },
  instanceIp: { env: 'INSTANCE_IP', parse: someText, otherwise: '1.1.1.1', about: 'Address of the proxy, told to the control plane.' },
  inpodUds: { env: 'INPOD_UDS', parse: someText, otherwise: '/var/run/ztunnel/ztunnel.sock', about: 'Socket of the CNI agent.' },
  inpodPortReuse: { env: 'INPOD_PORT_REUSE', parse: flag, otherwise: true, about: 'Share pod ports with another ztunnel and between data threads (SO_REUSEPORT).' },
  packetMark: { env: 'PACKET_MARK', parse: whole(1, 0xffff_ffff), otherwise: optional, about: 'Mark of the sockets of the proxy; 1337 in shared mode unless set.' },
  requireOriginalSource: { env: 'ENABLE_ORIG_SRC', parse: flag, otherwise: optional, about: "Keep the client's address: true insists, false never, not set tries." },
  ipv6Enabled: { env: 'IPV6_ENABLED', parse: flag, otherwise: true, about: 'Listen on and answer for IPv6.' },
  keepaliveEnabled: { env: 'KEEPALIVE_ENABLED', parse: flag, otherwise: true, about: 'TCP keepalive on data sockets.' },
  keepaliveTime: { env: 'KEEPALIVE_TIME', parse: duration, otherwise: ms(180_000), about: 'Idle time before the first keepalive probe.' },
  keepaliveInterval: { env: 'KEEPALIVE_INTERVAL', parse: duration, otherwise: ms(180_000), about: 'Time between keepalive probes.' },
  keepaliveRetries: { env: 'KEEPALIVE_RETRIES', parse: whole(1, 127), otherwise: 9, about: 'Unanswered probes before a connection is given up.' },
  userTimeoutEnabled: { env: 'USER_TIMEOUT_ENABLED', parse: flag, otherwise: false, about: 'Also set TCP_USER_TIMEOUT to keepalive time + retries x interval.' },
  xdsAddress: { env: 'XDS_ADDRESS', parse: text, otherwise: optional, about: 'Address of the control plane; empty turns it off.' },
  xdsRootCert: { env: 'XDS_ROOT_CA', parse: someText, otherwise: './var/run/secrets/istio/root-cert.pem', about: 'Root of the control plane: a file, SYSTEM, or PEM text.' },
  altXdsHostname: { env: 'ALT_XDS_HOSTNAME', parse: someText, otherwise: optional, about: 'A second name that the control plane may present.' },
  xdsOnDemand: { env: 'XDS_ON_DEMAND', parse: flag, otherwise: false, about: 'Ask for addresses when they are needed instead of all at once.' },
  caAddress: { env: 'CA_ADDRESS', parse: someText, otherwise: optional, about: 'Address of the certificate authority.' },
  caRootCert: { env: 'CA_ROOT_CA', parse: someText, otherwise: './var/run/secrets/istio/root-cert.pem', about: 'Root of the certificate authority: a file, SYSTEM, or PEM text.' },
  altCaHostname: { env: 'ALT_CA_HOSTNAME', parse: someText, otherwise: optional, about: 'A second name that the certificate authority may present.' },
  secretTtl: { env: 'SECRET_TTL', parse: duration, otherwise: ms(86_400_000), about: 'Validity asked for in certificate requests.' },
  authToken: { env: 'AUTH_TOKEN', parse: someText, otherwise: optional, about: 'Token for the control plane: a file or the token itself.', secret: true },
  fakeCa: { env: 'FAKE_CA', parse: flag, otherwise: false, about: 'For tests of other meshes only; refused here.' },
  localXdsPath: { env: 'LOCAL_XDS_PATH', parse: someText, otherwise: optional, about: 'YAML file with workloads, services and policies.' },
  localXds: { env: 'LOCAL_XDS', parse: someText, otherwise: optional, about: 'The same as text.' },
  preferedServiceNamespace: { env: 'PREFERED_SERVICE_NAMESPACE', parse: someText, otherwise: optional, about: 'Namespace that wins when several define a name (DNS).' },
  poolMaxStreamsPerConn: { env: 'POOL_MAX_STREAMS_PER_CONNECTION', parse: whole(1, 65_535), otherwise: 100, about: 'Connections per tunnel before another is opened.' },
  poolUnusedReleaseTimeout: { env: 'POOL_UNUSED_RELEASE_TIMEOUT', parse: duration, otherwise: ms(300_000), about: 'How long an idle tunnel is kept.' },
  windowSize: { env: 'HTTP2_STREAM_WINDOW_SIZE', parse: whole(65_535, 0x7fff_ffff), otherwise: 4_194_304, about: 'HTTP/2 window of one stream, bytes.' },
  connectionWindowSize: { env: 'HTTP2_CONNECTION_WINDOW_SIZE', parse: whole(65_535, 0x7fff_ffff), otherwise: 16_777_216, about: 'HTTP/2 window of a tunnel, bytes.' },
  frameSize: { env: 'HTTP2_FRAME_SIZE', parse: whole(16_384, 16_777_215), otherwise: 1_048_576, about: 'Largest HTTP/2 frame accepted, bytes.' },
  terminationDeadline: { env: 'CONNECTION_TERMINATION_DEADLINE', parse: duration, otherwise: none, about: 'How long open connections may go on after SIGTERM.' },
  terminationGracePeriodSeconds: { env: 'TERMINATION_GRACE_PERIOD_SECONDS', parse: whole(0, 86_400), otherwise: optional, about: 'Grace period of the pod, from which that deadline follows.' },
  localhostAppTunnel: { env: 'LOCALHOST_APP_TUNNEL', parse: flag, otherwise: true, about: 'Deliver application tunnels (PROXY) on loopback.' },
  enableResponseBaggage: { env: 'ENABLE_RESPONSE_BAGGAGE', parse: flag, otherwise: true, about: 'Describe the destination to the client, and believe what clients say of themselves in telemetry.' },
  socks5: { env: 'UNSTABLE_ENABLE_SOCKS5', parse: flag, otherwise: false, about: 'SOCKS5 entry on port 15080.' },
  crlPath: { env: 'CRL_PATH', parse: text, otherwise: '', about: 'File of revoked certificates; empty turns it off.' },
  authzPolicyInfoLogging: { env: 'AUTHZ_POLICY_INFO_LOGGING', parse: flag, otherwise: false, about: 'Log policy decisions at INFO instead of DEBUG.' },
  compliancePolicy: { env: 'COMPLIANCE_POLICY', parse: oneOf('', 'pqc'), otherwise: '', about: 'pqc: only the post-quantum hybrid key exchange.' },
  tls12Enabled: { env: 'TLS12_ENABLED', parse: flag, otherwise: false, about: 'Accept TLS 1.2 too.' },
  workerThreads: { env: 'ZTUNNEL_WORKER_THREADS', parse: wantedThreads, otherwise: optional, about: 'Data threads; 0 means one per CPU.' },
  cpuLimit: { env: 'ZTUNNEL_CPU_LIMIT', parse: whole(1, 4096), otherwise: optional, about: 'CPUs to count with where a share is taken.' },
  resourceCpuLimit: { env: 'ZTUNNEL_RESOURCE_CPU_LIMIT', parse: cpuQuantity, otherwise: optional, about: 'CPU limit of the container.' },
  resourceCpuRequest: { env: 'ZTUNNEL_RESOURCE_CPU_REQUEST', parse: cpuQuantity, otherwise: optional, about: 'CPU request of the container.' },
  logLevel: { env: 'RUST_LOG', parse: logDirectives, otherwise: 'info', about: 'Log levels: level or target=level, comma-separated.' },
  logFormat: { env: 'LOG_FORMAT', parse: oneOf('plain', 'json'), otherwise: 'plain', about: 'Format of the log.' },
  proxyConfig: { env: 'PROXY_CONFIG', parse: text, otherwise: optional, about: 'Proxy configuration as YAML or JSON.' },
  istioVersion: { env: 'ISTIO_META_ISTIO_VERSION', parse: text, otherwise: 'unknown', about: 'Version shown in istio_build.' },
  kubernetesServiceHost: { env: 'KUBERNETES_SERVICE_HOST', parse: text, otherwise: optional, about: 'Present in a cluster; decides the default addresses.' },
  sameNodeFastPath: { env: 'SAME_NODE_FAST_PATH', parse: flag, otherwise: true, about: 'Ours: hand connections between pods of this node over in memory instead of through a tunnel (never with CRL_PATH).' },
  inProcess: { env: 'ZTUNNEL_IN_PROCESS', parse: flag, otherwise: false, about: 'Ours: run the data plane in the main thread, without data threads.' },
} as const;
