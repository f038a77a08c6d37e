// From the environment to one configuration: defaults, what beats what, what is derived, and every mistake as a sentence.
// Beside config.ts and settings.ts; thread counts and proxy configuration have tests of their own.
// One row per rule. The Kubernetes manifests of others set these variables, so names and values are theirs.
import { ip } from '@ambient-mesh/model/testing';
import { ms } from '@ambient-mesh/runtime/time';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Config, configure, drainDeadline, shownConfig } from './config.ts';
import { settings } from './settings.ts';

type Env = Readonly<Record<string, string>>;
type Extra = { readonly cpus?: number; readonly meshConfig?: string };

function configured(env: Env, { cpus = 16, meshConfig }: Extra = {}): Config {
  const result = configure({ env, cpus, meshConfig });
  if ('mistakes' in result) throw new Error(result.mistakes.join(' '));
  return result.ok;
}

test('what nobody sets has its default', () => {
  const { ports, ...config } = configured({});
  expect(ports).toEqual({ outbound: 15001, inboundPlaintext: 15006, inboundHbone: 15008, socks5: 15080, readiness: 15021 });
  expect(config).toEqual({
    adminPort: 15000,
    altCaHostname: undefined,
    altXdsHostname: undefined,
    authToken: undefined,
    authzPolicyInfoLogging: false,
    ca: 'https://localhost:15012',
    caAddress: undefined,
    caHeaders: [],
    caRootCert: './var/run/secrets/istio/root-cert.pem',
    clusterDomain: 'cluster.local',
    clusterId: 'Kubernetes',
    compliancePolicy: '',
    cpuLimit: undefined,
    crlPath: '',
    dnsProxyAddr: { ip: '127.0.0.1', port: 15053 },
    drainDeadline: 5_000,
    enableProxy: true,
    enableResponseBaggage: true,
    fakeCa: false,
    frameSize: 1_048_576,
    inProcess: false,
    inpodPortReuse: true,
    inpodUds: '/var/run/ztunnel/ztunnel.sock',
    instanceIp: '1.1.1.1',
    ipv6Enabled: true,
    istioVersion: 'unknown',
    keepaliveEnabled: true,
    keepaliveInterval: 180_000,
    keepaliveRetries: 9,
    keepaliveTime: 180_000,
    kubernetesServiceHost: undefined,
    localNode: undefined,
    localXds: undefined,
    localXdsPath: undefined,
    localhostAppTunnel: true,
    logFormat: 'plain',
    logLevel: 'info',
    mark: 1337,
    metaJson: {},
    network: '',
    numWorkerThreads: 4,
    ownWorkload: undefined,
    packetMark: undefined,
    podName: '',
    podNamespace: '',
    poolMaxStreamsPerConn: 100,
    poolUnusedReleaseTimeout: 300_000,
    preferedServiceNamespace: undefined,
    proxyConfig: undefined,
    proxyMetadata: {},
    proxyMode: 'shared',
    proxyWorkloadInformation: undefined,
    requireOriginalSource: undefined,
    resourceCpuLimit: undefined,
    resourceCpuRequest: undefined,
    sameNodeFastPath: true,
    secretTtl: 86_400_000,
    serviceAccount: '',
    socks5: false,
    statsPort: 15020,
    terminationDeadline: undefined,
    terminationGracePeriodSeconds: undefined,
    tls12Enabled: false,
    trustDomain: 'cluster.local',
    userTimeoutEnabled: false,
    windowSize: 4_194_304,
    connectionWindowSize: 16_777_216,
    workerThreads: undefined,
    xds: 'https://localhost:15012',
    xdsAddress: undefined,
    xdsHeaders: [],
    xdsOnDemand: false,
    xdsRootCert: './var/run/secrets/istio/root-cert.pem',
  });
});

const dedicated: Env = { PROXY_MODE: 'dedicated', PROXY_WORKLOAD_INFO: 'ns/pod/sa' };
const metadata = (text: string): Env => ({ PROXY_CONFIG: `proxyMetadata: {${text}}` });
const meshConfig = 'defaultConfig: {discoveryAddress: "file:1", statsPort: 1, proxyAdminPort: 2, concurrency: 3}';

const rows: readonly (readonly [rule: string, env: Env, want: Partial<Config>, extra?: Extra])[] = [
  [
    'in a cluster istiod is where istiod is',
    { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
    { xds: 'https://istiod.istio-system.svc:15012', ca: 'https://istiod.istio-system.svc:15012' },
  ],
  [
    'the mesh file says where the control plane is, not the authority',
    {},
    { xds: 'https://file:1', ca: 'https://localhost:15012', statsPort: 1, adminPort: 2, numWorkerThreads: 3 },
    { meshConfig },
  ],
  [
    'PROXY_CONFIG beats the mesh file',
    { PROXY_CONFIG: '{"discoveryAddress":"proxy:2","statsPort":5}' },
    { xds: 'https://proxy:2', statsPort: 5, adminPort: 2 },
    { meshConfig },
  ],
  ['XDS_ADDRESS beats both', { XDS_ADDRESS: 'env:3', PROXY_CONFIG: 'discoveryAddress: proxy:2' }, { xds: 'https://env:3' }, { meshConfig }],
  ['a scheme is kept', { XDS_ADDRESS: 'https://env:3', CA_ADDRESS: 'https://ca:4' }, { xds: 'https://env:3', ca: 'https://ca:4' }],
  ['an empty XDS_ADDRESS turns the control plane off', { XDS_ADDRESS: '' }, { xds: undefined }, { meshConfig }],
  [
    'ISTIO_META_CLUSTER_ID beats CLUSTER_ID',
    { CLUSTER_ID: 'b', ISTIO_META_CLUSTER_ID: 'a' },
    { clusterId: 'a', proxyMetadata: { CLUSTER_ID: 'a' } },
  ],
  ['CLUSTER_ID alone counts', { CLUSTER_ID: 'b' }, { clusterId: 'b' }],
  [
    'ISTIO_META_ beats metadata of PROXY_CONFIG',
    { ...metadata('DNS_CAPTURE: "true"'), ISTIO_META_DNS_CAPTURE: 'false' },
    { dnsProxyAddr: undefined },
  ],
  [
    'headers are told in lower case, under their own variables',
    { XDS_HEADER_X_ONE: '1', CA_HEADER_Two: '2' },
    { xdsHeaders: [['x_one', '1']], caHeaders: [['two', '2']] },
  ],
  ['JSON metadata is handed on as text', { ISTIO_METAJSON_LABELS: '{"a":1}' }, { metaJson: { LABELS: '{"a":1}' }, proxyMetadata: {} }],
  [
    'the own workload takes name, namespace and account',
    { POD_NAME: 'z', POD_NAMESPACE: 'sys', SERVICE_ACCOUNT: 'zt' },
    { ownWorkload: { name: 'z', namespace: 'sys', serviceAccount: 'zt' } },
  ],
  ['and is absent while one of them is', { POD_NAME: 'z', POD_NAMESPACE: 'sys' }, { ownWorkload: undefined }],

  ['DNS is on', metadata('DNS_CAPTURE: "TRUE"'), { dnsProxyAddr: { ip: ip('127.0.0.1'), port: 15053 } }],
  ['DNS is off with anything but true', metadata('DNS_CAPTURE: "on"'), { dnsProxyAddr: undefined }],
  ['DNS on another port of localhost', metadata('DNS_PROXY_ADDR: "localhost:53"'), { dnsProxyAddr: { ip: ip('127.0.0.1'), port: 53 } }],
  ['DNS on an IPv6 address', { ISTIO_META_DNS_PROXY_ADDR: '[fd00::1]:53' }, { dnsProxyAddr: { ip: ip('fd00::1'), port: 53 } }],
  ['only DNS', { ENABLE_PROXY: 'false' }, { enableProxy: false }],
  ['on-demand xDS without DNS', { XDS_ON_DEMAND: 'true', ISTIO_META_DNS_CAPTURE: 'false' }, { xdsOnDemand: true }],

  ['the mark of shared mode can be another', { PACKET_MARK: '7' }, { mark: 7 }],
  [
    'dedicated mode has no mark',
    dedicated,
    { mark: undefined, proxyWorkloadInformation: { name: 'pod', namespace: 'ns', serviceAccount: 'sa' } },
  ],
  ['unless it is given one', { ...dedicated, PACKET_MARK: '7' }, { mark: 7 }],
  ['original source: insisted on', { ENABLE_ORIG_SRC: 'true' }, { requireOriginalSource: true }],
  ['original source: never', { ENABLE_ORIG_SRC: 'false' }, { requireOriginalSource: false }],
  [
    'durations take units',
    { SECRET_TTL: '1h30m', KEEPALIVE_TIME: '100ms', POOL_UNUSED_RELEASE_TIMEOUT: '5s' },
    { secretTtl: ms(5_400_000), keepaliveTime: ms(100), poolUnusedReleaseTimeout: ms(5_000) },
  ],

  ['threads by the CPUs', {}, { numWorkerThreads: 8 }, { cpus: 32 }],
  ['threads by the container', { ZTUNNEL_RESOURCE_CPU_LIMIT: '2500m', ZTUNNEL_RESOURCE_CPU_REQUEST: '1' }, { numWorkerThreads: 3 }],
  ['threads by a share of the CPU limit', { ZTUNNEL_WORKER_THREADS: '50%', ZTUNNEL_CPU_LIMIT: '6' }, { numWorkerThreads: 3 }],
  ['threads as told, beating concurrency', { ZTUNNEL_WORKER_THREADS: '5' }, { numWorkerThreads: 5 }, { meshConfig }],
  ['one thread where ports are not shared', { INPOD_PORT_REUSE: 'false', ZTUNNEL_WORKER_THREADS: '5' }, { numWorkerThreads: 1 }],
  ['one thread in dedicated mode', { ...dedicated, ZTUNNEL_WORKER_THREADS: '5' }, { numWorkerThreads: 1 }],
  ['no thread in process', { ZTUNNEL_IN_PROCESS: 'true', ZTUNNEL_WORKER_THREADS: '5' }, { numWorkerThreads: 0 }],

  [
    'the drain deadline as told',
    { CONNECTION_TERMINATION_DEADLINE: '90s', TERMINATION_GRACE_PERIOD_SECONDS: '30' },
    { drainDeadline: ms(90_000) },
  ],
  ['the drain deadline by the grace period', { TERMINATION_GRACE_PERIOD_SECONDS: '30' }, { drainDeadline: ms(25_000) }],
];
for (const [rule, env, want, extra] of rows) {
  test(rule, () => {
    expect(configured(env, extra)).toMatchObject(want);
  });
}

const deadlines: readonly (readonly [grace: number | undefined, want: number])[] = [
  [undefined, 5],
  [30, 25],
  [11, 6],
  [10, 9],
  [2, 1],
  [1, 1],
  [0, 1],
];
test.each(deadlines)('a grace period of %s s leaves %s s to drain', (grace, want) => {
  expect(drainDeadline(undefined, grace)).toBe(want * 1_000);
});
test('a deadline of nothing is one', () => {
  expect(drainDeadline(ms(0), 30)).toBe(0);
});

describe('mistakes', () => {
  const bad: readonly (readonly [env: Env, want: string])[] = [
    [{ ENABLE_PROXY: 'yes' }, 'ENABLE_PROXY is "yes" but must be true or false.'],
    [{ PROXY_MODE: 'sidecar' }, 'PROXY_MODE is "sidecar" but must be "shared" or "dedicated".'],
    [{ PROXY_WORKLOAD_INFO: 'ns/pod' }, 'PROXY_WORKLOAD_INFO is "ns/pod" but must be namespace/name/serviceaccount.'],
    [{ PACKET_MARK: '0' }, 'PACKET_MARK is "0" but must be a whole number from 1 to 4294967295.'],
    [{ KEEPALIVE_RETRIES: '9.5' }, 'KEEPALIVE_RETRIES is "9.5" but must be a whole number from 1 to 127.'],
    [{ SECRET_TTL: '24' }, 'SECRET_TTL is "24" but must be a duration such as 5s, 1m30s or 100ms.'],
    [{ CA_ADDRESS: '' }, 'CA_ADDRESS is "" but must be text that is not empty.'],
    [{ COMPLIANCE_POLICY: 'fips' }, 'COMPLIANCE_POLICY is "fips" but must be "" or "pqc".'],
    [{ RUST_LOG: 'chatty' }, 'RUST_LOG is "chatty" but must be log directives such as info or dns=debug,info.'],
    [{ LOG_FORMAT: 'xml' }, 'LOG_FORMAT is "xml" but must be "plain" or "json".'],
    [
      { ZTUNNEL_WORKER_THREADS: '0%' },
      'ZTUNNEL_WORKER_THREADS is "0%" but must be a number of threads up to 1024, or a share of the CPUs such as 25%.',
    ],
    [{ ZTUNNEL_RESOURCE_CPU_LIMIT: '2Gi' }, 'ZTUNNEL_RESOURCE_CPU_LIMIT is "2Gi" but must be a CPU quantity such as 2, 1.5 or 500m.'],
    [{ ISTIO_META_DNS_PROXY_ADDR: 'dns:53' }, 'ISTIO_META_DNS_PROXY_ADDR is "dns:53" but must be localhost:port or ip:port.'],
    [metadata('DNS_PROXY_ADDR: "127.0.0.1"'), 'ISTIO_META_DNS_PROXY_ADDR is "127.0.0.1" but must be localhost:port or ip:port.'],
    [{ PROXY_CONFIG: 'statsPort: -1' }, 'PROXY_CONFIG: statsPort must be a whole number from 0 to 65535.'],
    [{ LOCAL_XDS: 'workloads: []', LOCAL_XDS_PATH: '/mesh.yaml' }, 'LOCAL_XDS_PATH and LOCAL_XDS are both set; give one.'],
    [{ XDS_ON_DEMAND: 'true' }, 'XDS_ON_DEMAND cannot be used with the DNS proxy; set ISTIO_META_DNS_CAPTURE=false or turn it off.'],
    [{ ENABLE_PROXY: 'false', ISTIO_META_DNS_CAPTURE: 'false' }, 'ENABLE_PROXY is false and the DNS proxy is off: nothing is left to do.'],
    [{ PROXY_MODE: 'dedicated' }, 'PROXY_MODE is dedicated, so PROXY_WORKLOAD_INFO must say namespace/name/serviceaccount.'],
    [{ FAKE_CA: 'true' }, 'FAKE_CA is for tests of other meshes; this build signs nothing by itself. Give CA_ADDRESS.'],
  ];
  test.each(bad)('%j', (env, want) => {
    expect(configure({ env, cpus: 4, meshConfig: undefined })).toEqual({ mistakes: [want] });
  });

  test('all of one kind are reported together: values first, then what contradicts itself', () => {
    const env = { ENABLE_PROXY: '1', LOG_FORMAT: '', PROXY_CONFIG: '[]', ISTIO_META_DNS_PROXY_ADDR: 'x' };
    expect(configure({ env, cpus: 4, meshConfig: 'defaultConfig: 1' })).toMatchObject({ mistakes: { length: 4 } });
    const contradictory = { FAKE_CA: 'true', PROXY_MODE: 'dedicated', XDS_ON_DEMAND: 'true' };
    expect(configure({ env: contradictory, cpus: 4, meshConfig: undefined })).toMatchObject({ mistakes: { length: 3 } });
  });

  test('a secret is never repeated', () => {
    const result = configure({ env: { AUTH_TOKEN: '' }, cpus: 4, meshConfig: undefined });
    expect(result).toEqual({ mistakes: ['AUTH_TOKEN has a value that is not shown but must be text that is not empty.'] });
  });
});

test('any environment is a configuration that can be shown, or mistakes of one line each', () => {
  const names = [...Object.values(settings).flatMap(({ env }) => env), 'ISTIO_META_DNS_PROXY_ADDR', 'ISTIO_METAJSON_X', 'XDS_HEADER_X'];
  const likely = fc.constantFrom(
    '',
    'true',
    'false',
    '0',
    '7',
    '50%',
    '500m',
    '1m30s',
    'a/b/c',
    '[::1]:53',
    'dedicated',
    '{}',
    'pqc',
    'https://x:1',
  );
  const env = fc.dictionary(fc.constantFrom(...names), fc.oneof(likely, fc.string()));
  fc.assert(
    fc.property(env, fc.option(fc.string(), { nil: undefined }), (given, meshConfig) => {
      const result = configure({ env: given, cpus: 4, meshConfig });
      if ('ok' in result) expect(() => JSON.stringify(shownConfig(result.ok))).not.toThrow();
      else for (const mistake of result.mistakes) expect(mistake).toMatch(/^[^\n]+\.$/);
    }),
    { numRuns: 500 },
  );
});

test('the configuration cannot be changed', () => {
  expect(Object.isFrozen(configured({}))).toBe(true);
});

describe('as config_dump shows it', () => {
  test('durations in seconds and nanoseconds, the DNS address as text', () => {
    const shown = shownConfig(configured({ CONNECTION_TERMINATION_DEADLINE: '1s500ms' }));
    expect(shown).toMatchObject({
      drainDeadline: { secs: 1, nanos: 500_000_000 },
      secretTtl: { secs: 86_400, nanos: 0 },
      dnsProxyAddr: '127.0.0.1:15053',
    });
  });

  test('without anything that may be secret', () => {
    const secret = 'sesame';
    const env = {
      AUTH_TOKEN: secret,
      XDS_HEADER_AUTHORIZATION: secret,
      CA_HEADER_KEY: secret,
      LOCAL_XDS: secret,
      XDS_ROOT_CA: secret,
      CA_ROOT_CA: secret,
    };
    expect(JSON.stringify(shownConfig(configured(env)))).not.toContain(secret);
  });
});
