// Turns the environment into one frozen configuration, or into every mistake at once: nothing else in the ztunnel reads the environment.
// The table is settings.ts; proxy configuration and thread counts have files of their own.
// Called by main.ts, which hands in the environment and a way to read files.
import { formatSocket, parseSocket, type SocketAddress } from '@ambient-mesh/model/address';
import { type Environment, readSettings, type Values } from '@ambient-mesh/runtime/settings';
import { type Ms, ms } from '@ambient-mesh/runtime/time';
import { type ProxyConfig, proxyConfig } from './proxy-config.ts';
import { settings } from './settings.ts';
import { workerThreads } from './worker-threads.ts';

export interface Derived {
  /** 0: the data plane runs in the main thread. */
  readonly numWorkerThreads: number;
  readonly adminPort: number;
  readonly statsPort: number;
  /** Undefined: off. */
  readonly dnsProxyAddr: SocketAddress | undefined;
  /** Undefined: xDS is off. */
  readonly xds: string | undefined;
  readonly ca: string | undefined;
  readonly mark: number | undefined;
  readonly drainDeadline: Ms;
  readonly proxyMetadata: Readonly<Record<string, string>>;
  /** Present when POD_NAME, POD_NAMESPACE and SERVICE_ACCOUNT are all given. */
  readonly ownWorkload: { readonly name: string; readonly namespace: string; readonly serviceAccount: string } | undefined;
  readonly xdsHeaders: readonly (readonly [string, string])[];
  readonly caHeaders: readonly (readonly [string, string])[];
  /** ISTIO_METAJSON_* as text; parsed by the xDS client. */
  readonly metaJson: Readonly<Record<string, string>>;
  /** Port numbers of the listeners in pods; tests move them. */
  readonly ports: Ports;
}

export interface Ports {
  readonly outbound: number;
  readonly inboundPlaintext: number;
  readonly inboundHbone: number;
  readonly socks5: number;
  readonly readiness: number;
}

export type Config = Values<typeof settings> & Derived;

export interface ConfigSources {
  readonly env: Environment;
  readonly cpus: number;
  /** Text of the mesh configuration file, if there is one. */
  readonly meshConfig: string | undefined;
}

const defaultPorts: Ports = { outbound: 15001, inboundPlaintext: 15006, inboundHbone: 15008, socks5: 15080, readiness: 15021 };
const defaultMark = 1337;

export function configure({ env, cpus, meshConfig }: ConfigSources): { readonly ok: Config } | { readonly mistakes: readonly string[] } {
  const read = readSettings(settings, env);
  const proxy = proxyConfig(meshConfig, env.PROXY_CONFIG, env);
  const dns = 'ok' in proxy ? dnsAddress(proxy.ok.proxyMetadata) : undefined;
  const mistakes = ['mistakes' in read ? read.mistakes : [], 'mistakes' in proxy ? proxy.mistakes : []].flat();
  if (typeof dns === 'string') mistakes.push(dns);
  if ('mistakes' in read || 'mistakes' in proxy || typeof dns === 'string') return { mistakes };
  const s = read.ok;
  const contradictory = contradictions(s, dns !== undefined);
  if (contradictory.length > 0) return { mistakes: contradictory };
  const fallback = s.kubernetesServiceHost !== undefined ? 'https://istiod.istio-system.svc:15012' : 'https://localhost:15012';
  return {
    ok: Object.freeze({
      ...s,
      numWorkerThreads: threadCount(s, proxy.ok, cpus),
      adminPort: proxy.ok.proxyAdminPort ?? 15000,
      statsPort: proxy.ok.statsPort ?? 15020,
      dnsProxyAddr: dns,
      xds: url(s.xdsAddress ?? proxy.ok.discoveryAddress ?? fallback),
      ca: url(s.caAddress ?? fallback),
      mark: s.packetMark ?? (s.proxyMode === 'shared' ? defaultMark : undefined),
      drainDeadline: drainDeadline(s.terminationDeadline, s.terminationGracePeriodSeconds),
      proxyMetadata: proxy.ok.proxyMetadata,
      ownWorkload:
        s.podName && s.podNamespace && s.serviceAccount
          ? { name: s.podName, namespace: s.podNamespace, serviceAccount: s.serviceAccount }
          : undefined,
      xdsHeaders: headers(env, 'XDS_HEADER_'),
      caHeaders: headers(env, 'CA_HEADER_'),
      metaJson: Object.fromEntries(prefixed(env, 'ISTIO_METAJSON_')),
      ports: defaultPorts,
    }),
  };
}

/** After SIGTERM: the deadline itself, else 5 s less than the pod's grace period (1 s less where that is short), else 5 s. */
export function drainDeadline(deadline: Ms | undefined, graceSeconds: number | undefined): Ms {
  if (deadline !== undefined) return deadline;
  if (graceSeconds === undefined) return ms(5_000);
  return ms(Math.max(1, graceSeconds > 10 ? graceSeconds - 5 : graceSeconds - 1) * 1_000);
}

function threadCount(s: Values<typeof settings>, proxy: ProxyConfig, cpus: number): number {
  if (s.inProcess) return 0;
  // Several threads share a pod's ports by SO_REUSEPORT only.
  if (!s.inpodPortReuse || s.proxyMode === 'dedicated') return 1;
  return workerThreads({
    cpus,
    wanted: s.workerThreads,
    cpuLimit: s.cpuLimit,
    resourceLimit: s.resourceCpuLimit,
    resourceRequest: s.resourceCpuRequest,
    concurrency: proxy.concurrency,
  });
}

function contradictions(s: Values<typeof settings>, dns: boolean): string[] {
  const found: string[] = [];
  if (s.localXdsPath !== undefined && s.localXds !== undefined) found.push('LOCAL_XDS_PATH and LOCAL_XDS are both set; give one.');
  if (dns && s.xdsOnDemand) found.push('XDS_ON_DEMAND cannot be used with the DNS proxy; set ISTIO_META_DNS_CAPTURE=false or turn it off.');
  if (!s.enableProxy && !dns) found.push('ENABLE_PROXY is false and the DNS proxy is off: nothing is left to do.');
  if (s.proxyMode === 'dedicated' && s.proxyWorkloadInformation === undefined)
    found.push('PROXY_MODE is dedicated, so PROXY_WORKLOAD_INFO must say namespace/name/serviceaccount.');
  if (s.fakeCa) found.push('FAKE_CA is for tests of other meshes; this build signs nothing by itself. Give CA_ADDRESS.');
  return found;
}

/** Undefined: off. A string is a mistake. `localhost` is written as 127.0.0.1; listeners add ::1 where there is IPv6. */
function dnsAddress(metadata: Readonly<Record<string, string>>): SocketAddress | undefined | string {
  const capture = metadata.DNS_CAPTURE;
  if (capture !== undefined && capture.toLowerCase() !== 'true') return undefined;
  const wanted = metadata.DNS_PROXY_ADDR ?? 'localhost:15053';
  return (
    parseSocket(wanted.replace(/^localhost:/, '127.0.0.1:')) ??
    `ISTIO_META_DNS_PROXY_ADDR is "${wanted}" but must be localhost:port or ip:port.`
  );
}

const url = (address: string): string | undefined =>
  address === '' ? undefined : address.includes('://') ? address : `https://${address}`;

const prefixed = (env: Environment, prefix: string): (readonly [string, string])[] =>
  Object.entries(env).flatMap(([k, v]) => (k.startsWith(prefix) && v !== undefined ? [[k.slice(prefix.length), v] as const] : []));

const headers = (env: Environment, prefix: string): (readonly [string, string])[] =>
  prefixed(env, prefix).map(([k, v]) => [k.toLowerCase(), v] as const);

const durations = new Set<string>([
  'keepaliveTime',
  'keepaliveInterval',
  'secretTtl',
  'poolUnusedReleaseTimeout',
  'terminationDeadline',
  'drainDeadline',
]);

const hidden = new Set<string>(['authToken', 'xdsHeaders', 'caHeaders', 'xdsRootCert', 'caRootCert', 'localXds']);

/** What config_dump shows: durations as `{secs, nanos}`, nothing that may hold a secret, no inline state. */
export function shownConfig(config: Config): Readonly<Record<string, unknown>> {
  const { dnsProxyAddr, ...rest } = config;
  const shown = Object.entries(rest)
    .filter(([k]) => !hidden.has(k))
    .map(([k, v]) => {
      if (durations.has(k) && typeof v === 'number') return [k, { secs: Math.floor(v / 1000), nanos: Math.round((v % 1000) * 1e6) }];
      return [k, v];
    });
  return { ...Object.fromEntries(shown), dnsProxyAddr: dnsProxyAddr === undefined ? undefined : formatSocket(dnsProxyAddr) };
}
