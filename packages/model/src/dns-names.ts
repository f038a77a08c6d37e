// The look-up part of the DNS proxy: which addresses a pod gets for a name, or that the question is for somebody else.
// Pure; called by ztunnel/dns/answer.ts, which reads and writes the messages (facts: ztunnel §10).
import { type Family, familyOf, type Ip } from './address.ts';
import type { Mesh } from './mesh.ts';
import type { Service } from './service.ts';
import type { Workload } from './workload.ts';

export interface DnsQuestion {
  /** The pod that asks. */
  readonly client: Workload;
  /** As asked, in any case, with or without the final dot. */
  readonly name: string;
  /** `A`, `AAAA`, or any other record type, which is never answered here. */
  readonly type: string;
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
  /** In order; `kubernetesSearch` gives those of a pod. */
  readonly searchDomains: readonly string[];
  /** Breaks ties after the client's own namespace and canonical services. */
  readonly preferredNamespace?: string | undefined;
  /** Whether AAAA may be answered at all. */
  readonly ipv6: boolean;
  /** 0 <= x < 1; called once per address, to shuffle. */
  readonly random: () => number;
}

export type DnsAnswer =
  | 'forward'
  | {
      /** Shuffled. None: the name exists but has no record of this type. */
      readonly addresses: readonly Ip[];
      /** Set when a search domain had to be taken off: the name asked for is an alias of this one, which owns the addresses. */
      readonly canonicalName?: string;
    };

interface Alias {
  readonly name: string;
  /** What remained when a search domain was taken off. */
  readonly stripped?: string;
}

export function dnsAnswer(mesh: Mesh, question: DnsQuestion): DnsAnswer {
  const { client, type, ipv6 } = question;
  if (type !== 'A' && type !== 'AAAA') return 'forward';
  const found = findName(mesh, question);
  if (!found) return 'forward';
  const family: Family = type === 'A' ? 4 : 6;
  const { service, canonicalName } = found;
  const families = service.ipFamilies ?? 'Dual';
  const offered = (family === 4 ? families !== 'IPv6' : families !== 'IPv4' && ipv6) ? addressesOf(mesh, service, client, family) : [];
  if (offered.length === 0) return { addresses: [] };
  return { addresses: shuffled(offered, question.random), ...(canonicalName !== undefined && { canonicalName }) };
}

/** Every name that the asked one may stand for, in the order in which they are tried. */
export function aliases({ name, client, clusterDomain, searchDomains }: DnsQuestion): readonly Alias[] {
  const asked = normal(name);
  const expand = (short: string): string[] => [short, ...kubernetesNames(short, client.namespace, clusterDomain)];
  const all: Alias[] = expand(asked).map((expanded) => ({ name: expanded }));
  for (const domain of searchDomains) {
    if (!asked.endsWith(`.${domain}`)) continue;
    const stripped = asked.slice(0, -domain.length - 1);
    all.push(...expand(stripped).map((expanded) => ({ name: expanded, stripped })));
  }
  const seen = new Set<string>();
  return all.filter((alias) => alias.name !== '' && !seen.has(alias.name) && seen.add(alias.name));
}

/** What a short name means inside a cluster: `x` is `x.<client's namespace>.svc.<domain>`, and so on; a longer name is itself only. */
export function kubernetesNames(name: string, namespace: string, clusterDomain: string): readonly string[] {
  const labels = name.split('.');
  const svc = `svc.${clusterDomain}`;
  if (labels.includes('')) return [];
  switch (labels.length) {
    case 1:
      return [`${name}.${namespace}.${svc}`];
    case 2:
      return [`${name}.${svc}`, `${name}.${namespace}.${svc}`];
    case 3:
      return labels[2] === 'svc' ? [`${name}.${clusterDomain}`, `${name}.${svc}`] : [`${name}.${svc}`];
    case 4:
      return labels[3] === 'svc' ? [`${name}.${clusterDomain}`] : [];
    default:
      return [];
  }
}

/** `a.b.c` -> `*.b.c`, `*.c`. */
export function wildcards(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`);
}

/** The search list of every pod. */
export const kubernetesSearch = (namespace: string, clusterDomain: string): readonly string[] => [
  `${namespace}.svc.${clusterDomain}`,
  `svc.${clusterDomain}`,
  clusterDomain,
];

function findName(mesh: Mesh, question: DnsQuestion): { readonly service: Service; readonly canonicalName?: string } | undefined {
  const { client, clusterDomain, preferredNamespace } = question;
  const preference = { clientNamespace: client.namespace, preferredNamespace };
  // A service without addresses has an answer only if it is headless; others (ServiceEntries, say) are for the real resolver.
  const answerable = ({ vips, hostname }: Service): boolean => vips.length > 0 || hostname.endsWith(`.svc.${clusterDomain}`);
  for (const { name, stripped } of aliases(question)) {
    const exact = mesh.serviceByHostname(name, preference, answerable);
    if (exact) return { service: exact, ...(stripped !== undefined && { canonicalName: stripped }) };
    for (const pattern of wildcards(name)) {
      const wild = mesh.serviceByHostname(pattern, preference, answerable);
      if (wild) return { service: wild };
    }
  }
  return undefined;
}

/** Virtual addresses on the client's own network; for a headless service the first address of each endpoint. */
function addressesOf(mesh: Mesh, service: Service, client: Workload, family: Family): readonly Ip[] {
  const ofFamily = (ip: Ip): boolean => familyOf(ip) === family;
  if (service.vips.length > 0)
    return service.vips.filter(({ network, ip }) => network === client.network && ofFamily(ip)).map(({ ip }) => ip);
  return mesh.endpoints(service).flatMap(({ addresses }) => addresses.find(ofFamily) ?? []);
}

/** Fisher-Yates, on a copy. */
function shuffled<V>(values: readonly V[], random: () => number): readonly V[] {
  const rest = [...values];
  const out: V[] = [];
  while (rest.length > 0) {
    const at = Math.floor(random() * rest.length);
    const picked = rest[at] as V;
    rest[at] = rest[rest.length - 1] as V;
    rest.pop();
    out.push(picked);
  }
  return out;
}

const normal = (name: string): string => name.toLowerCase().replace(/\.$/, '');
