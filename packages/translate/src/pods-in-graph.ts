// What the graph of traffic needs to know of pods: the workloads that they are, by the name that metrics give them, and which of them are proxies. Pure.
// Used by istiod-lite and the CLI, which have pods from a watch and from a list.
import type { Pod } from './kinds/pod.ts';
import { workloadNameOf } from './workload-name.ts';

export interface GraphWorkload {
  readonly namespace: string;
  readonly name: string;
  readonly pods: number;
  /** All of its pods are. */
  readonly inMesh: boolean;
}

export interface GraphProxy {
  readonly namespace: string;
  /** Of the pod. */
  readonly name: string;
  readonly ip: string;
  readonly node: string;
  /** Name of the workload, for a waypoint; undefined: a ztunnel. */
  readonly waypoint: string | undefined;
}

const className = 'gateway.networking.k8s.io/gateway-class-name';
const isRunning = ({ phase, deleting }: Pod): boolean => !deleting && phase === 'Running';
const isWaypoint = ({ meta }: Pod): boolean => meta.labels[className]?.endsWith('waypoint') ?? false;

export function workloadsOf(pods: Iterable<Pod>): readonly GraphWorkload[] {
  const found = new Map<string, { namespace: string; name: string; pods: number; inMesh: boolean }>();
  for (const pod of pods) {
    if (!isRunning(pod)) continue;
    const { namespace, annotations } = pod.meta;
    const name = workloadNameOf(pod);
    const inMesh = annotations['ambient.istio.io/redirection'] === 'enabled' || isWaypoint(pod);
    const known = found.get(`${namespace}/${name}`);
    if (known === undefined) found.set(`${namespace}/${name}`, { namespace, name, pods: 1, inMesh });
    else Object.assign(known, { pods: known.pods + 1, inMesh: known.inMesh && inMesh });
  }
  return [...found.values()];
}

/** Those that tell metrics on port 15020. */
export function proxiesOf(pods: Iterable<Pod>, systemNamespace: string): readonly GraphProxy[] {
  const proxies: GraphProxy[] = [];
  for (const pod of pods) {
    const { namespace, name, labels } = pod.meta;
    const [ip] = pod.ips;
    const waypoint = isWaypoint(pod) ? workloadNameOf(pod) : undefined;
    const isZtunnel = namespace === systemNamespace && labels.app === 'ztunnel';
    if (!isRunning(pod) || ip === undefined || (waypoint === undefined && !isZtunnel)) continue;
    proxies.push({ namespace, name, ip, node: pod.node, waypoint });
  }
  return proxies;
}
