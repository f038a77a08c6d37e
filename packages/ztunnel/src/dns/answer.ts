// The mesh's word on a DNS query: addresses of our own, nothing, or somebody else's question. Pure.
// Called by proxy.ts; the look-up rules are in model/dns-names, the wire in message.ts.
import { dnsAnswer, kubernetesSearch } from '@ambient-mesh/model/dns-names';
import type { Mesh } from '@ambient-mesh/model/mesh';
import type { Workload } from '@ambient-mesh/model/workload';
import { classIn, type OwnAnswer, type Query } from './message.ts';

export interface AnswerRules {
  readonly mesh: Mesh;
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
  /** The client's search list where it is known (dedicated mode: resolv.conf); absent: that of a pod of its namespace. */
  readonly searchDomains?: readonly string[] | undefined;
  /** Wins ties between services of one name (PREFERED_SERVICE_NAMESPACE). */
  readonly preferredNamespace?: string | undefined;
  /** Whether AAAA is answered at all. */
  readonly ipv6: boolean;
  /** 0 <= x < 1; shuffles the addresses. */
  readonly random: () => number;
}

export type LocalAnswer = 'forward' | OwnAnswer;

/** Only A and AAAA of class IN can be the mesh's. */
export function localAnswer(rules: AnswerRules, query: Query, client: Workload): LocalAnswer {
  const type = typeName(query.type);
  if (query.class !== classIn || (type !== 'a' && type !== 'aaaa')) return 'forward';
  const found = dnsAnswer(rules.mesh, {
    ...rules,
    client,
    name: query.name,
    type: type === 'a' ? 'A' : 'AAAA',
    searchDomains: rules.searchDomains ?? kubernetesSearch(client.namespace, rules.clusterDomain),
  });
  return found === 'forward' ? 'forward' : { alias: found.canonicalName, ips: found.addresses };
}

/** The types that clients really ask for; a client could otherwise make 65,536 metric series. */
const names: ReadonlyMap<number, string> = new Map([
  [1, 'a'],
  [2, 'ns'],
  [5, 'cname'],
  [6, 'soa'],
  [12, 'ptr'],
  [13, 'hinfo'],
  [15, 'mx'],
  [16, 'txt'],
  [28, 'aaaa'],
  [33, 'srv'],
  [35, 'naptr'],
  [43, 'ds'],
  [46, 'rrsig'],
  [47, 'nsec'],
  [48, 'dnskey'],
  [52, 'tlsa'],
  [64, 'svcb'],
  [65, 'https'],
  [251, 'ixfr'],
  [252, 'axfr'],
  [255, 'any'],
  [257, 'caa'],
]);

/** In lower case, as metrics show it. */
export const typeName = (type: number): string => names.get(type) ?? 'other';
