// What a port speaks, as far as Kubernetes or Istio objects say: appProtocol, the port's name, a well-known number (facts: control-plane §3.10).
// Hints for L7 proxies; undefined where the mesh has no word for it, which leaves the port opaque.
import type { Service } from '@ambient-mesh/model/service';
import type { ServicePort } from './kinds/service.ts';

export type AppProtocol = NonNullable<Service['appProtocols']> extends ReadonlyMap<number, infer Word> ? Word : never;

/** Every word that counts as said; those of no interest to the mesh are undefined, and keep a well-known number from speaking for the port. */
const words: ReadonlyMap<string, AppProtocol | undefined> = new Map<string, AppProtocol | undefined>([
  ['http', 'HTTP11'],
  ['http2', 'HTTP2'],
  ['grpc', 'GRPC'],
  ['tcp', 'TCP'],
  ['tls', 'TLS'],
  ['https', 'TLS'],
  ...['grpc-web', 'http_proxy', 'udp', 'mongo', 'mysql', 'redis'].map((word) => [word, undefined] as const),
]);

/** Values of appProtocol that Kubernetes itself defines; never names of ports. */
const kubernetesWords: ReadonlyMap<string, AppProtocol> = new Map([
  ['kubernetes.io/h2c', 'HTTP2'],
  ['kubernetes.io/ws', 'HTTP11'],
  ['kubernetes.io/wss', 'TLS'],
]);

/** Protocols where the server speaks first: SMTP, DNS, MySQL, MongoDB. Looking at the first bytes would wait for ever. */
const serverFirst: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

const grpcWeb = 'grpc-web';

export function appProtocolOf({ name, port, protocol, appProtocol }: Omit<ServicePort, 'targetPort'>): AppProtocol | undefined {
  if (protocol === 'UDP') return undefined;
  const standard = kubernetesWords.get(appProtocol);
  if (standard) return standard;
  const said = (appProtocol || name).toLowerCase();
  const [word = ''] = said.startsWith(grpcWeb) ? [grpcWeb] : said.split('-', 1);
  if (words.has(word)) return words.get(word);
  return serverFirst.has(port) ? 'TCP' : undefined;
}

/** A ServiceEntry names the protocol outright. */
export const appProtocolOfEntry = (protocol: string): AppProtocol | undefined => words.get(protocol.toLowerCase());
