// What the API server writes into a new pod beyond the schema's defaults: service account, tolerations, first status, quality of service.
// Called by strategies.ts.

import { listAt, mapAt } from '../object.ts';
import { isObject, type Json, type KubeObject } from '../patch/json.ts';

/** Seconds that a pod stays on a node that is not ready or not reachable, as the default admission plug-in says. */
const tolerationSeconds = 300;

export function prepareNewPod(pod: KubeObject): void {
  const spec = isObject(pod.spec) ? pod.spec : {};
  pod.spec = spec;
  spec.serviceAccountName ??= spec.serviceAccount ?? 'default';
  spec.serviceAccount = spec.serviceAccountName;
  spec.priority ??= 0;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  const tolerations = listAt(spec, 'tolerations').filter(isObject);
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    if (tolerations.some((each) => each.key === key || (each.key === undefined && each.operator === 'Exists'))) continue;
    tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds });
  }
  spec.tolerations = tolerations;
  pod.status = { phase: 'Pending', qosClass: qualityOfService([...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')]) };
}

function qualityOfService(containers: readonly Json[]): string {
  const guaranteed = containers.every((container) => {
    const { limits, requests } = mapAt(container, 'resources');
    return ['cpu', 'memory'].every((resource) => {
      const limit = mapAt(limits)[resource];
      return limit !== undefined && (mapAt(requests)[resource] ?? limit) === limit;
    });
  });
  if (guaranteed && containers.length > 0) return 'Guaranteed';
  const anything = containers.some((container) => {
    const { limits, requests } = mapAt(container, 'resources');
    return Object.keys(mapAt(limits)).length + Object.keys(mapAt(requests)).length > 0;
  });
  return anything ? 'Burstable' : 'BestEffort';
}

/** Seconds between the wish to delete a pod and its end; 0 when nothing of it runs. */
export function podGracePeriod(pod: Readonly<KubeObject>, wanted: number | undefined): number {
  const { nodeName, terminationGracePeriodSeconds } = mapAt(pod.spec);
  const phase = mapAt(pod.status).phase;
  if (nodeName === undefined || nodeName === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  return wanted ?? (typeof terminationGracePeriodSeconds === 'number' ? terminationGracePeriodSeconds : 30);
}
