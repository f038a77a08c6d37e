// The settings table of the node agent: every environment variable that it reads, with default and meaning (facts: control-plane §2.2, plus our own, marked so).
// Read once by config.ts; docs/configuration-cni-agent.md is generated from it.
import { flag, oneOf, parser, someText, text, whole } from '@ambient-mesh/runtime/settings';

const optional: undefined = undefined;

const list = parser('a comma-separated list', (given): readonly string[] =>
  given
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== ''),
);
const fileMode = parser('the mode of a file, such as 0600', (given) => (/^0?[0-7]{3}$/.test(given) ? given : undefined));

// biome-ignore format: a row per variable reads better than a block
export const settings = {
  nodeName: { env: 'NODE_NAME', parse: someText, otherwise: optional, about: 'Name of this node. Required.' },
  podName: { env: 'POD_NAME', parse: someText, otherwise: 'istio-cni-node', about: 'Name of this pod, told in Events.' },
  podNamespace: { env: 'POD_NAMESPACE', parse: someText, otherwise: 'istio-system', about: 'Namespace of this pod and of its DaemonSet.' },
  systemNamespace: { env: 'SYSTEM_NAMESPACE', parse: someText, otherwise: 'istio-system', about: 'Namespace whose pods with the label `app=ztunnel` are never enrolled.' },
  kubeconfig: { env: 'KUBECONFIG', parse: someText, otherwise: optional, about: "Our own: file with the API server's address and credentials; without it the pod's own account is used." },
  enablementSelector: { env: 'AMBIENT_ENABLEMENT_SELECTOR', parse: someText, otherwise: optional, about: 'Which pods belong in the mesh: a YAML list of `{podSelector, namespaceSelector}`. Default: the labels `istio.io/dataplane-mode` of pod and namespace.' },
  excludedNamespaces: { env: 'EXCLUDE_NAMESPACES', parse: list, otherwise: ['kube-system'] as readonly string[], about: 'Namespaces whose pods are never enrolled.' },
  dnsCapture: { env: 'AMBIENT_DNS_CAPTURE', parse: flag, otherwise: true, about: "Turn pods' DNS queries to the ztunnel; a pod's annotation may say otherwise." },
  ipv6: { env: 'AMBIENT_IPV6', parse: flag, otherwise: true, about: 'Capture IPv6 too.' },
  reconcileOnStart: { env: 'AMBIENT_RECONCILE_POD_RULES_ON_STARTUP', parse: flag, otherwise: true, about: 'Look at the rules of enrolled pods when the agent starts, and put them right.' },
  strict: { env: 'AMBIENT_STRICT_ENROLMENT', parse: flag, otherwise: false, about: 'Our own: drop the traffic of a pod that is found outside the mesh and should be in it, until it is enrolled.' },
  alwaysCleanUp: { env: 'AMBIENT_DISABLE_SAFE_UPGRADE', parse: flag, otherwise: false, about: 'Take everything away whenever the agent stops, even for an upgrade.' },
  detectionRetry: { env: 'ENABLE_AMBIENT_DETECTION_RETRY', parse: flag, otherwise: true, about: 'Hold a pod back when neither the agent nor the API server can say whether it belongs in the mesh (the original lets it start).' },
  probeV4: { env: 'HOST_PROBE_SNAT_IP', parse: someText, otherwise: '169.254.7.127', about: "Address that the node's own connections to enrolled pods come from." },
  probeV6: { env: 'HOST_PROBE_SNAT_IPV6', parse: someText, otherwise: 'fd16:9254:7127:1337:ffff:ffff:ffff:ffff', about: 'The same for IPv6.' },
  switchToHost: { env: 'ALLOW_SWITCH_TO_HOST_NS', parse: flag, otherwise: false, about: "Write the node's rules into the namespace of its process 1: for an agent that is not on its node's network." },
  ztunnelSocket: { env: 'ZTUNNEL_UDS_ADDRESS', parse: someText, otherwise: '/var/run/ztunnel/ztunnel.sock', about: 'Where ztunnels connect.' },
  runDir: { env: 'CNI_AGENT_RUN_DIR', parse: someText, otherwise: '/var/run/istio-cni', about: "Folder for the plugin's sockets, log and kubeconfig; the same path on the node." },
  hostRoot: { env: 'HOST_ROOT', parse: text, otherwise: '/host', about: "Our own: where the node's `/proc` and the container runtime's namespaces are mounted; empty when they are where the node has them." },
  netDir: { env: 'MOUNTED_CNI_NET_DIR', parse: someText, otherwise: '/host/etc/cni/net.d', about: "The node's folder of CNI configurations." },
  binDir: { env: 'MOUNTED_CNI_BIN_DIR', parse: someText, otherwise: '/host/opt/cni/bin', about: "Our own: the node's folder of CNI plugins." },
  plugin: { env: 'CNI_PLUGIN_BINARY', parse: someText, otherwise: '/opt/cni/bin/istio-cni', about: 'Our own: the plugin as it came with the agent.' },
  pluginAccount: { env: 'CNI_PLUGIN_SERVICE_ACCOUNT', parse: someText, otherwise: 'istio-cni-plugin', about: "Our own: service account whose token the plugin's kubeconfig holds; where it is not there, the agent's own." },
  confName: { env: 'CNI_CONF_NAME', parse: text, otherwise: '', about: 'Name of the CNI configuration to extend; empty finds it.' },
  chained: { env: 'CHAINED_CNI_PLUGIN', parse: flag, otherwise: true, about: 'Extend an existing chain; otherwise write a configuration with our plugin alone, for multus.' },
  ownedConfig: { env: 'ISTIO_OWNED_CNI_CONFIG', parse: flag, otherwise: false, about: 'Write a chain of our own, kept equal to the primary one, rather than extend that.' },
  ownedFilename: { env: 'ISTIO_OWNED_CNI_CONF_FILENAME', parse: someText, otherwise: '02-istio-cni.conflist', about: 'Its name, which must sort before the primary.' },
  groupRead: { env: 'CNI_CONF_GROUP_READ', parse: flag, otherwise: false, about: 'Let the group read the configuration that we write: mode 0640 instead of 0600.' },
  kubeconfigMode: { env: 'KUBECONFIG_MODE', parse: fileMode, otherwise: '0600', about: "Mode of the plugin's kubeconfig." },
  monitoringPort: { env: 'MONITORING_PORT', parse: whole(0, 65_535), otherwise: 15_014, about: 'Port of `/metrics`.' },
  healthPort: { env: 'HEALTH_PORT', parse: whole(0, 65_535), otherwise: 8_000, about: 'Our own: port of `/healthz` and `/readyz`.' },
  logLevel: { env: 'LOG_LEVEL', parse: oneOf('error', 'warn', 'info', 'debug'), otherwise: 'info', about: 'Our own: what is logged; the plugin follows.' },
} as const;
