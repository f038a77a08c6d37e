// How endpoints of a service are chosen, as far as its object and its namespace say (facts: control-plane §3.10, §3.11).
// Called for Services and ServiceEntries alike.
import type { LoadBalancer } from '@ambient-mesh/model/service';
import type { ServiceEntry } from './kinds/entries.ts';
import type { Labels } from './kinds/meta.ts';
import type { KubeNamespace } from './kinds/place.ts';
import type { KubeService } from './kinds/service.ts';

const sameNodeOnly: LoadBalancer = { routingPreferences: ['Node'], mode: 'Strict', healthPolicy: 'OnlyHealthy' };
const preferSameZone: LoadBalancer = {
  routingPreferences: ['Network', 'Region', 'Zone'],
  mode: 'Failover',
  healthPolicy: 'OnlyHealthy',
};
const preferSameNode: LoadBalancer = {
  routingPreferences: ['Network', 'Region', 'Zone', 'Subzone', 'Node'],
  mode: 'Failover',
  healthPolicy: 'OnlyHealthy',
};
const noPreference: LoadBalancer = { routingPreferences: [], mode: 'Standard', healthPolicy: 'OnlyHealthy' };
const passthrough: LoadBalancer = { routingPreferences: [], mode: 'Passthrough', healthPolicy: 'AllowAll' };

/** The field of the specification, which Kubernetes checks: case counts. */
const distributions: ReadonlyMap<string, LoadBalancer> = new Map([
  ['PreferClose', preferSameZone],
  ['PreferSameZone', preferSameZone],
  ['PreferSameNode', preferSameNode],
]);

/** The annotation, which nobody checks: case does not count. */
const annotated: ReadonlyMap<string, LoadBalancer> = new Map([...distributions].map(([word, lb]) => [word.toLowerCase(), lb]));

/** Undefined: any healthy endpoint is as good as another. */
export function loadBalancerOf(service: KubeService, namespace: KubeNamespace | undefined): LoadBalancer | undefined {
  const chosen =
    service.internalTrafficPolicy === 'Local'
      ? sameNodeOnly
      : (distributions.get(service.trafficDistribution) ?? fromAnnotations(service.meta.annotations, namespace));
  return service.publishNotReadyAddresses ? { ...(chosen ?? noPreference), healthPolicy: 'AllowAll' } : chosen;
}

/** Without resolution connections go where they were going: there is nothing to choose. */
export function loadBalancerOfEntry(entry: ServiceEntry, namespace: KubeNamespace | undefined): LoadBalancer | undefined {
  return entry.resolution === 'NONE' ? passthrough : fromAnnotations(entry.meta.annotations, namespace);
}

/** The object's own annotation decides before its namespace's, whatever it says: an unknown word means no preference. An empty one says nothing. */
function fromAnnotations(own: Labels, namespace: KubeNamespace | undefined): LoadBalancer | undefined {
  const annotation = 'networking.istio.io/traffic-distribution';
  return annotated.get((own[annotation] || (namespace?.meta.annotations[annotation] ?? '')).toLowerCase());
}
