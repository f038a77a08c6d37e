// Several objects may claim one hostname: who speaks for it in each namespace, and who for namespaces without an own claim (facts: control-plane §3.13).
// Clients look in their own namespace first, then for the canonical one. Pure; the order of the claims does not matter.
import type { Service } from '@ambient-mesh/model/service';
import type { ServiceInfo } from './service-info.ts';
import { byText } from './text-order.ts';

export interface Settled {
  /** One per namespace, by namespace; at most one of them canonical. */
  readonly services: readonly Service[];
  /** Claims that came second in their namespace: neither they nor endpoints of an entry that lost all its hosts are sent. */
  readonly lost: readonly ServiceInfo[];
}

/** Of one hostname. */
export function settle(claims: readonly ServiceInfo[]): Settled {
  const winners = new Map<string, ServiceInfo>();
  const lost: ServiceInfo[] = [];
  const ranked = claims.toSorted(byRank);
  for (const claim of ranked) {
    const { namespace } = claim.service;
    if (winners.has(namespace)) lost.push(claim);
    else winners.set(namespace, claim);
  }
  const canonical = [...winners.values()].find(({ source, service }) => source.kind === 'Service' || service.visibility === 'Public');
  const services = [...winners.values()]
    .map((claim) => (claim === canonical ? { ...claim.service, canonical: true } : claim.service))
    .sort((a, b) => byText(a.namespace, b.namespace));
  return { services, lost };
}

/** Kubernetes Services before entries, then the older; within one second of birth, by name, so that every replica agrees. */
function byRank(a: ServiceInfo, b: ServiceInfo): number {
  return (
    Number(a.source.kind !== 'Service') - Number(b.source.kind !== 'Service') ||
    a.createdAt - b.createdAt ||
    byText(a.source.namespace, b.source.namespace) ||
    byText(a.source.name, b.source.name)
  );
}
