// The baggage that a workload's side sends, encoded once for as long as the workload stays as it is.
// Used by ztunnel and waypoint for every CONNECT request.
import type { Workload } from '@ambient-mesh/model/workload';
import { encodeBaggage } from './baggage.ts';

const encoded = new WeakMap<Workload, string>();

export function baggageOf(workload: Workload): string {
  const known = encoded.get(workload);
  if (known !== undefined) return known;
  const { clusterId, namespace, workloadType, workloadName, canonicalName, canonicalRevision, locality } = workload;
  const text = encodeBaggage({
    clusterId,
    namespace,
    workloadType,
    workloadName,
    canonicalName,
    canonicalRevision,
    region: locality.region,
    zone: locality.zone,
  });
  encoded.set(workload, text);
  return text;
}
