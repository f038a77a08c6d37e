// DestinationRule: from the object to the model's settings, with subsets as the workloads that they are now (facts: control-plane §6.6). Pure.
// Called by the index for each DestinationRule. What a policy says is traffic-policy.ts's.
import type { DestinationSettings } from '@ambient-mesh/model/l7/destination';
import type { DestinationRule } from '../kinds/destination-rule.ts';
import type { Labels } from '../kinds/meta.ts';
import { inRevision } from '../revision.ts';
import type { TranslateSettings } from '../settings.ts';
import { byText } from '../text-order.ts';
import { createdAt } from './age.ts';
import { fullHost, servicesOf } from './istio-hosts.ts';
import { keyOf, type RouteLookUp } from './route-look-up.ts';
import { mergedOver, partsOf, trafficPolicy } from './traffic-policy.ts';

export interface TranslatedDestinationRule {
  /** Absent when no waypoint has anything to do with it. */
  readonly settings?: DestinationSettings;
  /** What is not carried out as written, for people. */
  readonly problems: readonly string[];
}

export function destinationRule(object: DestinationRule, look: RouteLookUp, settings: TranslateSettings): TranslatedDestinationRule {
  const { meta, exportTo, forSome } = object;
  if (!inRevision(meta, settings.revision) || object.host === '') return { problems: [] };
  if (forSome) return { problems: ['a rule with a workloadSelector is for sidecars: waypoints leave it alone'] };
  if (exportTo.length > 0 && exportTo.every((each) => each === '~')) return { problems: [] };
  const host = fullHost(object.host, meta.namespace, settings.clusterDomain);
  const problems: string[] = [];
  const own = partsOf(object.policy, 'trafficPolicy', problems);
  const subsets = object.subsets.map(({ name, labels, policy }) => ({
    name,
    workloads: workloadsOf(host, labels, look),
    policy: trafficPolicy(mergedOver(own, partsOf(policy, `subset ${name}`, problems))),
  }));
  return {
    settings: {
      namespace: meta.namespace,
      name: meta.name,
      createdAt: createdAt(meta.createdAt),
      host,
      exportTo: readers(exportTo, meta.namespace),
      policy: trafficPolicy(own),
      subsets,
    },
    problems: [...new Set(problems)],
  };
}

/** Namespaces; empty: all. */
function readers(exportTo: readonly string[], own: string): readonly string[] {
  if (exportTo.length === 0 || exportTo.includes('*')) return [];
  return [...new Set(exportTo.filter((each) => each !== '~').map((each) => (each === '.' ? own : each)))].sort(byText);
}

const workloadsOf = (host: string, labels: Labels, look: RouteLookUp): readonly string[] =>
  [...new Set(servicesOf(host, look).flatMap((target) => look.workloadsOf(keyOf(target), labels)))].sort(byText);
