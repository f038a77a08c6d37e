// The settings table of istiod-lite: every environment variable that it reads, with default and meaning (facts: control-plane §3.17, §7, §10.1, plus our own, marked so).
// Read once by config.ts; docs/configuration.md is generated from it.
import { duration, flag, oneOf, parser, someText, text } from '@ambient-mesh/runtime/settings';
import { ms } from '@ambient-mesh/runtime/time';

const optional: undefined = undefined;

const list = parser('a comma-separated list', (given): readonly string[] =>
  given
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== ''),
);
const wait = parser('a duration such as 100ms, or 0 for none', (given) => (given === '0' ? ms(0) : duration.read(given)));
const nothing: readonly string[] = [];
/** Stays text, which is what the page of the configuration shows. */
const mapping = parser('a JSON object', (given): string | undefined => (isMapping(given) ? given : undefined));
const url = parser('a URL such as http://prometheus:9090', (given): string | undefined =>
  URL.parse(given)?.protocol.startsWith('http') ? given : undefined,
);
const waypointResources = '{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"cpu":"2","memory":"1Gi"}}';

function isMapping(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

// biome-ignore format: a row per variable reads better than a block
export const settings = {
  podName: { env: 'POD_NAME', parse: someText, otherwise: 'istiod', about: 'Name of this replica, told to the others in leader election.' },
  podNamespace: { env: 'POD_NAMESPACE', parse: someText, otherwise: 'istio-system', about: 'Namespace that the control plane runs in.' },
  revision: { env: 'REVISION', parse: text, otherwise: '', about: 'Only configuration with this `istio.io/rev` label, or with none, is read; empty reads all.' },
  clusterId: { env: 'CLUSTER_ID', parse: someText, otherwise: 'Kubernetes', about: 'Name of the cluster.' },
  kubeconfig: { env: 'KUBECONFIG', parse: someText, otherwise: optional, about: "File with the API server's address and credentials; without it the pod's own account is used." },
  clusterDomain: { env: 'CLUSTER_DOMAIN', parse: someText, otherwise: 'cluster.local', about: 'Our own: DNS domain of the cluster.' },
  trustDomain: { env: 'TRUST_DOMAIN', parse: someText, otherwise: optional, about: 'Our own: trust domain of the mesh; the mesh configuration says it otherwise, and `cluster.local` is the default.' },
  meshConfigFile: { env: 'MESH_CONFIG', parse: someText, otherwise: './etc/istio/config/mesh', about: 'Our own: file with the mesh configuration, if there is one.' },
  secureAddress: { env: 'SECURE_GRPC_ADDR', parse: someText, otherwise: '[::]:15012', about: 'Our own: where xDS and the certificate service listen with TLS.' },
  plainAddress: { env: 'GRPC_ADDR', parse: someText, otherwise: optional, about: 'Our own: where xDS listens in clear, unauthenticated; not set means nowhere. Port 15010 by convention.' },
  httpAddress: { env: 'HTTP_ADDR', parse: someText, otherwise: '[::]:8080', about: 'Our own: where `/ready` is answered.' },
  monitoringAddress: { env: 'MONITORING_ADDR', parse: someText, otherwise: '[::]:15014', about: 'Our own: where `/metrics` and `/version` are answered.' },
  istioVersion: { env: 'ISTIO_META_ISTIO_VERSION', parse: someText, otherwise: '1.32.0', about: 'Our own: version of Istio that tools such as Kiali are to take this control plane for; it behaves like the default.' },
  debugAddress: { env: 'DEBUG_ADDR', parse: someText, otherwise: '127.0.0.1:15000', about: 'Our own: where the debug pages are answered; a loopback address only.' },
  graphAddress: { env: 'GRAPH_ADDR', parse: text, otherwise: '127.0.0.1:15013', about: 'Our own: where the graph of traffic is served, to those whom the API server knows; empty means nowhere. It has no TLS of its own.' },
  prometheus: { env: 'PROMETHEUS_URL', parse: url, otherwise: optional, about: 'Our own: the Prometheus that the graph is drawn from; without it the proxies are asked themselves, while somebody looks.' },
  debounceAfter: { env: 'PILOT_DEBOUNCE_AFTER', parse: wait, otherwise: ms(100), about: 'How long changes are gathered before they are pushed, from the first on (the original waits for quiet).' },
  debounceMax: { env: 'PILOT_DEBOUNCE_MAX', parse: wait, otherwise: ms(10_000), about: 'Longest gathering; it grows with what the last push cost.' },
  connectionAge: { env: 'MAX_CONNECTION_AGE', parse: duration, otherwise: ms(1_800_000), about: 'Our own: how long a client stays before it is asked to connect anew, within a tenth.' },
  drainTime: { env: 'DRAIN_TIME', parse: duration, otherwise: ms(5_000), about: 'Our own: how long clients may take to leave when the process stops.' },
  writeStatus: { env: 'AMBIENT_ENABLE_STATUS', parse: flag, otherwise: true, about: 'Write conditions to the status of objects.' },
  allowWaypoints: { env: 'PILOT_AUTO_ALLOW_WAYPOINT_POLICY', parse: flag, otherwise: false, about: 'Allow every waypoint to its workloads by a policy of our own.' },
  dryRun: { env: 'AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY', parse: flag, otherwise: false, about: 'Send policies that are marked for a dry run.' },
  servicesSelectEntries: { env: 'PILOT_ENABLE_K8S_SELECT_WORKLOAD_ENTRIES', parse: flag, otherwise: true, about: 'Services select WorkloadEntries too.' },
  entriesSelectPods: { env: 'PILOT_ENABLE_SERVICEENTRY_SELECT_PODS', parse: flag, otherwise: true, about: 'ServiceEntries select pods too.' },
  allocateAddresses: { env: 'PILOT_ENABLE_IP_AUTOALLOCATE', parse: flag, otherwise: true, about: 'Give addresses to the hosts of ServiceEntries that have none.' },
  signingFolder: { env: 'ROOT_CA_DIR', parse: someText, otherwise: './etc/cacerts', about: 'Folder with plugged-in signing material; without any in it the mesh makes a root of its own.' },
  severalRoots: { env: 'ISTIO_MULTIROOT_MESH', parse: flag, otherwise: false, about: 'A plugged-in root may change while running, if the old or the new bundle holds the other.' },
  rootLifetime: { env: 'CITADEL_SELF_SIGNED_CA_CERT_TTL', parse: duration, otherwise: ms(315_360_000_000), about: 'Lifetime of a root of our own.' },
  rootCheck: { env: 'CITADEL_SELF_SIGNED_ROOT_CERT_CHECK_INTERVAL', parse: duration, otherwise: ms(3_600_000), about: 'How often a root of our own is looked at; a fifth of its life before its end it is renewed.' },
  certificateTtl: { env: 'DEFAULT_WORKLOAD_CERT_TTL', parse: duration, otherwise: ms(86_400_000), about: 'Lifetime of a certificate when the request names none.' },
  maxCertificateTtl: { env: 'MAX_WORKLOAD_CERT_TTL', parse: duration, otherwise: ms(7_776_000_000), about: 'Longest lifetime that a request may name.' },
  tokenAudiences: { env: 'TOKEN_AUDIENCES', parse: list, otherwise: ['istio-ca'] as readonly string[], about: 'Audiences that a token may be made for.' },
  trustedNodeAccounts: { env: 'CA_TRUSTED_NODE_ACCOUNTS', parse: list, otherwise: nothing, about: 'Accounts (`namespace/name`) of node tunnels, which may ask for the identities of pods on their node.' },
  moreServingNames: { env: 'ISTIOD_CUSTOM_HOST', parse: list, otherwise: nothing, about: 'More DNS names for the server certificate.' },
  deployWaypoints: { env: 'PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER', parse: flag, otherwise: true, about: 'Deploy a waypoint for each Gateway of class `istio-waypoint`, and write the status of Gateways.' },
  revisionTags: { env: 'REVISION_TAGS', parse: list, otherwise: nothing, about: 'Our own: more names that this revision answers to when Gateways ask for one; `default` takes those that ask for none.' },
  waypointImage: { env: 'WAYPOINT_IMAGE', parse: someText, otherwise: 'ambient-mesh/waypoint', about: 'Our own: image of the waypoints that are deployed.' },
  waypointResources: { env: 'WAYPOINT_RESOURCES', parse: mapping, otherwise: waypointResources, about: 'Our own: resources of the container of a waypoint, as JSON.' },
  logLevel: { env: 'LOG_LEVEL', parse: oneOf('error', 'warn', 'info', 'debug'), otherwise: 'info', about: 'Our own: what is logged.' },
} as const;
