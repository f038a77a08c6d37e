// A pod as a workload of the mesh (facts: control-plane §3.4). Pure; what surrounds the pod is found by mesh-index.ts.
import type { ApplicationTunnel, Workload } from '@ambient-mesh/model/workload';
import type { KubeNode } from './kinds/place.ts';
import type { Pod } from './kinds/pod.ts';
import { addressesOf, canonicalOf, identityOf, nowhere, type Surroundings, tunnelOf } from './workload-common.ts';
import { workloadNameOf } from './workload-name.ts';

export interface PodSurroundings extends Surroundings {
  readonly node: KubeNode | undefined;
  /** Of a pod that is an instance of a waypoint: how that wants its traffic handed over. */
  readonly applicationTunnel: ApplicationTunnel | undefined;
}

export const podUid = (clusterId: string, { meta }: Pick<Pod, 'meta'>): string => `${clusterId}//Pod/${meta.namespace}/${meta.name}`;

/** Undefined while it has no address, and once it has run to its end. */
export function workloadFromPod(pod: Pod, around: PodSurroundings): Workload | undefined {
  const { meta } = pod;
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed' || pod.ips.length === 0) return undefined;
  const addresses = addressesOf(pod.ips);
  if (addresses === undefined) return undefined;
  const workloadName = workloadNameOf(pod);
  return {
    uid: podUid(around.settings.clusterId, pod),
    name: meta.name,
    namespace: meta.namespace,
    addresses,
    network: around.network,
    ...tunnelOf(meta),
    identity: identityOf(around.settings, meta.namespace, pod.serviceAccount),
    ...(around.waypoint && { waypoint: around.waypoint }),
    node: pod.node,
    ...canonicalOf(meta.labels, workloadName),
    workloadType: 'pod',
    workloadName,
    authorizationPolicies: around.policies,
    health: pod.ready && !pod.deleting ? 'Healthy' : 'Unhealthy',
    clusterId: around.settings.clusterId,
    hostname: '',
    services: around.services,
    ...(around.applicationTunnel && { applicationTunnel: around.applicationTunnel }),
    locality: around.node?.locality ?? nowhere,
    networkMode: pod.hostNetwork ? 'HostNetwork' : 'Standard',
    capacity: 1,
  };
}
