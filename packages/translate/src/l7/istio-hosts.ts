// How Istio's objects name services, and whom they are written for. Pure.
// Used by virtual-service.ts and destination-rule.ts.
import type { RouteLookUp, RouteTarget } from './route-look-up.ts';

/** A name without a dot is a Service of the object's own namespace; others are complete. Lower case. */
export function fullHost(host: string, namespace: string, clusterDomain: string): string {
  const complete = host.includes('.') || host.includes('*');
  return (complete ? host : `${host}.${namespace}.svc.${clusterDomain}`).toLowerCase();
}

/** All services that a host means, which may be `*` or `*.suffix`. */
export const servicesOf = (host: string, look: RouteLookUp): readonly RouteTarget[] =>
  host.startsWith('*') ? look.endingIn(host.slice(1)) : look.named(host);

/** Whether an object of one namespace is meant for another one; `~` stands for nobody. */
export const exportedTo = (exportTo: readonly string[], own: string, namespace: string): boolean =>
  exportTo.length === 0 || exportTo.some((each) => each === '*' || each === namespace || (each === '.' && own === namespace));
